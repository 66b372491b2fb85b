"""Runs of several nodes: what the nodes see of each other, who starts when, and what the whole says at the end."""
import json
import signal

import pytest

from node_rig import until
from run_rig import RunNode

JOB = """#!/bin/bash
set -eu
echo "rank $NODE_RANK of $INITIAL_CLUSTER_SIZE in $NODE_GROUP_NAME on $NCCL_SOCKET_IFNAME $GLOO_SOCKET_IFNAME $JR_SOCKET_IFNAME"
python3 - <<END
import json, os
nodes = json.load(open(os.environ["CLUSTER_NODES_METADATA_FILE"]))
print(sorted(nodes[0]), [(n["Rank"], n["IPAddress"], n["NodeGroupName"]) for n in nodes])
print("fqdn", nodes[int(os.environ["NODE_RANK"])]["FQDN"] == os.environ["FQDN"], "run", os.environ["JOB_RUN_OCID"])
try:
    open(os.environ["CLUSTER_NODES_METADATA_FILE"], "a")
except OSError as error:
    print("not written:", error.errno in (13, 30))
END
"""


def group(name, replicas=1, least=None, variables=None, **more):
    details = {"name": name, "replicas": replicas}
    if least is not None:
        details["minimumSuccessReplicas"] = least
    details["JobConfigurationDetails"] = dict({"jobType": "DEFAULT", "environmentVariables": variables or {}}, **more)
    return details


def document(node, *groups, order="IN_PARALLEL", minutes=None, x=None):
    nodes = {"jobNodeType": "MULTI_NODE", "startupOrder": order, "jobNodeGroupConfigurationDetailsList": list(groups)}
    if minutes:
        nodes["maximumRuntimeInMinutes"] = minutes
    job = {"displayName": "several", "jobConfigurationDetails": {"jobType": "EMPTY"}, "jobNodeConfigurationDetails": nodes}
    if x:
        job["x-runlet"] = x
    return node.write("job.json", json.dumps(job))


@pytest.fixture(name="node")
def a_node(bin_dir):
    rig = RunNode(bin_dir, concurrency=4)
    yield rig
    rig.close()


def members(node, run_id):
    return sorted(name for name in node.ids() if name.startswith(run_id + "+"))


def test_every_node_knows_all_of_them(node):
    job = document(node, group("head", variables={"NODE_RANK": "9"}), group("workers", 2))
    done = node.run(node.write("job.sh", JOB), "--job", job)

    assert done.status == 0, done
    lines = done.text.splitlines()
    everybody = "[(0, '127.0.0.1', 'head'), (1, '127.0.0.1', 'workers'), (2, '127.0.0.1', 'workers')]"
    for rank, name in enumerate(("head", "workers", "workers")):
        own = [line[4:] for line in lines if line.startswith("[%d] " % rank)]
        assert own == ["rank %d of 3 in %s on lo lo lo" % (rank, name),
                       "['FQDN', 'IPAddress', 'NodeGroupName', 'Rank'] " + everybody,
                       "fqdn True run " + done.id, "not written: True"], done
    assert members(node, done.id) == ["%s+%d" % (done.id, rank) for rank in range(3)]
    status = node.status_json(done.id)
    assert (status["lifecycleState"], status["cause"], status["exitCode"]) == ("SUCCEEDED", "exited", 0), status
    assert not node.leftovers()
