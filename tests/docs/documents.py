"""What the tests of the documents share: reading Markdown, and asking the program."""
import functools
import os
import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("RUNLET_BUILD", ROOT / "build/dev")).resolve()
BIN = Path(os.environ.get("RUNLET_BIN_DIR", BUILD / "bin")).resolve()
RUNLET = BIN / "runlet"

MARKDOWN = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"`([^`\n]+)`")


def read(path):
    return (ROOT / path).read_text()


def section(path, heading):
    """The text below a heading, up to the next one of the same or a higher level."""
    text = read(path)
    found = re.search(r"^(#+) " + re.escape(heading) + r"$", text, re.MULTILINE)
    assert found, f"{path} has no heading '{heading}'"
    rest = text[found.end():]
    end = re.search(r"^#{1,%d} " % len(found.group(1)), rest, re.MULTILINE)
    return rest[:end.start()] if end else rest


def tables(text):
    """The tables of a text: each a list of rows, each a list of cells, without the head."""
    found, rows = [], []
    for line in text.splitlines() + [""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            found.append(rows[2:])
            rows = []
    return found


def table(path, heading, number=0):
    found = tables(section(path, heading))
    assert len(found) > number, f"{path}, '{heading}': no table"
    return found[number]


def codes(cell):
    return CODE.findall(cell)


def first_codes(rows):
    return [name for row in rows for name in codes(row[0])]


def fences(path, language):
    return re.findall(r"^```" + language + r"\n(.*?)^```", read(path), re.MULTILINE | re.DOTALL)


def call(*words, **more):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False, **more)


@functools.lru_cache(maxsize=None)
def help_of(*words):
    done = call(RUNLET, *words, "--help")
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.lru_cache(maxsize=None)
def words():
    """What words.c prints, line by line."""
    sources = ["tests/docs/words.c", "agent/run/table.c", *sorted(p for d in ("base", "record") for p in ROOT.glob(f"common/{d}/*.c"))]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "words"
        done = call("gcc", "-std=gnu17", "-D_GNU_SOURCE", "-I", ROOT / "common", "-I", ROOT / "agent", "-o", program,
                    *(ROOT / s for s in sources))
        assert done.returncode == 0, done.stderr
        return [line.split() for line in call(program).stdout.splitlines()]


def lines(kind):
    return [w[1:] for w in words() if w[0] == kind]


def names_in(path, prefix):
    """The names of an enum's table in a C file: [PREFIX_X] = "name"."""
    return re.findall(r"\[" + prefix + r"_[A-Z_]+\]\s*=\s*\"([^\"]+)\"", read(path))
