#!/usr/bin/env python3
"""fleet_bench.py - how a fleet on one etcd grows with its agents: starts an etcd of its own and has bench-fleet (fleet_bench.c) measure.

  cmake --preset release -DRUNLET_TESTS=ON && cmake --build --preset release --target bench-fleet
  tests/bench/fleet_bench.py [--program build/release/bench/bench-fleet] [N...]      10 100 1000 unless given

Prints a table as docs/cluster.md has it. The agents, who hands runs in, and the etcd share this machine's processors: the last two columns
say how busy each side was during the burst, in per cent of one processor.
"""
import argparse
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HEAD = ["agents", "in line after s", "idle: requests a second", "idle: KiB/s", "submit to claim: p50 ms", "p99 ms", "max ms",
        "burst: claims a second", "transactions a run", "reads a run", "watch events a run", "KiB sent a run", "watchers", "etcd", "agents"]


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def start(folder):
    client, peer = ("http://127.0.0.1:%d" % port for port in free_ports(2))
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            ["etcd", "--data-dir", str(folder / "data"), "--listen-client-urls", client, "--advertise-client-urls", client,
             "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=" + peer,
             "--log-level", "error"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    for _ in range(300):
        try:
            with urllib.request.urlopen(client + "/health", timeout=2) as answer:
                if b"true" in answer.read():
                    return process, client
        except OSError:
            pass
        time.sleep(0.1)
    process.kill()
    process.wait()
    sys.exit("etcd does not start: " + (folder / "log").read_text()[-1000:])


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--program", type=pathlib.Path, default=pathlib.Path("build/release/bench/bench-fleet"))
    options.add_argument("agents", nargs="*", type=int, default=[10, 100, 1000])
    args = options.parse_args()
    memory = pathlib.Path("/dev/shm")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rl-bench."))
    runs = pathlib.Path(tempfile.mkdtemp(prefix="rl-bench.", dir=memory if memory.is_dir() else None))
    print("| " + " | ".join(HEAD) + " |")
    print("|" + "---|" * len(HEAD), flush=True)
    failed = 0
    try:
        for count in args.agents:
            (folder / str(count)).mkdir()
            etcd, client = start(folder / str(count))
            try:
                failed |= subprocess.run([str(args.program.resolve()), client, str(runs), str(count)], check=False).returncode
            finally:
                etcd.kill()
                etcd.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(runs, ignore_errors=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
