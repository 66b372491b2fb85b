"""The checker of histories is shown bad ones, each with one thing wrong: one that finds nothing proves nothing."""
import copy
import subprocess

import pytest

import history
from history import Execution, Order, Report, State
from node_rig import until

# One that went well, one that exits with 3, one that lost its node and went well on another, one that lost it and was to fail, one
# that somebody cancelled before it began.
GOOD = dict(
    orders=[Order("a"), Order("b", status=3), Order("c", alone=True), Order("d", alone=False, requeued=False),
            Order("e", cancelled=True), Order("f", alone=False)],
    executions=[Execution("a", 1, 10, "n1", [1.0], 2.0, 0), Execution("b", 1, 11, "n2", [1.0], 2.0, 3),
                Execution("c", 1, 12, "n1", [3.0], 4.0), Execution("c", 2, 20, "n2", [4.5], 5.0, 0),
                Execution("d", 1, 13, "n1", [3.0], 9.0, 0),
                Execution("f", 1, 14, "n1", [3.0], 9.0, 0), Execution("f", 2, 21, "n2", [5.0], 6.0, 0)],
    reports=[Report("a", 10, "n1", "SUCCEEDED", 0), Report("b", 11, "n2", "FAILED", 3), Report("c", 20, "n2", "SUCCEEDED", 0),
             Report("f", 21, "n2", "SUCCEEDED", 0)],
    states=[State("a", 0, "ACCEPTED", "none", None), State("a", 10, "ACCEPTED", "none", None),
            State("a", 10, "SUCCEEDED", "exited", 0), State("b", 11, "FAILED", "exited", 3),
            State("c", 12, "IN_PROGRESS", "none", None), State("c", 20, "SUCCEEDED", "exited", 0),
            State("d", 13, "FAILED", "lease-lost", None), State("e", 0, "CANCELED", "cancelled", None),
            State("f", 21, "SUCCEEDED", "exited", 0)])


def find(things, run, which=0):
    return [t for t in things if t.run == run][which]


def changed(kind, run, which=0, **fields):
    def change(h):
        for name, value in fields.items():
            setattr(find(h[kind], run, which), name, value)
    return change


def added(kind, thing):
    return lambda h: h[kind].append(thing)


def removed(kind, run, which=0):
    return lambda h: h[kind].remove(find(h[kind], run, which))


BAD = {
    "two at one time": (changed("executions", "c", 0, last=4.6), "two live executions at one time"),
    "two of one epoch": (added("executions", Execution("f", 1, 21, "n3", [20.0], 21.0, 0)), "two executions of one epoch"),
    "two of one epoch, one after the other": (added("executions", Execution("a", 1, 10, "n1", [5.0], 6.0, 0)), "one epoch"),
    "one that began twice": (changed("executions", "a", begun=[1.0, 1.5]), "began 2 times"),
    "one that lived and never began": (changed("executions", "a", begun=[]), "began 0 times"),
    "no end": (removed("states", "b"), "has no end"),
    "no end, only a beginning": (changed("states", "b", state="IN_PROGRESS"), "has no end"),
    "a second end": (added("states", State("a", 10, "FAILED", "lease-lost", None)), "ended as"),
    "life after the end": (added("states", State("c", 30, "ACCEPTED", "none", None)), "ended as"),
    "an epoch that goes back": (changed("states", "c", 0, epoch=99), "went back"),
    "an exit code that nobody left with": (changed("executions", "b", status=None), "but the job left with"),
    "an exit code of another epoch": (changed("executions", "c", 1, epoch=19), "but the job left with"),
    "an exit code that nobody ordered": (changed("orders", "b", status=4), "was told to exit with"),
    "a success with a code": (changed("states", "b", state="SUCCEEDED"), "is SUCCEEDED with exit code 3"),
    "a success that nobody saw": (changed("states", "d", state="SUCCEEDED"), "succeeded by the cause lease-lost"),
    "a cancel that nobody asked for": (changed("orders", "e", cancelled=False), "nobody asked for it"),
    "a loss that was to be tried again": (changed("orders", "d", requeued=True), "was to be tried again"),
    "a cause from nowhere": (changed("states", "d", cause="unknown"), "which nothing in this fleet does"),
    "two ends taken": (added("reports", Report("a", 9, "n2", "FAILED", 1)), "different ends of a were taken"),
    "an end taken and not there": (added("reports", Report("d", 13, "n1", "SUCCEEDED", 0)), "says that its end of d was taken"),
    "a stranger": (added("executions", Execution("z", 1, 1, "n1", [1.0], 2.0, 0)), "nobody asked for z"),
}


def test_a_good_history_is_good():
    assert history.check(**GOOD) == []
    assert '"runs executed more than once": 2' in history.summary(GOOD["orders"], GOOD["executions"], GOOD["states"])


@pytest.mark.parametrize("name", BAD)
def test_a_bad_history_is_found(name):
    change, words = BAD[name]
    bad = copy.deepcopy(GOOD)
    change(bad)
    wrong = history.check(**bad)
    assert any(words in w for w in wrong), wrong


def test_what_a_job_writes_is_read(tmp_path):
    done = subprocess.run(["bash", "-c", history.JOB % {"milliseconds": 200, "status": 7}], env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
                          timeout=60, check=False)
    text = (tmp_path / "history").read_text()
    told = history.read_execution(text, "a", 2, 5, "n1")
    assert done.returncode == 7
    assert (told.run, told.attempt, told.epoch, told.node, len(told.begun), told.status) == ("a", 2, 5, "n1", 1, 7)
    assert told.begun[0] < told.last
    torn = history.read_execution(text + "end 99", "a", 2, 5, "n1")
    assert torn == told
    assert history.read_execution("star", "a", 1, 1, "n1") is None
    with pytest.raises(ValueError):
        history.read_execution("nonsense 1.0\n", "a", 1, 1, "n1")


def test_a_job_that_is_asked_to_leave_says_when(tmp_path):
    process = subprocess.Popen(["bash", "-c", history.JOB % {"milliseconds": 60000, "status": 0}],
                               env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    try:
        until("the job lives", lambda: (tmp_path / "history").exists() and "beat" in (tmp_path / "history").read_text())
        process.terminate()
        assert process.wait(60) == 143
    finally:
        process.kill()
        process.wait()
    told = history.read_execution((tmp_path / "history").read_text(), "a", 1, 1, "n1")
    assert told.status is None and "stopped" in (tmp_path / "history").read_text()
