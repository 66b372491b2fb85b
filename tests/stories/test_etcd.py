"""Runs over a real etcd: how they are taken, end, are lost and moved, and what holds while etcd is away."""
import os
import pathlib
import random
import signal
import sys
import time

import pytest

import etcd_rig
from etcd_rig import Etcd, EtcdNode, why_no_etcd
from node_rig import facts, until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
from crash_points import CrashFile, Point, has_points  # noqa: E402

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="needs root: runs are contained by namespaces and other users"),
              pytest.mark.skipif(why_no_etcd() is not None, reason=str(why_no_etcd()))]


@pytest.fixture
def etcd():
    server = Etcd()
    yield server
    server.close()


@pytest.fixture
def fleet(bin_dir, etcd):
    """Makes nodes of the etcd, started and in the line."""
    nodes = []

    def make(name, start=True, **how):
        nodes.append(EtcdNode(bin_dir, etcd, name, **how))
        if start:
            nodes[-1].start()
            nodes[-1].takes_runs()
        return nodes[-1]

    yield make
    for node in nodes:
        node.close()


def test_each_end_is_reported_with_its_cause_and_releases_the_claim(etcd, fleet):
    node = fleet("alpha", concurrency=2)
    etcd.submit("good", "echo hello\n")
    etcd.submit("bad", "exit 7\n")
    etcd.submit("broken", "", document='{"job": {}, "surprise": 1}')
    good, bad, broken = (etcd.await_end(run, node=node) for run in ("good", "bad", "broken"))
    assert (good["lifecycleState"], good["cause"], good["exitCode"]) == ("SUCCEEDED", "exited", 0)
    assert (bad["lifecycleState"], bad["exitCode"]) == ("FAILED", 7)
    assert (broken["lifecycleState"], broken["cause"]) == ("FAILED", "assignment-invalid")
    assert "surprise" in broken["lifecycleDetails"]
    for state in (good, bad, broken):
        assert state["node"] == "alpha" and state["attempt"] == 1 and state["epoch"] > 0
    assert etcd.names("claims") == [] and etcd.names("queue") == [] and etcd.names("inbox") == []
    assert node.output("good")[0] == "hello\n"


def executions(run, node):
    """The names under which the node has had the run."""
    return [name for name in node.ids() if name == run or name.startswith(run + "~")]


def test_a_run_may_have_the_name_of_what_the_node_keeps(etcd, fleet):
    """What is the node's own in the agent's folder is no run, and no run is taken for it."""
    node = fleet("alpha")
    for run in ("drained", "needs-attention", "served", "instance"):
        etcd.submit(run, "true\n")
        assert etcd.await_end(run, patience=30, node=node)["lifecycleState"] == "SUCCEEDED"
    assert node.api("POST", "/v1/node/drain")[0] == 200
    assert "drained" in node.api("GET", "/v1/node")[1]
    assert node.api("POST", "/v1/node/undrain")[0] == 200


def test_an_agent_that_was_killed_and_is_back_has_one_place_in_the_line(etcd, fleet):
    """Its lease lives on, and with it the place: one that nobody stands on, and before which nobody would act."""
    node = fleet("alpha", lease="20s")
    for _ in range(5):
        before = etcd.names("line", "default")
        node.stop(signal.SIGKILL)
        assert etcd.names("line", "default") == before
        node.start()
        until("it is in the line again", lambda: etcd.names("line", "default") not in ([], before))
        until("it has one place", lambda: len(etcd.names("line", "default")) == 1)
    etcd.submit("run", "true\n")
    etcd.await_end("run", node=node)


def test_who_waits_is_taken_by_priority_then_by_time(etcd, fleet):
    for run, priority in (("low", -5), ("first", 0), ("second", 0), ("high", 900)):
        etcd.submit(run, "true\n", priority=priority)
    node = fleet("alpha", start=False)
    node.start()
    ends = {run: etcd.await_end(run, node=node) for run in ("low", "first", "second", "high")}
    assert sorted(ends, key=lambda run: ends[run]["epoch"]) == ["high", "first", "second", "low"]


def test_a_run_whose_node_is_gone_is_queued_again_or_fails(etcd, fleet):
    gone = fleet("gone", concurrency=2, lease="3s")
    etcd.submit("again", 'test "$(hostname)" = beta || exec sleep 600\n', on_lost="requeue", attempts=2)
    etcd.submit("once", "exec sleep 600\n", on_lost="fail")
    for run in ("again", "once"):
        etcd.await_state(run, "IN_PROGRESS", node=gone)
        gone.await_running(run)
    beta = fleet("beta", lease="3s")
    gone.daemon.kill()
    once, again = etcd.await_end("once", node=beta), etcd.await_end("again", node=beta)
    assert (once["lifecycleState"], once["cause"], once["node"]) == ("FAILED", "lease-lost", "gone")
    assert "gone was away" in once["lifecycleDetails"]
    assert (again["lifecycleState"], again["node"], again["attempt"]) == ("SUCCEEDED", "beta", 2)
    assert executions("again", beta) == ["again~2"]
    gone.start()
    for run in ("again", "once"):
        until("%s is lost to its node: %s" % (run, gone.tail()),
              lambda: [f for f in gone.journal(run) if f["event"] == "lease-lost"])
    assert etcd.state("again")["node"] == "beta" and etcd.state("once")["lifecycleState"] == "FAILED"


def test_lost_leases_stop_a_run_or_let_it_finish_and_the_stale_end_is_refused_once(etcd, fleet):
    node = fleet("alpha", concurrency=3, lease="2s")
    etcd.submit("returns", 'exec sleep 600\n', on_lost="requeue", attempts=2, x_runlet={"onLeaseLost": "stop"})
    etcd.submit("stops", "exec sleep 600\n", x_runlet={"onLeaseLost": "stop"})
    etcd.submit("holds", "while [ ! -e /tmp/go ]; do sleep 0.1; done\n", x_runlet={"onLeaseLost": "finish-and-hold"})
    for run in ("stops", "holds", "returns"):
        node.await_running(run)
        etcd.await_state(run, "IN_PROGRESS", node=node)
    etcd.stop()
    until("the run is stopped: " + node.tail(), lambda: node.record("stops"))
    until("and so is the one that may be executed again: " + node.tail(), lambda: node.record("returns"))
    assert not node.record("holds")
    etcd.start()
    stopped = etcd.await_end("stops", node=node)
    assert (stopped["lifecycleState"], stopped["cause"]) == ("FAILED", "lease-lost")
    until("it is executed again: " + node.tail(), lambda: etcd.state("returns")["attempt"] == 2)
    node.await_running("returns~2")
    etcd.direct("alpha", "returns", directive="cancel", kill=True)
    assert etcd.await_end("returns", node=node)["cause"] == "cancelled"
    # Nobody took the other one meanwhile: it is still this node's, and goes on. Then somebody does.
    etcd.txn([], [etcd_rig.delete(etcd.key("claims", "alpha", "holds")),
                  etcd_rig.put(etcd.key("states", "holds"), dict(etcd.state("holds"), node="other", attempt=2, epoch=1 << 40))])
    node.runlet("cancel", "holds", check=0)
    node.await_finished("holds")
    assert etcd.state("holds")["node"] == "other"
    assert len([f for f in node.journal("holds") if f["event"] == "report-refused"]) == 1
    assert len([f for f in node.journal("holds") if f["event"] == "lease-lost"]) == 1


def test_waiting_and_claimed_runs_are_cancelled(etcd, fleet):
    waiting = etcd.submit("waits", "true\n", pool="nobody")
    assert etcd.cancel_waiting("waits", waiting)
    node = fleet("alpha")
    etcd.submit("runs", "exec sleep 600\n")
    node.await_running("runs")
    etcd.direct("alpha", "runs", directive="cancel", kill=True)
    end = etcd.await_end("runs", node=node)
    assert (end["lifecycleState"], end["cause"]) == ("CANCELED", "cancelled")
    assert etcd.state("waits")["lifecycleState"] == "CANCELED" and etcd.names("queue") == [] and etcd.names("inbox") == []


def test_a_run_is_told_to_stop_or_gets_another_deadline(etcd, fleet):
    node = fleet("alpha", concurrency=2)
    etcd.submit("stops", "exec sleep 600\n")
    etcd.submit("late", "exec sleep 600\n")
    node.await_running("stops")
    node.await_running("late")
    etcd.direct("alpha", "stops", directive="stop", graceMs=500)
    etcd.direct("alpha", "late", directive="nonsense")
    until("what makes no sense is said: " + node.tail(), lambda: "unknown word 'nonsense'" in node.tail(20000))
    before = node.await_running("late")["deadline-boot-ms"]
    etcd.direct("alpha", "late", directive="deadline", maximumRuntimeMs=3600000)
    until("its deadline is another: %r" % node.supervisor_facts("late"), lambda: any(
        fact.get("deadline-boot-ms", before) < before for fact in node.supervisor_facts("late")))
    assert etcd.await_end("stops", node=node)["cause"] == "preempted"
    etcd.direct("alpha", "late", directive="cancel", kill=True)
    assert etcd.await_end("late", node=node)["cause"] == "cancelled"


def test_a_node_is_drained_and_taken_back(etcd, fleet):
    node = fleet("alpha")
    etcd.direct_node("alpha", directive="drain", reason="new disks")
    until("it leaves the line", lambda: etcd.names("line") == [])
    until("its key says why", lambda: "drain" in etcd.read("nodes", "alpha").get("notReady", ""))
    until("the word is taken", lambda: etcd.names("inbox") == [])
    etcd.submit("waits", "true\n")
    node.stop()
    node.start()
    node.registered()
    assert etcd.state("waits")["attempt"] == 0
    etcd.direct_node("alpha", directive="undrain")
    assert etcd.await_end("waits", node=node)["lifecycleState"] == "SUCCEEDED"
    # The file that keeps a node drained is no run.
    assert "run=drained" not in node.tail(100000)


def test_etcd_away_for_the_whole_run_costs_nothing_but_delay(etcd, fleet):
    # The first member is none, and never was.
    node = fleet("alpha", lease="60s", endpoints="http://127.0.0.1:1," + etcd.endpoint)
    etcd.submit("alone", "while [ ! -e go ]; do sleep 0.1; done; echo done\n")
    node.await_running("alone")
    etcd.stop()
    (node.home("alone") / "go").touch()
    until("the run ends: " + node.tail(), lambda: node.record("alone"))
    node.stop()
    node.start()
    etcd.start()
    assert etcd.await_end("alone", node=node)["lifecycleState"] == "SUCCEEDED"
    node.await_finished("alone")
    assert etcd.names("claims") == [] and "lease-lost" not in [f["event"] for f in node.journal("alone")]


def test_compaction_hides_nothing(etcd, fleet):
    node = fleet("alpha", lease="60s")
    etcd.submit("runs", "exec sleep 600\n")
    node.await_running("runs")
    etcd.await_state("runs", "IN_PROGRESS", node=node)
    # While it is away, what it is to hear of is written, and then compacted away.
    node.daemon.send_signal(signal.SIGSTOP)
    etcd.stop()
    etcd.start()
    etcd.direct("alpha", "runs", directive="cancel", kill=True)
    for i in range(5):
        etcd.txn([], [etcd_rig.put("/elsewhere", str(i))])
    etcd.call("kv/compaction", revision=str(etcd.revision()), physical=True)
    node.daemon.send_signal(signal.SIGCONT)
    assert etcd.await_end("runs", node=node)["cause"] == "cancelled"


def test_a_node_that_hangs_first_in_line_is_passed_by(etcd, fleet):
    hangs, works = fleet("alpha", lease="60s"), fleet("beta", lease="60s")
    hangs.daemon.send_signal(signal.SIGSTOP)
    try:
        etcd.submit("goes-on", "true\n")
        assert etcd.await_end("goes-on", node=works)["node"] == "beta"
    finally:
        hangs.daemon.send_signal(signal.SIGCONT)


def test_what_nobody_can_take_up_does_not_stand_before_others(etcd, fleet):
    etcd.txn([], [etcd_rig.put(etcd.key("queue", "default", "0001.0000000000001.rubbish"), "{"),
                  etcd_rig.put(etcd.key("queue", "default", "0001.0000000000002.liar"), {"run": "other", "pool": "default",
                                                                                      "lifecycleState": "ACCEPTED"}),
                  etcd_rig.put(etcd.key("queue", "default", "zzz"), "")])
    waiting = etcd.submit("hollow", "true\n")
    etcd.txn([], [etcd_rig.delete(etcd.key("assignments", "hollow"))])
    etcd.submit("sound", "true\n")
    node = fleet("alpha", start=False)
    node.start()
    assert etcd.await_end("sound", node=node)["lifecycleState"] == "SUCCEEDED"
    until("the queue is empty: " + node.tail(), lambda: etcd.names("queue") == [])
    for run in ("rubbish", "liar", "hollow"):
        assert etcd.state(run)["cause"] == "assignment-invalid", run
    assert waiting and "1:1: error" in etcd.state("rubbish")["lifecycleDetails"] or ":1:" in etcd.state("rubbish")["lifecycleDetails"]


def test_two_nodes_with_one_name_do_not_meet(etcd, fleet):
    first = fleet("alpha", lease="3s")
    second = fleet("alpha", start=False, lease="3s")
    second.start()
    until("the second one says so: " + second.tail(), lambda: "another node is registered" in second.tail())
    first.stop()
    second.takes_runs()
    etcd.submit("one", "true\n")
    assert etcd.await_end("one", node=second)["lifecycleState"] == "SUCCEEDED"
    assert executions("one", second) == ["one"]


# ---- another attempt, as the document says ----

AGAIN = 'echo "attempt $RUNLET_ATTEMPT" >>"$HOME/attempts"; [ "$RUNLET_ATTEMPT" -ge 2 ] || exit 75\n'


def asking(**retry):
    return {"retry": dict({"on": ["exited"], "exitCodes": [75]}, **retry)}


def test_an_end_that_the_document_names_leads_to_another_attempt(etcd, fleet):
    node = fleet("alpha")
    etcd.submit("again", AGAIN, attempts=3, x_runlet=asking(attempts=3, delay="0s"))
    end = etcd.await_end("again", node=node)
    assert (end["lifecycleState"], end["attempt"], end["exitCode"]) == ("SUCCEEDED", 2, 0), end
    node.await_finished("again~2")
    assert (node.home("again") / "attempts").read_text() == "attempt 1\n"
    assert [f["event"] for f in facts(node.state / "agent/again/agent.journal")].count("given-back") == 1
    # Another code, and attempts that are used up, are the end.
    etcd.submit("other", "exit 9\n", attempts=3, x_runlet=asking(attempts=3, delay="0s"))
    etcd.submit("all", "exit 75\n", attempts=2, x_runlet=asking(attempts=2, delay="0s"))
    end = etcd.await_end("other", node=node)
    assert (end["lifecycleState"], end["attempt"], end["exitCode"]) == ("FAILED", 1, 9), end
    end = etcd.await_end("all", node=node)
    assert (end["lifecycleState"], end["attempt"], end["exitCode"]) == ("FAILED", 2, 75), end
    assert etcd.names("claims") == [] and etcd.names("queue") == []


@pytest.mark.parametrize("script,status", [("kill -9 $$\n", 137), ("exit 7\n", 7), ("true\n", 0)])
def test_waiting_ends_as_the_job_did(etcd, fleet, script, status):
    node = fleet("alpha")
    etcd.submit("waited", script)
    done = node.runlet("wait", "--etcd", "waited")
    assert done.returncode == status, (done, node.tail())


def test_a_run_that_waits_for_its_next_attempt_holds_no_place_and_is_cancelled(etcd, fleet):
    node = fleet("alpha")
    etcd.submit("later", "exit 75\n", attempts=3, x_runlet=asking(attempts=3, delay="1h"))
    until("it waits: " + node.tail(), lambda: "run=later ended by exited, and is queued again in" in node.tail(20000))
    etcd.submit("meanwhile", "true\n")
    assert etcd.await_end("meanwhile", node=node)["lifecycleState"] == "SUCCEEDED"
    # So it does when the agent was away.
    node.daemon.kill()
    node.daemon.wait()
    node.start()
    until("it waits again: " + node.tail(), lambda: node.tail(40000).count("run=later ended by exited") == 2)
    assert not etcd.state("later").get("timeFinished")
    etcd.direct("alpha", "later", directive="cancel")
    end = etcd.await_end("later", node=node)
    assert (end["lifecycleState"], end["cause"], end["attempt"], end["exitCode"]) == ("FAILED", "exited", 1, 75), end
    node.await_finished("later")
    assert etcd.names("claims") == [] and etcd.names("queue") == [] and etcd.names("inbox") == []


# ---- crashes ----

def restart(node):
    """What a service manager does: the agent is started whenever it is not there."""
    if node.daemon.poll() is not None:
        node.start(wait=False)


def test_an_agent_that_dies_as_it_queues_a_run_again_queues_it_once(bin_dir, etcd, fleet):
    if not has_points(bin_dir):
        pytest.skip("needs programs with crash points")
    node = fleet("alpha", start=False, lease="10s")
    crash = CrashFile(node.root / "crash", Point("", "runletd", "etcd-requeued", 1))
    etcd.submit("again", AGAIN, attempts=3, x_runlet=asking(attempts=3, delay="0s"))
    os.environ["RUNLET_CRASH_FILE"] = str(crash.path)
    try:
        node.start(wait=False)
        until("it dies: " + node.tail(), crash.fired)
        node.daemon.wait()
    finally:
        del os.environ["RUNLET_CRASH_FILE"]
    node.start()
    end = etcd.await_end("again", node=node)
    assert (end["lifecycleState"], end["attempt"]) == ("SUCCEEDED", 2), end
    node.await_finished("again")
    node.await_finished("again~2")
    events = [f["event"] for f in facts(node.state / "agent/again/agent.journal")]
    assert events.count("given-back") == 1 and "report-refused" not in events and "lease-lost" not in events, events


@pytest.mark.parametrize("name", ["etcd-lease-saved", "etcd-registered", "etcd-claim-answered", "etcd-claimed",
                                  "etcd-folder-made", "etcd-reported:ACCEPTED", "etcd-reported:FAILED"])
def test_an_agent_that_dies_at_any_step_executes_the_run_once_and_reports_one_end(bin_dir, etcd, fleet, name):
    if not has_points(bin_dir):
        pytest.skip("needs programs with crash points")
    node = fleet("alpha", start=False, lease="10s")
    crash = CrashFile(node.root / "crash", Point("", "runletd", name, 1))
    etcd.submit("once", "echo started >> \"$HOME/starts\"; exit 3\n", on_lost="fail")
    os.environ["RUNLET_CRASH_FILE"] = str(crash.path)
    try:
        node.start(wait=False)
        until("it dies at %s: %s" % (name, node.tail()), crash.fired)
        node.daemon.wait()
    finally:
        del os.environ["RUNLET_CRASH_FILE"]
    node.start()
    end = etcd.await_end("once", node=node)
    assert (end["lifecycleState"], end["exitCode"], end["attempt"]) == ("FAILED", 3, 1)
    node.await_finished("once")
    assert executions("once", node) == ["once"] and etcd.names("claims") == []
    assert (node.home("once") / "starts").read_text() == "started\n"


def test_agents_killed_again_and_again_end_each_run_once(etcd, fleet):
    dice = random.Random(5)
    nodes = [fleet(name, concurrency=2, lease="20s") for name in ("alpha", "beta")]
    runs = ["r%d" % i for i in range(24)]
    for run in runs:
        etcd.submit(run, 'echo started >> "$HOME/starts"; sleep 0.2; exit 3\n', on_lost="fail")
    deaths = 0
    while any(etcd.state(run)["lifecycleState"] not in etcd_rig.ENDS for run in runs):
        for node in nodes:
            restart(node)
        time.sleep(dice.random() * 0.8)
        if deaths < 12:
            victim = dice.choice(nodes)
            if victim.daemon.poll() is None:
                victim.daemon.kill()
                victim.daemon.wait()
                deaths += 1
    for node in nodes:
        restart(node)
    for run in runs:
        state = etcd.state(run)
        assert (state["lifecycleState"], state.get("exitCode"), state["attempt"]) == ("FAILED", 3, 1), state
        had = [node for node in nodes if executions(run, node)]
        assert [node.name for node in had] == [state["node"]], run
        assert (had[0].home(run) / "starts").read_text() == "started\n"
    until("all claims are gone", lambda: etcd.names("claims") == [])


# ---- who may ----

def test_with_tls_and_a_user_whose_token_ends(bin_dir, tmp_path):
    tmp_path.chmod(0o755)
    files = etcd_rig.certificates(tmp_path)
    password = tmp_path / "password"
    password.write_text("pw-of-runlet\n")
    password.chmod(0o644)
    for folder in tmp_path.parents:
        if folder.stat().st_mode & 0o005 == 0:
            folder.chmod(folder.stat().st_mode | 0o055)
    etcd = Etcd(tls=files)
    words = {"caFile": files["ca.pem"], "certFile": files["client.pem"], "keyFile": files["client.key"], "user": "runlet",
             "passwordFile": str(password)}
    node = EtcdNode(bin_dir, etcd, "alpha", extra="".join("  %s: %s\n" % pair for pair in words.items()))
    try:
        for user, role in (("root", "root"), ("runlet", "runlet")):
            etcd.call("auth/user/add", name=user, password="pw-of-" + user)
            etcd.call("auth/role/add", name=role)
            etcd.call("auth/user/grant", user=user, role=role)
        etcd.call("auth/role/grant", name="runlet", perm={"permType": "READWRITE", "key": etcd_rig.b64("/runlet/"),
                                                          "range_end": etcd_rig.b64("/runlet0")})
        etcd.call("auth/enable")
        etcd.token = etcd.call("auth/authenticate", name="root", password="pw-of-root")["token"]
        node.start()
        node.takes_runs()
        etcd.submit("one", "exec sleep 600\n")
        node.await_running("one")
        # Tokens do not outlive the server: all connections are new, and nobody is known.
        etcd.stop()
        etcd.token = None
        etcd.start()
        etcd.token = etcd.call("auth/authenticate", name="root", password="pw-of-root")["token"]
        etcd.direct("alpha", "one", directive="cancel", kill=True)
        assert etcd.await_end("one", node=node)["cause"] == "cancelled"
        assert "pw-of-runlet" not in node.tail(100000)
    finally:
        node.close()
        etcd.close()


def test_a_password_that_cannot_be_read_is_said(bin_dir, tmp_path, etcd, fleet):
    node = fleet("alpha", start=False, extra="  user: runlet\n  passwordFile: %s\n" % (tmp_path / "missing"))
    node.start()
    until("it says what is missing: " + node.tail(), lambda: "read the password of etcd's user" in node.tail())
    assert etcd.names("nodes") == []
