#!/usr/bin/env python3
"""tidy.py - clang-tidy over every source of the build, two at a time; a file whose text, headers and checks did not change is not
looked at again."""
import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from source import arguments

ANALYZER = Path(__file__).resolve().parent / "analyzer.h"


def dependencies(build):
    """object -> the files it was made from, as ninja recorded them."""
    found, current = {}, None
    listing = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        if line.startswith(" "):
            current.append(line.strip())
        elif ":" in line:
            current = found.setdefault(line.split(":")[0], [])
    return found


def sources(root, build):
    """(source, its project files) for each entry of the compilation database below common/ and agent/."""
    deps = dependencies(build)
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = Path(entry["directory"], entry["file"]).resolve()
        if not path.is_relative_to(root) or path.relative_to(root).parts[0] not in ("common", "agent"):
            continue
        used = (Path(entry["directory"], d).resolve() for d in deps.get(entry.get("output", output_of(entry)), []))
        yield path, sorted({path, *(d for d in used if d.is_relative_to(root))})


def output_of(entry):
    words = entry["command"].split()
    return words[words.index("-o") + 1]


def fingerprint(files, root):
    digest = hashlib.sha256((root / ".clang-tidy").read_bytes() + ANALYZER.read_bytes())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def check(path, root, build):
    command = ["clang-tidy", "-p", str(build), "--quiet", f"--config-file={root}/.clang-tidy"]
    if path.name != "err.c" and ANALYZER.is_relative_to(root):
        command += [f"--extra-arg=-include{ANALYZER}"]
    run = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    return run.returncode, run.stdout.replace(f"{root}/", "")


def main():
    options = arguments(__doc__, lambda p: p.add_argument("--build", type=Path, help="build folder with compile_commands.json"))
    root = options.root
    build = (options.build or Path(os.environ.get("RUNLET_BUILD", root / "build/dev"))).resolve()
    stamps = build / "tidy"
    stamps.mkdir(exist_ok=True)
    work = []
    for path, used in sources(root, build):
        stamp = stamps / "@".join(path.relative_to(root).parts)
        mark = fingerprint(used, root)
        if not (stamp.exists() and stamp.read_text() == mark):
            work.append((path, stamp, mark))
    failed = 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = pool.map(lambda job: check(job[0], root, build), work)
        for (path, stamp, mark), (status, text) in zip(work, results):
            if status == 0:
                stamp.write_text(mark)
            else:
                failed += 1
                print(text.strip() or f"{path.relative_to(root)}:1: clang-tidy ended with exit status {status}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
