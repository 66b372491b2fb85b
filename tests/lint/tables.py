#!/usr/bin/env python3
"""tables.py - every enum that ends in a ..._COUNT has a table with an entry for each member, and no table of names has a hole.

Tables of other things (budgets, edges) may leave entries out: there zero means "none"."""
import re

from source import arguments, blank, files, line_of, Report

ENUM = re.compile(r"\benum\s+(\w+)?\s*\{([^{}]*)\}")
# A count that is computed numbers the slots of an array; nothing needs names there.
MEMBER = re.compile(r"\s*(\w+)\s*(?:=[^,]*)?$")


def enums(text):
    """(count name, members, offset) of the enums whose last member is a ..._COUNT."""
    for match in ENUM.finditer(text):
        members = [m.group(1) for m in (MEMBER.match(part) for part in match.group(2).split(",")) if m]
        computed = re.search(r"_COUNT\s*=", match.group(2))
        if members and members[-1].endswith("_COUNT") and not computed:
            yield members[-1], members[:-1], match.start()


def tables(text, count):
    """(offset, whether it holds names, initialiser) of the arrays declared with [COUNT] first and initialised."""
    if count not in text:
        return
    for match in re.finditer(r"\w\s*\[\s*" + count + r"\s*\](?:\s*\[\s*\w+\s*\])*\s*=\s*\{", text):
        depth, end = 1, match.end()
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        declaration = re.split(r"[;{}]", text[max(0, match.start() - 200):match.start()])[-1]
        yield match.end(), "char *" in declaration, text[match.end():end - 1]


def check_enum(path, line, count, members, texts, report):
    complete = False
    for other, text in texts.items():
        for offset, names, initialiser in tables(text, count):
            missing = [m for m in members if not re.search(r"\[\s*" + m + r"\s*\]", initialiser)]
            complete = complete or not missing
            if names and initialiser.strip() not in ("", "0"):
                for member in missing:
                    report.add(other, line_of(text, offset), f"the table over {count} has no entry for {member}", member)
    if not complete:
        report.add(path, line, f"no table has an entry for each member up to {count}", count)


def main():
    options = arguments(__doc__.splitlines()[0])
    report = Report("tables", options.root)
    texts = {path: blank(path.read_text()) for path in files(options.root, {".c", ".h"})}
    for path, text in texts.items():
        for count, members, offset in enums(text):
            check_enum(path, line_of(text, offset), count, members, texts, report)
    report.finish()


if __name__ == "__main__":
    main()
