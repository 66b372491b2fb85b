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
