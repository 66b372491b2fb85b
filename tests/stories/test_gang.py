"""Runs of several nodes on several machines, over a real etcd: placed, led, stopped, lost and ended as one."""
import json
import os

import pytest

import etcd_rig
from etcd_rig import Etcd, EtcdNode, why_no_etcd
from node_rig import until

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
    """Makes nodes of the etcd, started and in the line."""
    nodes = {}

    def make(*names, **how):
        for name in names or NAMES:
            nodes[name] = EtcdNode(bin_dir, etcd, name, **dict({"lease": "4s"}, **how))
            nodes[name].start()
        for name in names or NAMES:
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
