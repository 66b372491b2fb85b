#!/usr/bin/python3
"""unpack_bench.py - how fast artifacts are unpacked, beside bsdtar and unzip, on the same files; printed side by side.

  tests/bench/unpack_bench.py [--bin build/release/bin] [--rounds 5] [--files 20000] [--mib 256]

Three archives: many small files (.tar.gz, .zip) and one large one that compresses a little (.tar.zst). runlet-unpack runs as the
supervisor starts it, with all its walls; the others as their user would. The best of the rounds counts, in turn, so that all have the same
warm cache. Needs bsdtar, unzip and zstd (libarchive-tools, unzip, zstd).
"""
import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "stories"))
from unpack_rig import Rig  # noqa: E402


def make_archives(folder, files, mib):
    """{name: path}; the content is the same in each call."""
    dice = random.Random(1)
    small, large = folder / "small", folder / "large"
    for i in range(files):
        path = small / ("d%d" % (i % 200)) / ("f%d.py" % i)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x = %d\n" % dice.getrandbits(60) * dice.randrange(1, 200))
    large.mkdir()
    block = dice.randbytes(1 << 19) + bytes(1 << 19)
    (large / "main.py").write_text("print(1)\n")
    with open(large / "data", "wb") as out:
        for _ in range(mib):
            out.write(block)
    (small / "main.py").write_text("print(1)\n")
    made = {"small.tar.gz": ["tar", "-C", small, "-czf"], "large.tar.zst": ["tar", "-C", large, "--zstd", "-cf"]}
    for name, command in made.items():
        subprocess.run([*command, folder / name, "."], check=True)
    subprocess.run(["zip", "-qr", folder / "small.zip", "."], cwd=small, check=True)
    return {name: folder / name for name in (*made, "small.zip")}


def by_runlet(program, archive, root):
    rig_root = root / "rig"
    rig_root.mkdir(mode=0o755)
    rig = Rig(program, rig_root)
    data = archive.read_bytes()
    begun = time.monotonic()
    result = rig.unpack(data, archive.name, "main.py", **{"max-bytes": 1 << 40, "max-files": 10 ** 7, "max-ratio": 10 ** 6})
    assert result.status == 0, result.facts
    return time.monotonic() - begun


def by_others(command, archive, root):
    target = root / "plain"
    target.mkdir()
    begun = time.monotonic()
    subprocess.run([str(word).format(archive=archive, target=target) for word in command], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


BSDTAR, UNZIP = ["bsdtar", "-xf", "{archive}", "-C", "{target}"], ["unzip", "-q", "{archive}", "-d", "{target}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=20000)
    parser.add_argument("--mib", type=int, default=256)
    options = parser.parse_args()
    program = pathlib.Path(options.bin).resolve() / "runlet-unpack"
    with tempfile.TemporaryDirectory(prefix="unpack-bench.") as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        print("%-14s %-14s %8s %8s" % ("archive", "by", "seconds", "of it"))
        for name, archive in make_archives(folder, options.files, options.mib).items():
            ways = {"runlet-unpack": None, "bsdtar": BSDTAR}
            if name.endswith(".zip"):
                ways["unzip"] = UNZIP
            best = dict.fromkeys(ways, float("inf"))
            for _ in range(options.rounds):
                for way, command in ways.items():
                    root = folder / "round"
                    root.mkdir(mode=0o755)
                    took = by_others(command, archive, root) if command else by_runlet(program, archive, root)
                    best[way] = min(best[way], took)
                    shutil.rmtree(root)
            for way, took in best.items():
                print("%-14s %-14s %8.3f %7.2fx" % (name, way, took, took / best["bsdtar"]))
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
