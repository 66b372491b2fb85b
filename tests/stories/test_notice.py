"""A job hears that its time is short, answers where it saved its work, and is stopped when the time has come."""
import json

import pytest

from node_rig import facts, until

NOTES = r"""
import os, signal, time
def told(*_):
    print(open(os.environ["RUNLET_NOTICE_FILE"]).read().strip(), flush=True)
    with open(os.environ["RUNLET_CHECKPOINT_FILE"], "w") as answer:
        answer.write("oci://bucket@ns/step-7\nand more\n")
signal.signal(signal.SIGUSR1, told)
print("ready", flush=True)
END = time.monotonic() + %s
while time.monotonic() < END:
    time.sleep(0.05)
"""

JOB = """kind: job
spec:
  name: noticed
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: job.py
      x-runlet: {%s}
"""


def job(node, x_runlet, seconds=60):
    node.write("job.py", NOTES % seconds)
    return node.write("job.yaml", JOB % x_runlet)


def notices(out):
    return [json.loads(line) for line in out.decode().splitlines() if line.startswith("{")]


def test_the_deadline_is_announced(node):
    done = node.run("-q", job(node, 'maximumRuntime: 4s, stopGrace: 2s, notice: {before: 3s, signal: USR1}'))
    assert done.status == 124, done
    (notice,) = notices(done.out)
    assert (notice["notice"], notice["reason"], notice["grace-seconds"]) == (1, "deadline", 2)
    assert 1 <= notice["seconds"] <= 3
    seen = node.status_json(done.id)
    assert seen["cause"] == "deadline-exceeded" and seen["endCode"] == 1004
    assert seen["checkpoint"] == "oci://bucket@ns/step-7"


def test_a_preempted_job_is_told_and_then_stopped(node):
    started = node.start_run("-q", job(node, "stopGrace: 5s, notice: {signal: USR1}"))
    started.await_output(b"ready")
    run_id = started.await_id()
    told = node.call("preempt", "--in", "2s", "--reason", "spot", run_id)
    assert told.status == 0, told
    done = started.end()
    (notice,) = notices(done.out)
    assert notice["reason"] == "spot"
    seen = node.status_json(run_id)
    assert (seen["cause"], seen["lifecycleState"], seen["endCode"]) == ("preempted", "FAILED", 1006)
    assert "taken back" in seen["lifecycleDetails"]
    assert seen["checkpoint"] == "oci://bucket@ns/step-7"
    events = [f["event"] for f in facts(node.state / "runs" / run_id / "supervisor.journal")]
    assert events.index("notice") < events.index("stopping")
    why = node.call("why", run_id)
    assert "preempted (end code 1006)" in why.text and "oci://bucket@ns/step-7" in why.text and "notice" in why.text


def test_a_job_that_ends_in_time_ends_as_it_would_have(node):
    started = node.start_run("-q", job(node, "notice: {signal: USR1}", seconds=2))
    started.await_output(b"ready")
    assert node.call("preempt", "--in", "1h", "--all").status == 0
    done = started.end()
    assert done.status == 0, done
    assert node.status_json(done.id)["cause"] == "exited"


def test_an_earlier_notice_wins_and_a_later_one_changes_nothing(node):
    started = node.start_run("-q", job(node, "stopGrace: 1s, notice: {signal: USR1}"))
    started.await_output(b"ready")
    run_id = started.await_id()
    for length in ("1h", "2h"):
        node.call("preempt", "--in", length, run_id)
    until("the job was told", lambda: b'"notice":1' in started.out.read_bytes())
    assert node.call("preempt", "--in", "0", run_id).status == 0
    done = started.end()
    assert [n["reason"] for n in notices(done.out)] == ["drain", "drain"]
    assert node.status_json(run_id)["cause"] == "preempted"


def test_the_job_can_write_its_answer_and_nothing_else_there(node):
    done = node.shell('cd "$(dirname "$RUNLET_NOTICE_FILE")"; id -u; for f in x notice; do touch $f 2>&1; done; '
                      'rm -f checkpoint 2>&1; ln -s /etc/shadow link 2>&1; ls')
    assert done.text.splitlines()[-1] == "checkpoint", done
    assert done.text.count("Permission denied") >= 2, done


@pytest.mark.parametrize("answer", ["", "\\x01\\x02", "\\xff\\xfe", "\\n\\n"])
def test_an_answer_that_is_none_is_not_reported(node, answer):
    done = node.shell("printf '%s' > \"$RUNLET_CHECKPOINT_FILE\"" % answer)
    assert done.status == 0, done
    assert "checkpoint" not in node.status_json(done.id)


def test_what_cannot_be_preempted(node):
    done = node.shell("true")
    again = node.call("preempt", done.id)
    assert again.status == 1 and "is not executing" in again.words
    assert node.call("preempt", "--in", "soon", done.id).status == 2
    assert node.call("preempt", "--reason", "boredom", done.id).status == 2
    assert node.call("preempt").status == 2
