#!/usr/bin/env python3
"""banned.py - calls that have no place in this code, each with what to use instead."""
import re

from source import arguments, blank, files, line_of, Report

STRINGS = "strbuf, snprintf or memcpy with a known length"
NUMBERS = "the strict readers of base/parse.h"
BANNED = {
    "strcpy": STRINGS, "strcat": STRINGS, "stpcpy": STRINGS, "strncpy": STRINGS, "strncat": STRINGS, "sprintf": STRINGS,
    "vsprintf": STRINGS, "gets": "fd_read_all or getline",
    "atoi": NUMBERS, "atol": NUMBERS, "atoll": NUMBERS, "atof": NUMBERS, "strtol": NUMBERS, "strtoul": NUMBERS, "strtoll": NUMBERS,
    "strtoull": NUMBERS, "sscanf": NUMBERS, "scanf": NUMBERS, "fscanf": NUMBERS,
    "strtok": "strcspn and strspn", "strtok_r": "strcspn and strspn",
    "system": "a child process with an argument list", "popen": "a child process with an argument list",
    "alloca": "malloc with AUTO_FREE", "tmpnam": "mkstemp or O_TMPFILE", "tempnam": "mkstemp or O_TMPFILE", "mktemp": "mkstemp",
    "asctime": "wall_format", "ctime": "wall_format",
    "localtime": "localtime_r or wall_format", "gmtime": "gmtime_r or wall_format",
    "rand": "getrandom", "srand": "getrandom", "vfork": "fork or clone", "setjmp": "returns", "longjmp": "returns",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
PATTERNS = (
    (re.compile(r"(?<![\w.>])signal\s*\([^;]*,\s*(?!SIG_IGN|SIG_DFL)\w+\s*\)\s*;"), "signal() with a handler: use sigaction or signalfd", "signal"),
    (re.compile(r"\bwaitpid\s*\(\s*-1\b"), "waitpid(-1) takes the children of others: wait for a pid or a pidfd", "waitpid"),
    (re.compile(r"^\s*#\s*define\b.*\b(?:goto|return)\b", re.MULTILINE), "a macro may not jump or return", "macro"),
)


def check(path, report, in_main):
    text = blank(path.read_text())
    for match in CALL.finditer(text):
        name = match.group(1)
        report.add(path, line_of(text, match.start()), f"{name}() is banned: use {BANNED[name]}", name)
    for pattern, why, name in PATTERNS:
        for match in pattern.finditer(text):
            report.add(path, line_of(text, match.start()), why, name)
    if not in_main:
        for match in re.finditer(r"(?<![\w.>])exit\s*\(", text):
            report.add(path, line_of(text, match.start()), "exit() below main: return an error (a forked child uses _exit)", "exit")


def main():
    options = arguments(__doc__)
    report = Report("banned", options.root)
    for path in files(options.root, {".c", ".h"}):
        check(path, report, path.name == "main.c")
    report.finish()


if __name__ == "__main__":
    main()
