"""The cluster that other stories rely on does what they rely on: a majority goes on, a minority does not, and what was cut off comes
back."""
import pytest

from cluster_rig import Cluster, why_no_cluster
from node_rig import until

pytestmark = pytest.mark.skipif(why_no_cluster() is not None, reason=why_no_cluster() or "")


@pytest.fixture
def cluster():
    made = Cluster()
    yield made
    made.close()


def test_a_majority_goes_on_and_a_minority_does_not(cluster):
    cluster.etcdctl("put", "/k", "1")
    killed = cluster.leader()
    killed.end()
    cluster.etcdctl("put", "/k", "2")
    cut = [m for m in cluster.members if m is not killed][0]
    cut.host.partition()
    assert not cut.healthy()
    assert cluster.refuses("put", "/k", "3")
    killed.start()
    cluster.await_healthy([killed])
    cluster.etcdctl("put", "/k", "4")
    cut.host.heal()
    cluster.await_healthy()
    assert cluster.keys("/k") == {"/k": "4"}
    until("all members agree", lambda: {m.host.run("etcdctl", "--endpoints", "http://127.0.0.1:2379", "get", "--print-value-only",
                                                   "/k").stdout for m in cluster.members} == {"4\n"}, pause=0.1)
