"""runletd and the verbs that speak with it: submit, status, logs, cancel, wait; its API; and its comings and goings."""
import json
import os
import signal
import subprocess
import time

import pytest

from node_rig import AGENT_GID, AGENT_UID, HELD, PATIENCE, ROOT, Node, facts, start_time, status_of, until

pytestmark = pytest.mark.skipif(not ROOT, reason="needs root")

AS_AGENT = ["setpriv", "--reuid", str(AGENT_UID), "--regid", str(AGENT_GID), "--clear-groups"]
AS_NOBODY = ["setpriv", "--reuid", "65533", "--regid", str(AGENT_GID), "--clear-groups"]
STUBBORN = "trap '' TERM; echo begin; while :; do sleep 0.05; done\n"


@pytest.fixture
def node(bin_dir):
    node = Node(bin_dir)
    yield node
    node.close()


def phase_of(node, run_id):
    view = node.view(run_id)
    return view and view["phase"]


def await_phase(node, run_id, phase):
    until("%s is %s" % (run_id, phase), lambda: phase_of(node, run_id) == phase)


def started_in_order(node, run_ids):
    return [r for r in sorted(run_ids, key=lambda r: node.supervisor_facts(r, "running")[0]["started-at-ms"])]


# ---- submitting, waiting, order ----


def test_submission_waits_for_the_daemon(node):
    run_id = node.submit("echo hello; exit 4\n")
    view = node.view(run_id)
    assert (view["lifecycleState"], view["phase"]) == ("ACCEPTED", "QUEUED")
    assert "QUEUED" in node.runlet("status", check=0).stdout and node.ids() == []
    node.start()
    assert node.runlet("wait", run_id).returncode == 4
    assert node.output(run_id) == ("hello\n", "")
    states = [(f["lifecycleState"], f["sequence"]) for f in node.ledger(run_id)]
    assert [s for s, _ in states if s != "ACCEPTED"] == ["IN_PROGRESS", "FAILED"]
    assert [n for _, n in states] == list(range(1, len(states) + 1))
    assert node.the_end(run_id)["exitCode"] == 4


def test_one_run_at_a_time_in_the_order_of_submission(node):
    node.start()
    runs = [node.submit(HELD)] + [node.submit("echo %d\n" % i) for i in range(3)]
    node.await_running(runs[0])
    for run_id in runs[1:]:
        await_phase(node, run_id, "ACCEPTED")
    assert node.api("GET", "/v1/node")[1]["waiting"] == 3
    assert not any(node.supervisor_facts(r) for r in runs[1:])
    node.let_go(runs[0])
    for run_id in runs:
        node.await_finished(run_id)
    assert started_in_order(node, runs) == runs
    ends = [node.record(r)["ended-at"] for r in runs]
    starts = [node.record(r)["started-at"] for r in runs]
    assert all(end <= start for end, start in zip(ends, starts[1:]))


def test_as_many_runs_at_a_time_as_configured(node):
    node.configure(concurrency=3)
    node.start()
    runs = [node.submit(HELD) for _ in range(4)]
    for run_id in runs[:3]:
        node.await_running(run_id)
    await_phase(node, runs[3], "ACCEPTED")
    assert node.api("GET", "/v1/node")[1]["active"] == 3 and not node.supervisor_facts(runs[3])
    node.let_go(runs[1])
    node.await_running(runs[3])
    for run_id in (runs[0], runs[2], runs[3]):
        node.let_go(run_id)
    for run_id in runs:
        node.await_finished(run_id)
        assert node.the_end(run_id)["lifecycleState"] == "SUCCEEDED"


def test_the_same_run_is_executed_once(node):
    """However often it is submitted: while it waits, while it runs, and afterwards."""
    node.start()
    marker = 'echo started >> "$HOME/starts"\n'
    run_id = node.submit(marker + HELD, run_id="ocid1.datasciencejobrun.oc1..twice")
    node.await_running(run_id)
    for _ in range(3):
        node.submit(marker, run_id=run_id)
        until("it is put aside", lambda: not (node.state / "queue" / run_id).exists())
    node.let_go(run_id)
    node.await_finished(run_id)
    node.submit(marker, run_id=run_id)
    until("it is put aside", lambda: not (node.state / "queue" / run_id).exists())
    other = node.submit("echo still at work\n")
    node.await_finished(other)
    assert (node.home(run_id) / "starts").read_text() == "started\n"
    assert len(node.ends(run_id)) == 1 and "was submitted before" in node.tail()


def test_the_agents_user_may_submit(node):
    node.start()
    script = node.script("id -u; exit 6\n")
    done = subprocess.run(AS_AGENT + node.command("submit", script), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    run_id = done.stdout.strip()
    assert node.runlet("wait", run_id).returncode == 6
    assert not node.left_behind(run_id)


def test_others_may_not_submit(node):
    node.start()
    nobody = ["setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups"]
    done = subprocess.run(nobody + node.command("submit", node.script("echo\n")), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "may" in done.stderr and done.stdout == ""
    assert list((node.state / "queue").iterdir()) == []


# ---- status and names ----


def test_status_knows_the_same_with_the_daemon_up_and_down(node):
    node.start()
    good, bad, held = node.submit("echo 1\n"), node.submit("exit 3\n"), node.submit(HELD)
    node.await_running(held)
    await_phase(node, held, "RUNNING")
    up = node.runlet("status", check=0).stdout.splitlines()
    listed = json.loads(node.runlet("status", "--json", check=0).stdout)
    assert [r["id"] for r in listed] == [held, bad, good]
    assert [r["lifecycleState"] for r in listed] == ["IN_PROGRESS", "FAILED", "SUCCEEDED"]
    assert listed[1]["exitCode"] == 3 and "deadlineInMs" in listed[0]
    assert up[0].startswith("runletd ") and "1 active" in up[0]
    node.stop()
    down = node.runlet("status", check=0).stdout.splitlines()
    assert down[0] == "runletd is not running"
    assert up[1].startswith("node ") and "source local" in up
    table = up.index("source local") + 1
    assert [line.split()[:2] for line in down[1:]] == [line.split()[:2] for line in up[table:]]
    view = node.view(held)
    assert view["lifecycleState"] == "IN_PROGRESS" and not view["attended"]
    assert "attended     no" in node.runlet("status", held, check=0).stdout
    node.let_go(held)
    until("it ended", lambda: node.record(held))
    assert node.view(held)["lifecycleState"] == "SUCCEEDED"


def test_a_run_is_named_by_the_beginning_of_its_id(node):
    for name in ("run.alpha", "run.alphabet", "run.beta"):
        node.submit("echo %s\n" % name, run_id=name)
    node.start()
    assert node.runlet("wait", "run.b").returncode == 0
    node.await_finished("run.alphabet")
    assert node.runlet("logs", "beta", check=0).stdout == "run.beta\n"
    assert node.runlet("logs", "run.alpha", check=0).stdout == "run.alpha\n"
    ambiguous = node.runlet("status", "run.al", check=1).stderr
    assert "run.alpha" in ambiguous and "run.alphabet" in ambiguous and "run.beta" not in ambiguous
    assert "there is no run 'gamma'" in node.runlet("status", "gamma", check=1).stderr


# ---- logs ----


def test_logs_follow_a_run_to_its_end(node):
    """From before it was accepted, through a restart of the daemon, each stream to its own descriptor."""
    run_id = node.submit("echo one; echo two >&2; " + HELD + "printf 'no newline' >&2\n")
    follow = subprocess.Popen(node.command("logs", "-f", run_id), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    node.start()
    assert [follow.stdout.readline(), follow.stdout.readline()] == ["one\n", "begin\n"]
    assert follow.stderr.readline() == "two\n"
    node.stop()
    assert follow.poll() is None
    node.start()
    node.let_go(run_id)
    out, err = follow.communicate(timeout=PATIENCE)
    assert (follow.returncode, out, err) == (0, "end\n", "no newline")
    assert node.output(run_id) == ("one\nbegin\nend\n", "two\nno newline")


def test_logs_of_a_run_that_goes_on(node):
    node.start()
    run_id = node.submit(HELD)
    until("it has written", lambda: node.raw_log(run_id))
    assert node.output(run_id) == ("begin\n", "")
    node.let_go(run_id)


# ---- cancel ----


def check_cancelled_unstarted(node, run_id):
    node.await_finished(run_id)
    end = node.the_end(run_id)
    assert (end["lifecycleState"], end["cause"]) == ("CANCELED", "cancelled"), end
    assert "had not started" in end["lifecycleDetails"] and "went away" not in end["lifecycleDetails"]
    assert not (node.state / "runs" / run_id).exists() and not node.left_behind(run_id)
    assert node.runlet("wait", run_id).returncode == 130
    assert "ended already" in node.runlet("cancel", run_id, check=1).stderr


def test_cancel_of_a_queued_run(node):
    """The mark is honoured when the run is accepted."""
    run_id = node.submit("echo never\n")
    node.runlet("cancel", run_id, check=0)
    node.start()
    check_cancelled_unstarted(node, run_id)


def test_cancel_of_a_waiting_run(node):
    node.start()
    first, second, third = node.submit(HELD), node.submit("echo never\n"), node.submit("echo never\n")
    await_phase(node, third, "ACCEPTED")
    node.runlet("cancel", second, check=0)
    check_cancelled_unstarted(node, second)
    assert "timeFinished" in node.view(second)
    # With the daemon down the mark waits for it.
    node.stop()
    node.runlet("cancel", third, check=0)
    node.start()
    check_cancelled_unstarted(node, third)
    assert node.view(second) is not None
    node.let_go(first)
    node.await_finished(first)
    assert node.the_end(first)["lifecycleState"] == "SUCCEEDED"


def test_cancel_of_a_running_run(node):
    node.start()
    run_id = node.submit("trap 'echo asked; exit 0' TERM; echo begin; while :; do sleep 0.05; done\n")
    until("it has written", lambda: node.raw_log(run_id))
    node.runlet("cancel", run_id, check=0)
    node.await_finished(run_id)
    end = node.the_end(run_id)
    assert (end["lifecycleState"], end["cause"]) == ("CANCELED", "cancelled"), end
    assert [f["lifecycleState"] for f in node.ledger(run_id)][-2:] == ["CANCELING", "CANCELED"]
    assert node.output(run_id)[0] == "begin\nasked\n"


def test_grace_of_the_configuration(node):
    node.configure(extra="")
    text = node.config.read_text().replace("grace: 5s", "grace: 300ms")
    node.config.write_text(text)
    node.start()
    run_id = node.submit(STUBBORN)
    until("it has written", lambda: node.raw_log(run_id))
    node.runlet("cancel", run_id, check=0)
    node.await_finished(run_id)
    assert node.supervisor_facts(run_id, "stopping")[0]["grace-ms"] == 300
    assert "SIGKILL" in node.the_end(run_id)["lifecycleDetails"]


def test_cancel_of_an_unattended_run(node):
    """With the daemon down its supervisor is told; the daemon reports it when it is back."""
    node.start()
    run_id = node.submit(HELD)
    node.await_running(run_id)
    node.stop()
    node.runlet("cancel", run_id, check=0)
    until("it ended", lambda: node.record(run_id))
    assert node.view(run_id)["lifecycleState"] == "CANCELED" and not node.finished(run_id)
    node.start()
    node.await_finished(run_id)
    assert node.the_end(run_id)["cause"] == "cancelled"


def test_cancel_at_any_moment(node):
    """Whatever phase the cancel meets, the run ends once: cancelled, or as it would have."""
    node.start()
    for i in range(12):
        run_id = node.submit("echo begin; sleep 0.1; exit 9\n")
        time.sleep(i * 0.03)
        done = node.runlet("cancel", run_id)
        node.await_finished(run_id)
        end = node.the_end(run_id)
        if end["lifecycleState"] == "CANCELED":
            assert done.returncode == 0 and end["cause"] == "cancelled"
        else:
            assert (end["cause"], end["exitCode"]) == ("exited", 9), end
        until("nothing is left: %r" % node.left_behind(run_id), lambda: not node.left_behind(run_id))


# ---- wait ----


@pytest.mark.parametrize("text,status", [("exit 0\n", 0), ("exit 37\n", 37), ("kill -9 $$\n", 137), ("kill -TERM $$\n", 143)])
def test_wait_exits_as_the_job_did(node, text, status):
    node.start()
    run_id = node.submit(text)
    assert node.runlet("wait", run_id).returncode == status
    assert node.finished(run_id)


def test_wait_for_a_deadline_and_for_nothing(node):
    node.start()
    run_id = node.submit(HELD, "--max-runtime", "1s")
    assert node.runlet("wait", run_id).returncode == 124
    assert node.the_end(run_id)["cause"] == "deadline-exceeded"
    assert node.runlet("wait", "nothing").returncode == 125


def test_wait_brings_an_unattended_run_to_its_end(node):
    """With the daemon down root takes the run up."""
    node.start()
    run_id = node.submit(HELD + "exit 11\n")
    main = node.await_running(run_id)
    node.stop()
    wait = subprocess.Popen(node.command("wait", run_id))
    until("it is attended", lambda: node.view(run_id)["attended"])
    assert start_time(main["pid"]) == str(main["start-time"])
    node.let_go(run_id)
    assert wait.wait(PATIENCE) == 11
    assert node.the_end(run_id)["exitCode"] == 11


def test_interrupted_wait_leaves_the_run_alone(node):
    node.start()
    run_id = node.submit(HELD)
    main = node.await_running(run_id)
    node.stop()
    for _ in range(2):
        wait = subprocess.Popen(node.command("wait", run_id), start_new_session=True, stderr=subprocess.DEVNULL)
        until("it is attended", lambda: node.view(run_id)["attended"])
        os.killpg(wait.pid, signal.SIGINT)
        assert wait.wait(PATIENCE) == -signal.SIGINT
        until("nobody attends it", lambda: not node.view(run_id)["attended"])
    assert start_time(main["pid"]) == str(main["start-time"]) and not node.supervisor_facts(run_id, "stopping")
    node.start()
    node.let_go(run_id)
    node.await_finished(run_id)
    assert node.the_end(run_id)["lifecycleState"] == "SUCCEEDED"


@pytest.mark.parametrize("how", ["wait", "daemon"])
def test_foreground_run_that_was_killed_before_its_launch(node, how):
    """It was accepted for somebody who is gone: it ends as cancelled, whoever finds it."""
    node.start()
    node.stop()
    folder = node.state / "agent" / "run.abandoned"
    done = node.submit("echo never\n", run_id=folder.name)
    (node.state / "queue" / done).rename(folder)
    journal = folder / "agent.journal"
    journal.write_text('{"t":"2026-01-01T00:00:00.000Z","event":"accepted","epoch":1,"origin":"foreground"}\n')
    os.chown(journal, AGENT_UID, AGENT_GID)
    if how == "wait":
        assert node.runlet("wait", folder.name).returncode == 130
    else:
        node.start()
    node.await_finished(folder.name)
    end = node.the_end(folder.name)
    assert (end["lifecycleState"], end["cause"]) == ("CANCELED", "cancelled") and "went away" in end["lifecycleDetails"]
    assert not (node.state / "runs" / folder.name).exists()


# ---- the API ----


def test_api(node):
    node.start()
    run_id = node.submit(HELD)
    node.await_running(run_id)
    await_phase(node, run_id, "RUNNING")
    code, body = node.api("GET", "/v1/node")
    assert code == 200 and body["pid"] == node.daemon.pid and body["concurrency"] == 1
    code, body = node.api("GET", "/v1/runs/" + run_id)
    assert (code, body["id"], body["lifecycleState"]) == (200, run_id, "IN_PROGRESS")
    assert body == dict(node.view(run_id), deadlineInMs=body["deadlineInMs"])
    for path in ("/", "/v1/runs/", "/v1/runs/none", "/v1/runs/..", "/v1/runs/%2e%2e", "/v1/runs/%s/x" % run_id, "/v2/node"):
        code, body = node.api("GET", path)
        assert (code, body["code"]) == (404, "NotAuthorizedOrNotFound"), path
    for method, path in (("POST", "/v1/runs/" + run_id), ("DELETE", "/v1/runs/" + run_id), ("GET", "/v1/runs/%s/cancel" % run_id),
                         ("POST", "/v1/node")):
        assert node.api(method, path)[0] in ((405,) if path != "/v1/node" else (404, 405)), (method, path)
    assert node.api("POST", "/v1/runs/none/cancel")[0] == 404
    assert node.view(run_id)["lifecycleState"] == "IN_PROGRESS"
    code, body = node.api("POST", "/v1/runs/%s/cancel" % run_id)
    assert (code, body) == (202, {"id": run_id})
    node.await_finished(run_id)
    assert node.the_end(run_id)["lifecycleState"] == "CANCELED"


def test_api_lets_the_group_read_and_root_and_the_agent_change(node):
    node.start()
    run_id = node.submit(HELD)
    node.await_running(run_id)
    cancel = "/v1/runs/%s/cancel" % run_id
    assert node.api("GET", "/v1/runs/" + run_id, prefix=AS_NOBODY)[0] == 200
    code, body = node.api("POST", cancel, prefix=AS_NOBODY)
    assert (code, body["code"]) == (403, "NotAuthorized")
    denied = subprocess.run(AS_NOBODY + node.command("cancel", run_id), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert denied.returncode == 1 and "only root" in denied.stderr
    stranger = ["setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups"]
    assert node.api("GET", "/v1/node", prefix=stranger) == (0, None)
    assert not node.supervisor_facts(run_id, "stopping")
    assert node.api("POST", cancel, prefix=AS_AGENT)[0] == 202
    node.await_finished(run_id)


# ---- comings and goings ----


def test_the_daemon_holds_no_privilege(node):
    node.start()
    status = status_of(node.daemon.pid)
    assert status["Uid"].split() == [str(AGENT_UID)] * 4 and status["Gid"].split() == [str(AGENT_GID)] * 4
    assert status["Groups"] == ""
    assert all(int(status[k], 16) == 0 for k in ("CapInh", "CapPrm", "CapEff", "CapAmb"))


def test_a_second_daemon_is_refused(node):
    """And the first is served as before."""
    first = node.start()
    node.daemon = None
    second = node.start(wait=False)
    assert second.wait(PATIENCE) == 1 and "another runletd serves" in node.tail()
    node.daemon = first
    assert node.api("GET", "/v1/node")[1]["pid"] == first.pid
    run_id = node.submit("echo hello\n")
    assert node.runlet("wait", run_id).returncode == 0


def test_restart_leaves_the_job_and_its_deadline_alone(node):
    node.start()
    run_id = node.submit(HELD, "--max-runtime", "1h")
    main = node.await_running(run_id)
    supervisor = node.supervisor(run_id)
    assert node.stop() == 0
    assert start_time(main["pid"]) == str(main["start-time"]) and start_time(supervisor) is not None
    node.start()
    await_phase(node, run_id, "RUNNING")
    view = node.view(run_id)
    assert view["pid"] == main["pid"] and view["attended"]
    assert node.supervisor_facts(run_id, "running") == [main]
    assert 3500000 < view["deadlineInMs"] <= 3600000
    assert "1 runs taken up again" in node.tail()
    node.let_go(run_id)
    node.await_finished(run_id)
    assert node.the_end(run_id)["lifecycleState"] == "SUCCEEDED" and node.output(run_id)[0] == "begin\nend\n"
    assert [f["lifecycleState"] for f in node.ledger(run_id)].count("IN_PROGRESS") == 1


def test_deadline_passes_while_the_daemon_is_down(node):
    node.start()
    run_id = node.submit(HELD, "--max-runtime", "1500ms")
    node.await_running(run_id)
    node.stop(signal.SIGKILL)
    until("it ended", lambda: node.record(run_id))
    node.start()
    node.await_finished(run_id)
    assert node.the_end(run_id)["cause"] == "deadline-exceeded"


def test_a_run_that_ran_is_not_started_again(node):
    """Somebody removed its directory: its end is not known, and it is not executed a second time."""
    node.start()
    run_id = node.submit(HELD)
    await_phase(node, run_id, "RUNNING")
    node.stop(signal.SIGKILL)
    node.let_go(run_id)
    until("it ended", lambda: node.record(run_id))
    subprocess.run(["rm", "-rf", node.state / "runs" / run_id], check=True)
    node.start()
    node.await_finished(run_id)
    end = node.the_end(run_id)
    assert (end["lifecycleState"], end["cause"]) == ("FAILED", "unknown") and "exitCode" not in end
    assert "is not known" in end["lifecycleDetails"] and "is not known" in node.view(run_id)["lifecycleDetails"]
    assert not (node.state / "runs" / run_id).exists()


@pytest.mark.parametrize("text,word", [("concurrency: 0\n", "concurrency"), ("nonsense: 1\n", "nonsense"), ("a: [\n", "runlet.yaml"),
                                       ("agent:\n  user: nobody-of-that-name\n", "nobody-of-that-name")])
def test_configuration_errors_are_named(node, text, word):
    node.config.write_text(text + "directories:\n  state: %s\n  run: %s\n" % (node.state, node.run_dir))
    daemon = node.start(wait=False)
    assert daemon.wait(PATIENCE) == 1
    assert word in node.tail()
    assert not node.state.exists()


def test_unusable_document_in_the_queue(node):
    """It came past `runlet submit`: the run fails with the reason, and the next one is executed."""
    node.start()
    folder = node.state / "queue" / ".new.broken"
    folder.mkdir()
    (folder / "assignment.json").write_text('{"job": 1')
    for path in (folder, folder / "assignment.json"):
        os.chown(path, AGENT_UID, AGENT_GID)
    folder.rename(node.state / "queue" / "run.broken")
    node.await_finished("run.broken")
    end = node.the_end("run.broken")
    assert (end["lifecycleState"], end["cause"]) == ("FAILED", "assignment-invalid") and "assignment.json" in end["lifecycleDetails"]
    run_id = node.submit("echo hello\n")
    assert node.runlet("wait", run_id).returncode == 0
