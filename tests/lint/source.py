"""source - what the lints share: where sources are, text without comments and strings, the list of exceptions, and reporting."""
import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("common", "agent")

_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def blank(text, strings=True):
    """The text with comments (and the insides of strings) replaced by blanks: every offset and line number stays."""
    def replace(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[-1] if strings else token
        return re.sub(r"[^\n]", " ", token)

    return _TOKEN.sub(replace, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def files(root, suffixes, folders=FOLDERS):
    """Files below the folders, in order; build trees and caches are not sources."""
    found = []
    for folder in folders:
        found += [p for p in (root / folder).rglob("*") if p.suffix in suffixes and p.is_file()]
    return sorted(p for p in found if not {"build", "__pycache__"} & set(p.relative_to(root).parts))


class Report:
    """Collects "path:line: text"; exceptions.txt can excuse a place ("path" or "path:name")."""

    def __init__(self, lint, root):
        self.lint, self.root = lint, root
        self.problems = []
        self.excused = read_exceptions(lint, root)
        self.used = set()

    def add(self, path, line, text, name=None):
        where = str(Path(path).relative_to(self.root)) if Path(path).is_absolute() else str(path)
        for key in (where, f"{where}:{name}"):
            if key in self.excused:
                self.used.add(key)
                return
        self.problems.append(f"{where}:{line}: {text}")

    def finish(self):
        for key in sorted(set(self.excused) - self.used):
            self.problems.append(f"tests/lint/exceptions.txt:{self.excused[key]}: {self.lint} {key} is excused but is no problem")
        for problem in self.problems:
            print(problem)
        sys.exit(1 if self.problems else 0)


def read_exceptions(lint, root):
    """Lines "LINT PLACE REASON..." -> {place: line number}. A line without a reason excuses nothing."""
    path = root / "tests/lint/exceptions.txt"
    found = {}
    if not path.exists():
        return found
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split(None, 2)
        if len(words) == 3 and words[0] == lint:
            found[words[1]] = number
    return found


def arguments(description, add=None):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=Path, default=ROOT, help="the tree to look at")
    if add is not None:
        add(parser)
    options = parser.parse_args()
    options.root = options.root.resolve()
    return options
