"""Runs of several nodes on several machines, over a real etcd: placed, led, stopped, lost and ended as one."""
import json
import os
import socket
import time

import pytest

import etcd_rig
from etcd_rig import Etcd, EtcdNode, why_no_etcd
from node_rig import facts, until

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="needs root: runs are contained by namespaces and other users"),
              pytest.mark.skipif(why_no_etcd() is not None, reason=str(why_no_etcd()))]

NAMES = ("alpha", "beta", "gamma")


@pytest.fixture
def etcd():
    server = Etcd()
    yield server
    server.close()


@pytest.fixture
def fleet(bin_dir, etcd):
    """Makes nodes of the etcd, started and in the line, unless something waits for them that takes them out of it at once."""
    nodes = {}

    def make(*names, wanted=False, **how):
        for name in names or NAMES:
            nodes[name] = EtcdNode(bin_dir, etcd, name, **dict({"lease": "4s"}, **how))
            nodes[name].start()
        for name in () if wanted else names or NAMES:
            nodes[name].takes_runs()
        return nodes

    yield make
    for node in nodes.values():
        node.close()


def group(name, replicas=1, least=None):
    details = {"name": name, "replicas": replicas, "JobConfigurationDetails": {"jobType": "DEFAULT", "environmentVariables": {}}}
    if least is not None:
        details["minimumSuccessReplicas"] = least
    return details


def document(run, script, *groups, order="IN_PARALLEL", x=None):
    job = {"id": "job.1", "displayName": "j", "jobConfigurationDetails": {"jobType": "EMPTY"},
           "jobNodeConfigurationDetails": {"jobNodeType": "MULTI_NODE", "startupOrder": order,
                                           "jobNodeGroupConfigurationDetailsList": list(groups)}}
    if x:
        job["x-runlet"] = x
    return json.dumps({"job": job, "jobRun": {"id": run, "jobId": "job.1", "displayName": run}, "runtime": "artifact",
                       "artifact": {"fileName": "job.sh",
                                    "parts": [{"form": "file", "name": "job.sh", "into": "", "content": etcd_rig.b64(script)}]}})


def submit(etcd, run, script, *groups, order="IN_PARALLEL", **how):
    return etcd.submit(run, script, document=document(run, script, *groups, order=order), **how)


def tails(nodes):
    return "".join(node.tail(3000) for node in nodes.values())


def await_end(etcd, nodes, run):
    return until("%s ends: %s%s" % (run, etcd.names("states"), tails(nodes)),
                 lambda: (lambda s: s if s["lifecycleState"] in etcd_rig.ENDS else None)(etcd.state(run)), pause=0.1)


def nothing_is_left(etcd):
    until("nothing of any run is left: %s" % [etcd.names(f) for f in ("claims", "queue", "clusters", "inbox")],
          lambda: not any(etcd.names(f) for f in ("claims", "queue", "clusters", "inbox")))


def outputs(nodes, run, ranks, attempt=1):
    """What each rank wrote, and the node that it was on."""
    found = {}
    for rank in range(ranks):
        name = "%s+%d%s" % (run, rank, "" if attempt == 1 else "~%d" % attempt)
        found[rank] = [(node.name, node.output(name)[0]) for node in nodes.values() if name in node.ids()]
    return found


def test_three_nodes_see_each_other(etcd, fleet):
    nodes = fleet()
    submit(etcd, "three", 'echo "$NODE_RANK $INITIAL_CLUSTER_SIZE $NODE_GROUP_NAME $FQDN $JOB_RUN_OCID"\n'
                          'cat "$CLUSTER_NODES_METADATA_FILE"\n', group("head"), group("workers", 2))
    end = await_end(etcd, nodes, "three")
    assert (end["lifecycleState"], end["cause"], end["exitCode"]) == ("SUCCEEDED", "exited", 0), end
    nothing_is_left(etcd)
    found = outputs(nodes, "three", 3)
    assert sorted(places[0][0] for places in found.values()) == sorted(NAMES), found
    lists = []
    for rank, [(node, text)] in found.items():
        first, rest = text.split("\n", 1)
        own = json.loads(rest)
        lists.append(own)
        assert first == "%d 3 %s %s three" % (rank, "workers" if rank else "head", own[rank]["FQDN"]), found
        assert node in own[rank]["FQDN"] or own[rank]["FQDN"], own
    assert lists[0] == lists[1] == lists[2] and [n["Rank"] for n in lists[0]] == [0, 1, 2]
    assert [n["NodeGroupName"] for n in lists[0]] == ["head", "workers", "workers"]


def test_a_member_that_fails_ends_the_others(etcd, fleet):
    nodes = fleet()
    submit(etcd, "bad", 'if [ "$NODE_RANK" = 1 ]; then exit 7; fi\nexec sleep 600\n', group("all", 3))
    end = await_end(etcd, nodes, "bad")
    assert (end["lifecycleState"], end["cause"], end["exitCode"]) == ("FAILED", "exited", 7), end
    assert "rank 1 of the node group 'all'" in end["lifecycleDetails"], end
    nothing_is_left(etcd)
    assert etcd.state("bad+1")["exitCode"] == 7 and etcd.state("bad+2")["cause"] == "group-failed"


def test_the_least_number_of_successes_is_enough(etcd, fleet):
    nodes = fleet()
    submit(etcd, "enough", 'test "$NODE_RANK" != 2\n', group("all", 3, least=2))
    end = await_end(etcd, nodes, "enough")
    assert (end["lifecycleState"], end["cause"]) == ("SUCCEEDED", "exited"), end
    assert etcd.state("enough+2")["lifecycleState"] == "FAILED"
    nothing_is_left(etcd)


def test_groups_begin_in_their_order(etcd, fleet):
    nodes = fleet()
    submit(etcd, "order", "sleep 1\n", group("first", 2), group("second"), order="IN_ORDER")
    begun = []

    def ended():
        for rank in (1, 2):
            state = etcd.state("order+%d" % rank)
            if rank not in begun and state and state.get("ready"):
                begun.append(rank)
        return etcd.state("order")["lifecycleState"] in etcd_rig.ENDS

    until("the run ends: " + tails(nodes), ended, pause=0.02)
    assert etcd.state("order")["lifecycleState"] == "SUCCEEDED"
    assert etcd.state("order+2")["timeStarted"] >= etcd.state("order+1")["timeStarted"]
    assert begun == [1, 2], begun
    nothing_is_left(etcd)


PROBED = """[ "$NODE_RANK" != 2 ] || exit 0
sleep 1
touch "$HOME/ready"
%s"""


def test_the_next_group_waits_for_the_probe_of_the_one_before(etcd, fleet, door):
    """Also when the agents of those that are probed were started again meanwhile."""
    nodes = fleet(lease="30s")
    first = dict(group("first", 2))
    first["JobConfigurationDetails"]["startupProbeDetails"] = {
        "jobProbeCheckType": "EXEC", "command": ["sh", "-c", "test -e $HOME/ready"], "periodInSeconds": 1, "initialDelayInSeconds": 0,
        "failureThreshold": 60}
    submit(etcd, "probed", PROBED % door.script, first, group("second"), order="IN_ORDER")
    until("a probed member runs: " + tails(nodes), lambda: (etcd.state("probed+1") or {}).get("timeStarted"))
    assert not etcd.state("probed+1").get("ready") and not (etcd.state("probed+2") or {}).get("timeStarted")
    nodes[etcd.state("probed+1")["node"]].daemon.kill()
    nodes[etcd.state("probed+1")["node"]].start()
    until("the last one is begun: " + tails(nodes), lambda: (etcd.state("probed+2") or {}).get("timeStarted"))
    ready = (nodes[etcd.state("probed+1")["node"]].home("probed+1") / "ready").stat().st_mtime
    assert etcd.state("probed+2")["timeStarted"] >= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ready))
    assert etcd.state("probed+1")["ready"]
    door.open()
    assert await_end(etcd, nodes, "probed")["lifecycleState"] == "SUCCEEDED"
    nothing_is_left(etcd)


def test_cancelling_the_whole_cancels_every_member(etcd, fleet):
    nodes = fleet()
    submit(etcd, "stops", "exec sleep 600\n", group("all", 3))
    for rank in (1, 2):
        until("member %d runs: %s" % (rank, tails(nodes)), lambda: (etcd.state("stops+%d" % rank) or {}).get("ready"))
    etcd.direct(etcd.state("stops")["node"], "stops", directive="cancel")
    end = await_end(etcd, nodes, "stops")
    assert (end["lifecycleState"], end["cause"]) == ("CANCELED", "cancelled"), end
    for rank in (1, 2):
        assert etcd.state("stops+%d" % rank)["lifecycleState"] == "CANCELED"
    nothing_is_left(etcd)
    # It is one run to people, and goes as one.
    assert [row.split()[0] for row in nodes["alpha"].runlet("runs").stdout.splitlines()] == ["RUN", "stops"]
    assert [row.split()[0] for row in nodes["alpha"].runlet("runs", "--nodes").stdout.splitlines()[1:]] == ["stops+2", "stops+1", "stops"]
    assert nodes["alpha"].runlet("remove", "stop").returncode == 0, tails(nodes)
    assert etcd.names("states") == [] and etcd.names("assignments") == []


STUBBORN = "trap '' TERM USR1 USR2\necho up\nwhile :; do sleep 0.1; done\n"


def all_ready(etcd, nodes, run):
    for rank in (1, 2):
        until("member %d runs: %s" % (rank, tails(nodes)), lambda: (etcd.state("%s+%d" % (run, rank)) or {}).get("ready"))


def of_ranks(nodes, run, event):
    """Facts of that kind in the journals of all ranks' runs, wherever they are."""
    found = {}
    for node in nodes.values():
        for rank in range(3):
            journal = node.state / "agent" / ("%s+%d" % (run, rank)) / "agent.journal"
            if journal.exists():
                found.setdefault(rank, []).extend(f for f in facts(journal) if f["event"] == event)
    return found


def test_a_stop_and_another_deadline_reach_every_member(etcd, fleet):
    nodes = fleet()
    submit(etcd, "told", "exec sleep 600\n", group("all", 3))
    all_ready(etcd, nodes, "told")
    leader = etcd.state("told")["node"]
    etcd.direct(leader, "told", directive="deadline", maximumRuntimeMs=3600000)
    until("each is told of the deadline: " + tails(nodes),
          lambda: sorted(r for r, f in of_ranks(nodes, "told", "deadline-set").items() if f) == [0, 1, 2])
    assert {f[0]["runtime-ms"] for f in of_ranks(nodes, "told", "deadline-set").values()} == {3600000}
    etcd.direct(leader, "told", directive="stop", graceMs=500)
    end = await_end(etcd, nodes, "told")
    assert (end["lifecycleState"], end["cause"]) == ("FAILED", "preempted"), end
    assert {etcd.state("told+%d" % rank)["cause"] for rank in (1, 2)} == {"preempted"}
    assert {r: len(f) for r, f in of_ranks(nodes, "told", "stop-requested").items()} == {0: 1, 1: 1, 2: 1}
    nothing_is_left(etcd)


def test_a_kill_reaches_every_member(etcd, fleet):
    """Their grace is an hour."""
    nodes = fleet()
    etcd.submit("stubborn", STUBBORN, document=document("stubborn", STUBBORN, group("all", 3), x={"stopGrace": "1h"}))
    all_ready(etcd, nodes, "stubborn")
    leader = etcd.state("stubborn")["node"]
    etcd.direct(leader, "stubborn", directive="cancel")
    until("each is asked to stop: " + tails(nodes),
          lambda: sorted(r for r, f in of_ranks(nodes, "stubborn", "cancel-requested").items() if f) == [0, 1, 2])
    assert not etcd.state("stubborn").get("timeFinished")
    etcd.direct(leader, "stubborn", directive="cancel", kill=True)
    end = await_end(etcd, nodes, "stubborn")
    assert (end["lifecycleState"], end["cause"]) == ("CANCELED", "cancelled"), end
    nothing_is_left(etcd)


def test_an_incomplete_run_is_cancelled_and_holds_nothing(etcd, fleet):
    nodes = fleet("alpha", "beta")
    submit(etcd, "large", "true\n", group("all", 3))
    until("one member is held: " + tails(nodes), lambda: etcd.names("claims/beta") and etcd.names("claims/alpha"))
    etcd.direct(etcd.state("large")["node"], "large", directive="cancel")
    assert await_end(etcd, nodes, "large")["lifecycleState"] == "CANCELED"
    nothing_is_left(etcd)
    etcd.submit("next", "true\n")
    assert await_end(etcd, nodes, "next")["lifecycleState"] == "SUCCEEDED"


def test_a_half_placed_run_gives_way_to_a_more_urgent_one(etcd, fleet):
    nodes = fleet("alpha")
    submit(etcd, "later", "true\n", group("all", 3))
    until("the first run waits for nodes: " + tails(nodes), lambda: etcd.read("clusters", "later"))
    submit(etcd, "urgent", "true\n", group("all", 3), priority=10)
    nodes = fleet("beta", "gamma")
    ends = {run: await_end(etcd, nodes, run) for run in ("urgent", "later")}
    assert [ends[run]["lifecycleState"] for run in ("urgent", "later")] == ["SUCCEEDED", "SUCCEEDED"], ends
    assert ends["urgent"]["attempt"] == 1 and ends["later"]["attempt"] == 2, ends
    assert ends["urgent"]["epoch"] < ends["later"]["epoch"]
    nothing_is_left(etcd)


def all_run(etcd, nodes, run):
    for rank in (1, 2):
        until("member %d runs: %s" % (rank, tails(nodes)), lambda: (etcd.state("%s+%d" % (run, rank)) or {}).get("ready"))
    leader = etcd.state(run)["node"]
    until("rank 0 runs: " + nodes[leader].tail(), lambda: nodes[leader].supervisor_facts(run + "+0", "running"))
    return leader


class Door:
    """A port that jobs knock at. Nobody answers before it is opened."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.script = ("#!/bin/bash\nuntil (exec 3<>/dev/tcp/127.0.0.1/%d) 2>/dev/null; do sleep 0.2; done\n"
                       % self.socket.getsockname()[1])

    def open(self):
        self.socket.listen(64)

    def close(self):
        self.socket.close()


@pytest.fixture
def door():
    made = Door()
    yield made
    made.close()


@pytest.mark.parametrize("lost", ["leader", "member"])
def test_a_lost_node_lets_the_whole_be_executed_again(etcd, fleet, door, lost):
    nodes = fleet("alpha", "beta", "gamma", "delta")
    submit(etcd, "again", door.script, group("all", 3), on_lost="requeue", attempts=2)
    leader = all_run(etcd, nodes, "again")
    gone = leader if lost == "leader" else etcd.state("again+1")["node"]
    nodes[gone].daemon.kill()
    until("the second attempt runs: " + tails(nodes), lambda: (etcd.state("again+2~2") or {}).get("ready"))
    for rank in (1, 2):
        until("the first attempt's members have ended: " + tails(nodes),
              lambda: etcd.state("again+%d" % rank)["lifecycleState"] == "FAILED")
    door.open()
    end = await_end(etcd, nodes, "again")
    assert (end["lifecycleState"], end["attempt"]) == ("SUCCEEDED", 2), end
    assert gone not in [end["node"]] + [etcd.state("again+%d~2" % rank)["node"] for rank in (1, 2)]
    nothing_is_left(etcd)


def test_a_lost_leader_ends_a_run_that_is_not_to_be_repeated(etcd, fleet):
    nodes = fleet()
    submit(etcd, "once", "exec sleep 600\n", group("all", 3))
    nodes[all_run(etcd, nodes, "once")].daemon.kill()
    end = await_end(etcd, nodes, "once")
    assert (end["lifecycleState"], end["cause"]) == ("FAILED", "lease-lost"), end
    for rank in (1, 2):
        until("member %d is stopped: %s" % (rank, tails(nodes)),
              lambda: etcd.state("once+%d" % rank)["cause"] == "group-failed")
    nothing_is_left(etcd)


def test_agents_that_start_again_go_on(etcd, fleet, door):
    nodes = fleet("alpha", "beta", lease="30s")
    submit(etcd, "goes-on", door.script, group("all", 3))
    until("one member is held: " + tails(nodes), lambda: etcd.names("claims/beta") and etcd.names("claims/alpha"))
    for name in ("alpha", "beta"):
        nodes[name].daemon.kill()
        nodes[name].start()
    nodes = fleet("gamma", lease="30s", wanted=True)
    all_run(etcd, nodes, "goes-on")
    for name in NAMES:
        nodes[name].daemon.kill()
        nodes[name].start()
    door.open()
    end = await_end(etcd, nodes, "goes-on")
    assert (end["lifecycleState"], end["attempt"]) == ("SUCCEEDED", 1), end
    assert all(len(places) == 1 for places in outputs(nodes, "goes-on", 3).values())
    nothing_is_left(etcd)
