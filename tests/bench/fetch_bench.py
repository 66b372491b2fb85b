#!/usr/bin/env python3
"""fetch_bench.py - how fast an artifact is fetched, beside curl, from a server on loopback; printed side by side.

  tests/bench/fetch_bench.py [--bin DIR] [--mib 256] [--rounds 3]

Needs root (runlet run). The time of runlet is that of the transfer as its journal says it: with the digests, the write and the
fsync that make it an object of the cache. curl's is its own word, into a file, and once more with sha256sum and sync behind it.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "stories"))
from fetch_rig import Server  # noqa: E402
from node_rig import facts  # noqa: E402
from run_rig import RunNode  # noqa: E402


def with_curl(url, target):
    """(seconds of curl alone, seconds with digest and sync)"""
    begun = time.monotonic()
    out = subprocess.run(["curl", "-sS", "-o", str(target), "-w", "%{time_total}", url], check=True, stdout=subprocess.PIPE, text=True)
    subprocess.run(["sha256sum", str(target)], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["sync", str(target)], check=True)
    return float(out.stdout), time.monotonic() - begun


def with_runlet(node, url):
    document = {"displayName": "bench", "projectId": "p", "compartmentId": "c", "jobConfigurationDetails": {"jobType": "DEFAULT"},
                "x-runlet": {"artifact": {"content": "Og==", "name": "job.sh"}, "inputs": [{"uri": url}]}}
    outcome = node.run("-q", node.write("bench.json", json.dumps(document)), timeout=600)
    assert outcome.status == 0, outcome
    journal = facts(node.state / "agent" / outcome.id / "agent.journal")
    return [f["ms"] for f in journal if f["event"] == "fetch-done"][0] / 1000


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("build/release/bin"))
    options.add_argument("--mib", type=int, default=256)
    options.add_argument("--rounds", type=int, default=3)
    args = options.parse_args()
    server, node = Server(), RunNode(args.bin.resolve())
    data = os.urandom(1 << 20) * args.mib
    best = {}
    try:
        for i in range(args.rounds):
            server.add("/%d" % i, data)
            url = "%s/%d" % (server.url, i)
            alone, whole = with_curl(url, node.work / "curl.out")
            for name, seconds in (("curl", alone), ("curl, sha256sum, sync", whole), ("runlet", with_runlet(node, url))):
                best[name] = min(best.get(name, seconds), seconds)
        print("%d MiB over loopback, best of %d" % (args.mib, args.rounds))
        for name, seconds in best.items():
            print("%-24s %7.2f s  %8.0f MiB/s" % (name, seconds, args.mib / max(seconds, 0.001)))
    finally:
        node.close()
        server.close()


if __name__ == "__main__":
    main()
