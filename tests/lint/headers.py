#!/usr/bin/env python3
"""headers.py - every file says first what its one subject is, and include guards are named after the path."""
import re

from source import arguments, files, Report


def guard_of(relative):
    """common/base/auto.h -> BASE_AUTO_H"""
    return re.sub(r"\W", "_", "/".join(relative.parts[1:])).upper()


def check_comment(path, text, report):
    first = text.lstrip("#!")[:400] if text.startswith("#!") else text[:400]
    if path.suffix in (".c", ".h"):
        opening = re.match(r"(?:// USES:[^\n]*\n)?/\*\s*(?:\*\s*)?(\S+)", text)
        if opening is None or opening.group(1) != path.name:
            report.add(path, 1, f'the file must begin with a comment "{path.name} - its one subject"')
    elif path.suffix == ".py" and not re.match(r'(?:#![^\n]*\n)?"""', text):
        report.add(path, 1, "the file must begin with a docstring")
    elif path.suffix == ".sh" and not re.search(r"^# \S", first, re.MULTILINE):
        report.add(path, 1, "the file must begin with a comment")


def check_guard(path, relative, text, report):
    guard = guard_of(relative)
    found = re.search(r"^#ifndef (\w+)\n#define (\w+)\n", text, re.MULTILINE)
    if found is None or found.group(1) != guard or found.group(2) != guard:
        report.add(path, 1, f"the include guard must be {guard}")


def main():
    options = arguments(__doc__)
    report = Report("headers", options.root)
    for path in files(options.root, {".c", ".h", ".py", ".sh"}, ("common", "agent", "tests", "packaging")):
        text = path.read_text()
        if not text.strip():
            continue
        relative = path.relative_to(options.root)
        check_comment(path, text, report)
        if path.suffix == ".h":
            check_guard(path, relative, text, report)
    report.finish()


if __name__ == "__main__":
    main()
