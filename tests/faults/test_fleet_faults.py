"""The short version of fleet_faults.py: what it finds in minutes, it would find here in time. test_history.py shows what the checker finds."""
import os
import pathlib

import pytest

import fleet_faults
from fleet_faults import fleet_rig

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("RUNLET_BIN_DIR", pathlib.Path(os.environ.get("RUNLET_BUILD", ROOT / "build" / "dev")) / "bin")).resolve()


@pytest.mark.skipif(fleet_faults.why_no_cluster() is not None, reason=fleet_faults.why_no_cluster() or "")
def test_no_run_is_lost_or_executed_twice():
    wrong, numbers, words = fleet_rig.stress(BIN, agents=4, runs=30, seed=int.from_bytes(os.urandom(4), "big"), pause=2.0, patience=180)
    print(numbers)
    assert not wrong, "\n".join([*wrong, words])
