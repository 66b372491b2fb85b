#!/usr/bin/env python3
"""Hundreds of short runs over several agents and three members of etcd, each a machine of its own, while members are killed and cut off
every few seconds, and agents are cut off, halted, killed. Then every witness of every run is compared (tests/stories/history.py): no two live
executions where only one may be, one end for each run, every end true, nothing lost.

  tests/faults/fleet_faults.py [--bin build/dev/bin] [--agents 12] [--runs 400] [--pause 2] [--seed N]

Needs root, etcd-server, etcd-client and iproute2. Prints the numbers, and what is wrong; exits with 1 when something is.
"""
import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "stories"))
import fleet_rig  # noqa: E402
from cluster_rig import why_no_cluster  # noqa: E402


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("build/dev/bin"))
    options.add_argument("--agents", type=int, default=12)
    options.add_argument("--runs", type=int, default=400)
    options.add_argument("--pause", type=float, default=2.0, help="seconds between two faults of a kind")
    options.add_argument("--patience", type=float, default=600, help="seconds that the runs may take to end after the last was handed in")
    options.add_argument("--seed", type=int, default=int(time.time()))
    args = options.parse_args()
    if why_no_cluster() is not None:
        sys.exit(why_no_cluster())
    print("seed %d" % args.seed, flush=True)
    wrong, numbers, words = fleet_rig.stress(args.bin.resolve(), args.agents, args.runs, args.seed, args.pause, args.patience,
                                             lambda text: print(text, flush=True))
    print(numbers)
    for sentence in wrong:
        print("WRONG: " + sentence)
    if wrong:
        print(words)
    print("%d runs, %d things wrong" % (args.runs, len(wrong)))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
