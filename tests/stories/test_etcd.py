"""Runs over a real etcd: how they are taken, end, are lost and moved, and what holds while etcd is away."""
import os

import pytest

import etcd_rig
from etcd_rig import Etcd, EtcdNode, why_no_etcd
from node_rig import until

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


def test_who_waits_is_taken_by_priority_then_by_time(etcd, fleet):
    for run, priority in (("low", -5), ("first", 0), ("second", 0), ("high", 900)):
        etcd.submit(run, "true\n", priority=priority)
    node = fleet("alpha", start=False)
    node.start()
    ends = {run: etcd.await_end(run, node=node) for run in ("low", "first", "second", "high")}
    assert sorted(ends, key=lambda run: ends[run]["epoch"]) == ["high", "first", "second", "low"]


def test_a_run_whose_node_is_gone_is_queued_again_or_fails(etcd, fleet):
    gone = fleet("gone", concurrency=2, lease="3s")
    etcd.submit("again", 'test "$(hostname)" = beta || sleep 600\n', on_lost="requeue", attempts=2)
    etcd.submit("once", "sleep 600\n", on_lost="fail")
    for run in ("again", "once"):
        etcd.await_state(run, "IN_PROGRESS", node=gone)
        gone.await_running(run)
    beta = fleet("beta", lease="3s")
    gone.daemon.kill()
    once, again = etcd.await_end("once", node=beta), etcd.await_end("again", node=beta)
    assert (once["lifecycleState"], once["cause"], once["node"]) == ("FAILED", "lease-lost", "gone")
    assert "gone was away" in once["lifecycleDetails"]
    print(open(beta.log).read())
    assert (again["lifecycleState"], again["node"], again["attempt"]) == ("SUCCEEDED", "beta", 2)
    assert executions("again", beta) == ["again~2"]
    gone.start()
    for run in ("again", "once"):
        until("%s is lost to its node: %s" % (run, gone.tail()),
              lambda: [f for f in gone.journal(run) if f["event"] == "lease-lost"])
    assert etcd.state("again")["node"] == "beta" and etcd.state("once")["lifecycleState"] == "FAILED"


def test_lost_leases_stop_a_run_or_let_it_finish_and_the_stale_end_is_refused_once(etcd, fleet):
    node = fleet("alpha", concurrency=2, lease="2s")
    etcd.submit("stops", "sleep 600\n", x_runlet={"onLeaseLost": "stop"})
    etcd.submit("holds", "while [ ! -e /tmp/go ]; do sleep 0.1; done\n", x_runlet={"onLeaseLost": "finish-and-hold"})
    for run in ("stops", "holds"):
        node.await_running(run)
        etcd.await_state(run, "IN_PROGRESS", node=node)
    etcd.stop()
    until("the run is stopped: " + node.tail(), lambda: node.record("stops"))
    assert not node.record("holds")
    etcd.start()
    stopped = etcd.await_end("stops", node=node)
    assert (stopped["lifecycleState"], stopped["cause"]) == ("FAILED", "lease-lost")
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
    etcd.submit("runs", "sleep 600\n")
    node.await_running("runs")
    etcd.direct("alpha", "runs", directive="cancel", kill=True)
    end = etcd.await_end("runs", node=node)
    assert (end["lifecycleState"], end["cause"]) == ("CANCELED", "cancelled")
    assert etcd.state("waits")["lifecycleState"] == "CANCELED" and etcd.names("queue") == [] and etcd.names("inbox") == []


def test_a_run_is_told_to_stop_or_gets_another_deadline(etcd, fleet):
    node = fleet("alpha", concurrency=2)
    etcd.submit("stops", "sleep 600\n")
    etcd.submit("late", "sleep 600\n")
    node.await_running("stops")
    node.await_running("late")
    etcd.direct("alpha", "stops", directive="stop", graceMs=500)
    etcd.direct("alpha", "late", directive="nonsense")
    until("what makes no sense is said: " + node.tail(), lambda: "unknown word 'nonsense'" in node.tail(20000))
    etcd.direct("alpha", "late", directive="deadline", maximumRuntimeMs=500)
    assert etcd.await_end("stops", node=node)["cause"] == "preempted"
    assert etcd.await_end("late", node=node)["cause"] == "deadline-exceeded"


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


def test_etcd_away_for_the_whole_run_costs_nothing_but_delay(etcd, fleet):
    node = fleet("alpha", lease="60s")
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
    etcd.submit("runs", "sleep 600\n")
    node.await_running("runs")
    etcd.await_state("runs", "IN_PROGRESS", node=node)
    # While it is away, what it is to hear of is written, and then compacted away.
    node.daemon.send_signal(19)
    etcd.stop()
    etcd.start()
    etcd.direct("alpha", "runs", directive="cancel", kill=True)
    for i in range(5):
        etcd.txn([], [etcd_rig.put("/elsewhere", str(i))])
    etcd.call("kv/compaction", revision=str(etcd.revision()), physical=True)
    node.daemon.send_signal(18)
    assert etcd.await_end("runs", node=node)["cause"] == "cancelled"


def test_a_node_that_hangs_first_in_line_is_passed_by(etcd, fleet):
    hangs, works = fleet("alpha", lease="60s"), fleet("beta", lease="60s")
    hangs.daemon.send_signal(19)
    try:
        etcd.submit("goes-on", "true\n")
        assert etcd.await_end("goes-on", node=works)["node"] == "beta"
    finally:
        hangs.daemon.send_signal(18)


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
