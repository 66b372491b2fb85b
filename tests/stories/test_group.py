"""Runs of several nodes: what the nodes see of each other, who starts when, and what the whole says at the end."""
import json
import signal
import socket

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


def test_a_node_that_fails_ends_the_others(node):
    text = """#!/bin/bash
if [ $NODE_RANK = 1 ]; then exit 7; fi
trap 'echo asked to stop; exit 0' TERM
for i in $(seq 600); do sleep 0.1; done
"""
    done = node.run("-q", node.write("job.sh", text), "--job", document(node, group("a", 2), group("b")))

    assert done.status == 7, done
    status = node.status_json(done.id)
    assert status["lifecycleDetails"] == ("Job run artifact execution failed with exit code 7. This was rank 1 of the node group 'a'.")
    assert (status["lifecycleState"], status["cause"], status["exitCode"]) == ("FAILED", "exited", 7)
    for rank in (0, 2):
        assert node.status_json("%s+%d" % (done.id, rank))["cause"] == "group-failed"
    assert node.the_end(done.id)["lifecycleState"] == "FAILED"
    why = node.call("why", done.id)
    assert "rank 1 of the node group 'a'" in why.text, why


def test_so_many_may_fail(node):
    text = "#!/bin/bash\nexit $((NODE_RANK == 1))\n"
    done = node.run("-q", node.write("job.sh", text), "--job", document(node, group("a", 3, least=2)))

    assert done.status == 0, done
    assert node.status_json(done.id)["lifecycleState"] == "SUCCEEDED"
    assert node.status_json(done.id + "+1")["exitCode"] == 1


def test_groups_start_in_their_order(node):
    text = """#!/bin/bash
date +%s%N
[ $NODE_GROUP_NAME != late ] || exit 0
sleep 1
"""
    done = node.run("-q", node.write("job.sh", text), "--job", document(node, group("early", 2), group("late"), order="IN_ORDER"))

    assert done.status == 0, done
    started = {line[1]: int(line[4:]) for line in done.text.splitlines()}
    assert started["2"] > max(started["0"], started["1"])
    begun = [f for f in node.journal(done.id + "+2") if f.get("to") == "PREPARING"][0]["t"]
    for rank in (0, 1):
        assert [f for f in node.journal("%s+%d" % (done.id, rank)) if f.get("to") == "RUNNING"][0]["t"] <= begun


def test_the_time_of_the_whole_is_limited(node):
    done = node.run("-q", node.write("job.sh", "#!/bin/bash\nexec sleep 60\n"), "--job", document(node, group("a", 2)),
                    "--max-runtime", "1s")

    assert done.status == 124, done
    assert node.status_json(done.id)["cause"] == "deadline-exceeded"


# ---- startup probes ----

def with_probe(command, **more):
    return dict({"jobProbeCheckType": "EXEC", "command": command, "periodInSeconds": 1}, **more)


def test_the_next_group_waits_for_the_probe(node):
    text = """#!/bin/bash
if [ $NODE_GROUP_NAME = late ]; then
    date +%s%N
    exit 0
fi
sleep 1
date +%s%N
touch ready
exec sleep 3
"""
    probe = with_probe(["sh", "-c", "id -u; test -e $HOME/ready && test $(id -u) != 0"], failureThreshold=30)
    job = document(node, group("early", startupProbeDetails=probe), group("late"), order="IN_ORDER")
    done = node.run("-q", node.write("job.sh", text), "--job", job)

    assert done.status == 0, done
    ready, late = [int(line[4:]) for line in sorted(done.text.splitlines())]
    assert late > ready
    probed = node.supervisor_facts(done.id + "+0", "probed")
    assert [f["ready"] for f in probed] == [False] * (len(probed) - 1) + [True] and len(probed) > 1, probed
    assert probed[0]["how"] == "exit status 1" and not node.leftovers()


@pytest.mark.parametrize("command, how", [
    (["sh", "-c", "exit 3"], "2 times in a row, the last with exit status 3"),
    (["sleep", "60"], "2 times in a row, the last with ended by signal 9"),
    (["no-such-program"], "2 times in a row, the last with execute: no-such-program"),
])
def test_a_node_that_does_not_become_ready(node, command, how):
    job = {"jobConfigurationDetails": {"jobType": "DEFAULT", "startupProbeDetails": with_probe(command, failureThreshold=2)},
           "x-runlet": {"sandbox": {"userNamespace": True}}}
    done = node.run("-q", node.write("job.sh", "#!/bin/bash\nexec sleep 60\n"), "--job", node.write("job.json", json.dumps(job)))

    status = node.status_json(done.id)
    assert (done.status, status["lifecycleState"], status["cause"]) == (143, "FAILED", "probe-failed"), done
    assert "did not become ready: its startup probe failed: " + how in status["lifecycleDetails"], status
    assert not node.leftovers()


# ---- under the daemon ----

def submit(node, text, job):
    done = node.call("submit", node.write("job.sh", text), "--job", job)
    assert done.status == 0, done
    return done.text.strip()


def await_running(node, run_id, count):
    for rank in range(count):
        node.await_running("%s+%d" % (run_id, rank))


def test_a_run_of_more_nodes_than_the_node_takes_is_refused(node):
    job = document(node, group("a", 5))
    done = node.call("submit", node.write("job.sh", "#!/bin/bash\n"), "--job", job)
    assert done.status == 1 and "'concurrency' in its configuration must be at least 5" in done.words, done
    node.configure(concurrency=5)
    run_id = submit(node, "#!/bin/bash\n", job)
    node.configure(concurrency=2)
    node.start()
    node.await_finished(run_id)
    end = node.the_end(run_id)
    assert (end["lifecycleState"], end["cause"]) == ("FAILED", "assignment-invalid"), end
    assert "must be at least 5" in end["lifecycleDetails"], end
    assert members(node, run_id) == []


def test_all_nodes_of_a_run_or_none(node):
    """Two runs of three nodes on a node that takes four at a time."""
    text = "#!/bin/bash\nuntil [ -e $HOME/go ]; do sleep 0.05; done\n"
    node.start()
    first = submit(node, text, document(node, group("a", 3)))
    await_running(node, first, 3)
    second = submit(node, text, document(node, group("b", 3)))
    until("it waits", lambda: (node.view(second) or {}).get("phase") == "ACCEPTED")
    third = submit(node, "#!/bin/bash\necho alone\n", document(node, group("c")))
    assert node.api("GET", "/v1/node")[1]["active"] == 3
    assert members(node, second) == []
    for run_id in (first, second):
        await_running(node, run_id, 3)
        for rank in range(3):
            (node.home("%s+%d" % (run_id, rank)) / "go").touch()
        node.await_finished(run_id)
    node.await_finished(third)
    assert [node.the_end(run_id)["lifecycleState"] for run_id in (first, second, third)] == ["SUCCEEDED"] * 3


def test_cancelling_the_run_cancels_its_nodes(node):
    text = "#!/bin/bash\necho here\nexec sleep 60\n"
    node.start()
    run_id = submit(node, text, document(node, group("a", 2)))
    await_running(node, run_id, 2)
    status = node.call("status", run_id)
    assert "%s+0 RUNNING" % run_id in status.text and "%s+1 RUNNING" % run_id in status.text, status
    assert node.call("cancel", run_id).status == 0
    assert node.call("wait", run_id).status == 130
    assert node.the_end(run_id)["lifecycleState"] == "CANCELED"
    for name in members(node, run_id):
        assert node.view(name)["lifecycleState"] == "CANCELED"
    assert sorted(node.call("logs", run_id).text.splitlines()) == ["[0] here", "[1] here"]
    assert node.call("logs", run_id + "+1").text == "here\n"


def test_preempting_the_run_preempts_its_nodes(node):
    node.start()
    run_id = submit(node, "#!/bin/bash\necho here\nexec sleep 60\n", document(node, group("a", 2)))
    await_running(node, run_id, 2)
    told = node.call("preempt", "--in", "0", run_id)
    assert told.status == 0 and "2 runs were told" in told.words, told
    node.await_finished(run_id)
    assert [node.view(name)["cause"] for name in members(node, run_id)] == ["preempted"] * 2
    assert node.the_end(run_id)["cause"] == "preempted"


@pytest.mark.parametrize("how", ["daemon comes back", "nobody but wait"])
def test_the_agent_is_killed_and_the_run_goes_on(node, how):
    text = "#!/bin/bash\nuntil [ -e $HOME/go ]; do sleep 0.05; done\nexit $NODE_RANK\n"
    node.start()
    run_id = submit(node, text, document(node, group("a", 2, least=1), group("late", 1), order="IN_ORDER"))
    await_running(node, run_id, 3)
    node.stop(signal.SIGKILL)
    (node.home(run_id + "+1") / "go").touch()
    until("it has ended", lambda: node.record(run_id + "+1"))
    if how == "daemon comes back":
        node.start()
    for rank in (0, 2):
        (node.home("%s+%d" % (run_id, rank)) / "go").touch()
    assert node.call("wait", run_id).status == 2
    end = node.the_end(run_id)
    assert (end["lifecycleState"], end["exitCode"]) == ("FAILED", 2), end
    assert "rank 2 of the node group 'late'" in end["lifecycleDetails"]
    assert all(node.finished(name) for name in members(node, run_id))


# ---- pyTorchDistributed ----

# A launcher that is told what torchrun is told, and whose nodes meet as torchrun's do: whoever can listen at the endpoint keeps the
# meeting, and nobody goes on before as many have come as --nnodes says.
TORCHRUN = """#!/usr/bin/env python3
import argparse, os, socket, subprocess, sys
p = argparse.ArgumentParser()
for name in ("nnodes", "nproc_per_node"):
    p.add_argument("--" + name, type=int, required=True)
for name in ("rdzv_backend", "rdzv_endpoint", "rdzv_conf"):
    p.add_argument("--" + name, required=True)
p.add_argument("program", nargs=argparse.REMAINDER)
a = p.parse_args()
host, port = a.rdzv_endpoint.rsplit(":", 1)
assert a.rdzv_backend == "c10d" and a.rdzv_conf == "read_timeout=600", a
server = socket.socket()
try:
    server.bind((host, int(port)))
    server.listen(8)
    guests = [server.accept()[0] for _ in range(a.nnodes - 1)]
    ranks = sorted([int(g.recv(16)) for g in guests] + [int(os.environ["NODE_RANK"])])
    for g in guests:
        g.sendall(b"%d" % ranks[-1])
except OSError:
    import time
    for _ in range(600):
        try:
            guest = socket.create_connection((host, int(port)))
            break
        except OSError:
            time.sleep(0.05)
    guest.sendall(os.environ["NODE_RANK"].encode())
    assert int(guest.recv(16)) == a.nnodes - 1
sys.exit(subprocess.call([sys.executable] + a.program, env=dict(os.environ, WORLD_SIZE=str(a.nnodes * a.nproc_per_node))))
"""


def test_a_training_on_several_nodes(node):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node.write("project/bin/torchrun", TORCHRUN).chmod(0o755)
    node.write("project/train.py", "import os\nprint('trains', os.environ['NODE_RANK'], os.environ['WORLD_SIZE'], os.environ['NODE_COUNT'])\n")
    path = "/home/datascience/decompressed_artifact/code/project/bin:/usr/bin:/bin"
    job = node.write("job.yaml", """kind: job
spec:
  runtime:
    kind: runtime
    type: pyTorchDistributed
    spec:
      replicas: 3
      scriptPathURI: project
      workingDir: project
      command: torchrun train.py
      env: [{name: PATH, value: "%s"}, {name: MASTER_PORT, value: "%d"}]
""" % (path, port))
    done = node.run("-q", job)

    assert done.status == 0, done
    assert sorted(done.text.splitlines()) == ["[%d] trains %d 3 3" % (rank, rank) for rank in range(3)], done
