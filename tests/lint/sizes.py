#!/usr/bin/env python3
"""sizes.py - sizes stay small while it is free: functions of at most 80 lines (nine of ten at most 45), files of at most 600."""
import re

from source import arguments, blank, files, Report

FUNCTION_MAX = 80
FUNCTION_P90_MAX = 45
FILE_MAX = 600


def functions(text):
    """(name, first line, length) of each function: its opening and closing braces stand alone in column 0."""
    lines = blank(text).split("\n")
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line.startswith("}") and start is not None:
            first = start
            while first > 0 and lines[first - 1].strip() and not lines[first - 1].startswith(("}", "#")):
                first -= 1
            signature = " ".join(lines[first:start])
            name = re.search(r"(\w+)\s*\(", signature)
            yield name.group(1) if name else "?", first + 1, number - first + 1
            start = None


def main():
    options = arguments(__doc__)
    report = Report("sizes", options.root)
    lengths = []
    for path in files(options.root, {".c", ".h"}):
        for name, line, length in functions(path.read_text()):
            lengths.append(length)
            if length > FUNCTION_MAX:
                report.add(path, line, f"{name}() has {length} lines; at most {FUNCTION_MAX}", name)
    for path in files(options.root, {".c", ".h", ".py", ".sh"}, ("common", "agent", "tests", "packaging")):
        count = path.read_text().count("\n")
        if count > FILE_MAX:
            report.add(path, count, f"the file has {count} lines; at most {FILE_MAX}")
    if lengths:
        lengths.sort()
        p90 = lengths[(len(lengths) * 9 - 1) // 10]
        print(f"{len(lengths)} functions, median {lengths[len(lengths) // 2]} lines, p90 {p90}, longest {lengths[-1]}")
        if p90 > FUNCTION_P90_MAX:
            report.add("common", 0, f"nine of ten functions should have at most {FUNCTION_P90_MAX} lines, they have {p90}")
    report.finish()


if __name__ == "__main__":
    main()
