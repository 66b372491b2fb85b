#!/usr/bin/env python3
"""docs.py - what the documents show of the program is what the program says: fenced blocks after these marks must be its output.

    <!-- help: runlet run -->         `runlet run --help` follows in a fence
    <!-- config-reference -->         the table of configuration keys follows, up to <!-- end -->

With --fix the documents are brought up to date."""
import os
import re
import subprocess
from pathlib import Path

from source import arguments, line_of, Report

HELP = re.compile(r"<!-- help: runlet ?([a-z]*) -->\n+```[a-z]*\n(.*?)```", re.DOTALL)
REFERENCE = re.compile(r"<!-- config-reference -->\n(.*?)<!-- end -->", re.DOTALL)


def output_of(program, *words):
    return subprocess.run([program, *words], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout


def documents(root):
    found = [p for p in (root / "README.md", *sorted((root / "docs").rglob("*.md"))) if p.exists()]
    return found


def check(path, program, report, fix):
    text = path.read_text()
    wrong = []
    for match in HELP.finditer(text):
        words = [w for w in (match.group(1), "--help") if w]
        wrong.append((match.span(2), output_of(program, *words), f"runlet {' '.join(words)}"))
    for match in REFERENCE.finditer(text):
        wrong.append((match.span(1), "\n" + output_of(program, "gen", "config-reference") + "\n", "the table of keys"))
    for (start, end), expected, what in sorted(wrong, reverse=True):
        if text[start:end].strip() == expected.strip():
            continue
        if fix:
            text = text[:start] + expected + text[end:]
        else:
            report.add(path, line_of(text, start), f"this is not what the program says ({what}); tests/lint/docs.py --fix updates it")
    if fix:
        path.write_text(text)


def check_reference_is_there(root, report):
    path = root / "docs/configuration.md"
    if not path.exists() or not REFERENCE.search(path.read_text()):
        report.add(path, 1, "the table of configuration keys is missing (between <!-- config-reference --> and <!-- end -->)")


def more(parser):
    parser.add_argument("--program", type=Path, help="the runlet to ask")
    parser.add_argument("--fix", action="store_true", help="update the documents")


def main():
    options = arguments(__doc__.splitlines()[0], more)
    build = Path(os.environ.get("RUNLET_BUILD", options.root / "build/dev"))
    report = Report("docs", options.root)
    check_reference_is_there(options.root, report)
    for path in documents(options.root):
        check(path, options.program or build / "bin/runlet", report, options.fix)
    report.finish()


if __name__ == "__main__":
    main()
