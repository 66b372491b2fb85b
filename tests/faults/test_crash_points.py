"""The crash harness: all points that are chosen by default, and the proof that it can find something."""
import os
import pathlib

import pytest

import crash_points

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("RUNLET_BUILD", ROOT / "build" / "dev"))
BIN = pathlib.Path(os.environ.get("RUNLET_BIN_DIR", BUILD / "bin")).resolve()

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: runs are contained by namespaces and other users"),
    pytest.mark.skipif((BIN / "runletd").exists() and not crash_points.has_points(BIN),
                       reason="these programs were built without RUNLET_CRASH_POINTS"),
]


def test_every_point():
    points = crash_points.all_points(BIN)
    # A second pass elsewhere (RUNLET_CRASH_EVERY=8) looks at every eighth: that they work there, not whether each does.
    every = int(os.environ.get("RUNLET_CRASH_EVERY", "1"))
    chosen = crash_points.choose(points)[::every]
    killed, missed, violations = crash_points.run_all(BIN, chosen, 3, lambda text: None)
    line = crash_points.summary(points, killed, missed, violations)
    if (BUILD / "results").is_dir():
        (BUILD / "results" / "crash-points.txt").write_text(line + "\n")
    print(line)
    assert not violations, "\n".join(violations)
    # Loops come by a little more or less often; what does not come by at all is not tested.
    assert len(missed) <= len(chosen) // 20, missed
    if every > 1:
        return
    names = {(p.role, p.name) for p in points}
    assert {role for role, _ in names} - {"program"} == {"runletd", "runlet", "starter", "supervisor", "init", "job", "helper", "storage", "unpack"}
    assert {(p.role, p.name) for p in killed} >= names - {(p.role, p.name) for p in missed}


class Credulous(crash_points.Case):
    """Takes a lost supervisor for no reason to give another end than the job's own."""

    def allowed(self):
        return [("FAILED", "exited", crash_points.STATUS)]


def test_a_false_end_is_found():
    with pytest.raises(crash_points.Violation, match="I2"):
        Credulous(BIN, "submit", crash_points.Point("submit", "supervisor", "spool-write", 1)).run()


def test_lost_lines_are_found():
    case = crash_points.Case(BIN, "submit", crash_points.Point("submit", "supervisor", "main-ended-never-passed", 1))
    case.node.raw_log = lambda run_id: b"out 1\n"
    with pytest.raises(crash_points.Violation, match="complete"):
        case.run()
