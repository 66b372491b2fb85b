"""A run is executed again after the ends that its document names: each attempt a run of its own here, all of them one for people."""
import os
import signal

from node_rig import until

JOB = """kind: job
spec:
  name: again
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: job.sh
      x-runlet: {retry: {%s}}
"""

# Fails twice, then succeeds.
THIRD = 'echo "attempt $RUNLET_ATTEMPT of $JOB_RUN_OCID"\n[ "$RUNLET_ATTEMPT" -ge 3 ] || exit 75\n'


def submit(node, retry, text=THIRD):
    node.write("job.sh", text)
    return node.runlet("submit", node.write("job.yaml", JOB % retry), check=0).stdout.strip()


def final(node, run_id):
    return [f for f in node.ledger(run_id) if "cause" in f]


def test_a_run_succeeds_at_its_third_attempt(node):
    node.start()
    run_id = submit(node, "attempts: 5, delay: 0s, exitCodes: [75]")
    assert node.runlet("wait", run_id).returncode == 0
    names = [run_id, run_id + "~2", run_id + "~3"]
    assert node.ids() == sorted(names)
    assert [node.logs(n + ("~1" if n == run_id else ""))[0] for n in names] == [
        b"attempt %d of %s\n" % (i, run_id.encode()) for i in (1, 2, 3)]
    # One run for people: its last attempt, and each by its name.
    assert node.view(run_id)["lifecycleState"] == "SUCCEEDED" and node.view(run_id)["id"] == names[2]
    assert node.view(run_id + "~1")["exitCode"] == 75 and node.view(run_id + "~2")["exitCode"] == 75
    assert "75" in node.runlet("why", run_id + "~2", check=0).stdout
    assert node.runlet("status", run_id + "~4").returncode == 1
    # The control plane was told the end of each once, and what followed it.
    assert [[(f["id"], f["epoch"], f.get("retriedAs")) for f in final(node, n)] for n in names] == [
        [(run_id, 1, names[1])], [(run_id, 2, names[2])], [(run_id, 3, None)]]


def test_an_end_that_nobody_named_is_final(node):
    node.start()
    run_id = submit(node, "attempts: 5, delay: 0s", "exit 1\n")
    assert node.runlet("wait", run_id).returncode == 1
    assert node.ids() == [run_id] and "retriedAs" not in final(node, run_id)[0]


def test_a_supervisor_is_lost_and_the_agent_too(node):
    """Whatever dies, the next attempt is made once."""
    node.start()
    run_id = submit(node, "attempts: 2, delay: 0s", 'if [ "$RUNLET_ATTEMPT" = 1 ]; then sleep 600; fi\nexit 3\n')
    node.await_running(run_id)
    node.stop(signal.SIGKILL)
    os.kill(node.supervisor(run_id), signal.SIGKILL)
    node.start()
    assert node.runlet("wait", run_id).returncode == 3
    assert node.view(run_id + "~1")["cause"] == "supervisor-lost"
    assert node.ids() == [run_id, run_id + "~2"]


def test_a_waiting_attempt_survives_and_can_be_cancelled(node):
    node.start()
    run_id = submit(node, "attempts: 2, delay: 20h, on: [exited]", "exit 1\n")
    until("the second attempt waits", lambda: (node.view(run_id + "~2") or {}).get("phase") == "ACCEPTED")
    node.await_finished(run_id)
    # Others do not wait for it.
    other = node.submit("exit 0\n", name="other.sh")
    node.await_finished(other)
    node.stop(signal.SIGKILL)
    node.start()
    assert node.view(run_id)["phase"] == "ACCEPTED"
    node.runlet("cancel", run_id, check=0)
    assert node.runlet("wait", run_id).returncode != 0
    assert node.view(run_id)["lifecycleState"] == "CANCELED"
    assert node.ids() == sorted([run_id, run_id + "~2", other])
