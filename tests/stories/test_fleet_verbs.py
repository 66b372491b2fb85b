"""The verbs of a fleet against a real cluster, from a machine that is no node: what they write is what docs/contract/etcd.md says, what
they say is for people, and a cluster that loses a member is the same cluster."""
import json

import pytest

from cluster_rig import Cluster, why_no_cluster

pytestmark = pytest.mark.skipif(why_no_cluster() is not None, reason=why_no_cluster() or "")


@pytest.fixture(scope="module")
def cluster():
    made = Cluster()
    yield made
    made.close()


@pytest.fixture
def desk(cluster, bin_dir, request):
    """A machine with the program and a configuration, and a fleet of its own in the cluster; its runletd is never started."""
    return cluster.desk(bin_dir, prefix="/fleets/" + request.node.originalname)


def group(name, replicas=1, **more):
    return {"name": name, "replicas": replicas, "jobConfigurationDetails": dict({"jobType": "DEFAULT"}, **more)}


def several(*groups, order="IN_PARALLEL"):
    return {"jobNodeType": "MULTI_NODE", "startupOrder": order, "jobNodeGroupConfigurationDetailsList": list(groups)}


def only(desk):
    return json.loads(desk.runlet("runs", "--json", check=0).stdout)[0]


def test_a_run_is_handed_in_whole(cluster, desk):
    run = desk.submit("echo hello\n", "--etcd", "--pool", "gpu", "--priority", "7", "--on-lost", "requeue", "--attempts", "5",
                      "--name", "first")
    keys = cluster.keys(desk.prefix_of_keys + "/")
    state = json.loads(keys[desk.prefix_of_keys + "/states/" + run])
    assert {k: state[k] for k in ("run", "pool", "displayName", "priority", "onLost", "attempts", "lifecycleState", "attempt")} == {
        "run": run, "pool": "gpu", "displayName": "first", "priority": 7, "onLost": "requeue", "attempts": 5,
        "lifecycleState": "ACCEPTED", "attempt": 0}
    waiting = [k for k in keys if "/queue/" in k]
    assert len(waiting) == 1 and waiting[0].startswith(desk.prefix_of_keys + "/queue/gpu/0993.") and waiting[0].endswith("." + run)
    document = json.loads(keys[desk.prefix_of_keys + "/assignments/" + run])
    assert [(p["form"], p["content"]) for p in document["artifact"]["parts"]] == [("file", "ZWNobyBoZWxsbwo=")]
    assert only(desk) == state
    assert run.startswith("fleet.")


def test_a_folder_goes_with_the_run(cluster, desk):
    folder = desk.work / "project"
    folder.mkdir()
    (folder / "main.py").write_text("print(1)\n")
    run = desk.runlet("submit", "--etcd", "--entrypoint", "main.py", folder, check=0).stdout.strip()
    document = json.loads(cluster.keys(desk.prefix_of_keys + "/assignments/")[desk.prefix_of_keys + "/assignments/" + run])
    assert [p["form"] for p in document["artifact"]["parts"]] == ["archive"]
    assert "path" not in document["artifact"]["parts"][0]


def test_what_is_too_large_is_refused_and_nothing_is_written(cluster, desk):
    done = desk.runlet("submit", "--etcd", desk.script("#" * 300000), check=1)
    assert "job.sh has 300000 bytes" in done.stderr and "URI" in done.stderr
    assert cluster.keys(desk.prefix_of_keys + "/") == {}


@pytest.mark.parametrize("job,said", [
    ({"jobNodeConfigurationDetails": several(group("a", 60), group("b", 41))}, "the run has 101 nodes: in a fleet it may have 100"),
    ({"jobNodeConfigurationDetails": several(group("a", 2)), "x-runlet": {"retry": {"attempts": 2}}},
     "the document of a run of several nodes has 'retry'"),
], ids=["nodes", "retry"])
def test_what_a_fleet_cannot_do_is_refused_and_nothing_is_written(cluster, desk, job, said):
    document = desk.script(json.dumps(dict({"displayName": "j", "jobConfigurationDetails": {"jobType": "EMPTY"}}, **job)), "job.json")
    assert said in desk.runlet("submit", "--etcd", desk.script("true\n"), "--job", document, check=1).stderr
    assert cluster.keys(desk.prefix_of_keys + "/") == {}


@pytest.mark.parametrize("retry,lost,attempts", [
    ({"attempts": 4}, "requeue", 4),
    ({"on": ["exited"]}, "fail", 3),
    ({"attempts": 2, "on": ["exited", "lease-lost"]}, "requeue", 2),
    ({"attempts": 1}, "fail", 1),
])
def test_the_document_says_when_a_run_is_executed_again(cluster, desk, retry, lost, attempts):
    job = {"displayName": "j", "jobConfigurationDetails": {"jobType": "DEFAULT"}, "x-runlet": {"retry": retry}}
    words = ("submit", "--etcd", desk.script("true\n"), "--job", desk.script(json.dumps(job), "job.json"))
    run = desk.runlet(*words, check=0).stdout.strip()
    state = json.loads(cluster.keys(desk.prefix_of_keys + "/states/")[desk.prefix_of_keys + "/states/" + run])
    assert (state["onLost"], state["attempts"]) == (lost, attempts)
    if attempts > 1:
        assert "leave --on-lost and --attempts out" in desk.runlet(*words, "--on-lost", "fail", check=1).stderr


def test_one_id_is_one_run(desk):
    words = desk.submission("echo 1\n", "twice") + ["--etcd"]
    desk.runlet(*words, check=0)
    assert "there is a run twice already" in desk.runlet(*words, check=1).stderr
    assert len(json.loads(desk.runlet("runs", "--json", check=0).stdout)) == 1


def test_a_run_that_waits_is_cancelled_at_once(cluster, desk):
    run = desk.submit("echo 1\n", "--etcd")
    other = desk.submit("echo 2\n", "--etcd")
    assert "it had not begun" in desk.runlet("cancel", "--etcd", run.rpartition(".")[2], check=0).stderr
    assert "has ended already: CANCELED" in desk.runlet("cancel", "--etcd", run, check=1).stderr
    desk.runlet("wait", "--etcd", run, check=130)
    assert [k.rpartition(".")[2] for k in cluster.keys(desk.prefix_of_keys + "/queue/")] == [other.rpartition(".")[2]]
    table = desk.runlet("runs", check=0).stdout.splitlines()
    assert [row.split()[:3] for row in table] == [["RUN", "STATE", "END"], [other, "ACCEPTED", "-"], [run, "CANCELED", "cancelled"]]
    assert "can be any of" in desk.runlet("cancel", "--etcd", "fleet.", check=1).stderr


def test_ended_runs_are_removed_and_others_are_not(cluster, desk):
    first, second, third = (desk.submit("echo 1\n", "--etcd", "--pool", pool) for pool in ("one", "one", "two"))
    assert "run %s has not ended: it is ACCEPTED" % first in desk.runlet("remove", first, check=1).stderr
    for run in (first, second, third):
        desk.runlet("cancel", "--etcd", run, check=0)
    assert "0 runs are removed" in desk.runlet("remove", "--ended-before", "1h", check=0).stderr
    desk.runlet("remove", first, check=0)
    assert "there is no run '%s'" % first in desk.runlet("remove", first, check=1).stderr
    assert "1 run is removed" in desk.runlet("remove", "--ended-before", "0", "--pool", "one", check=0).stderr
    left = cluster.keys(desk.prefix_of_keys + "/")
    assert sorted(k.rpartition("/")[2] for k in left) == [third, third], left
    for words in ((), (third, "--ended-before", "1h"), (third, "--pool", "one"), ("--ended-before", "soon")):
        desk.runlet("remove", *words, check=2)


def test_pools_are_listed_apart(desk):
    first = desk.submit("echo 1\n", "--etcd", "--pool", "one")
    second = desk.submit("echo 2\n", "--etcd", "--pool", "two")
    assert first in desk.runlet("runs", "--pool", "one", check=0).stdout
    assert second not in desk.runlet("runs", "--pool", "one", check=0).stdout
    assert desk.runlet("runs", "--pool", "none", check=0).stdout == "no runs\n"
    assert desk.runlet("nodes", check=0).stdout == "no nodes\n"


def test_a_long_list_comes_whole(cluster, desk):
    run = desk.submit("echo 1\n", "--etcd")
    state = only(desk)
    for hundred in range(11):  # more than two pages
        puts = "".join("put %s/states/r%04d %s\n" % (desk.prefix_of_keys, i, json.dumps(json.dumps(dict(state, run="r%04d" % i))))
                       for i in range(hundred * 100, hundred * 100 + 100))
        cluster.etcdctl("txn", text="\n%s\n\n" % puts)
    listed = [r["run"] for r in json.loads(desk.runlet("runs", "--json", check=0).stdout)]
    assert sorted(listed) == sorted([run] + ["r%04d" % i for i in range(1100)])


def test_a_lost_member_is_not_a_lost_cluster(cluster, desk):
    leader = cluster.leader()
    leader.end()
    try:
        for i in range(4):  # each begins with a member drawn by lot
            desk.submit("echo %d\n" % i, "--etcd")
        assert len(json.loads(desk.runlet("runs", "--json", check=0).stdout)) == 4
        done = desk.runlet("runs", "--endpoints", leader.url, "--patience", "1s", check=1)
        assert "etcd gave no answer within 1 s" in done.stderr
    finally:
        leader.start()
        cluster.await_healthy()


@pytest.mark.parametrize("words,status,said", [
    (["runs", "--endpoints", "10.0.0.1:2379"], 1, "endpoint 1 of etcd"),
    (["runs", "--patience", "soon"], 1, "--patience"),
    (["submit", "--pool", "x", "job.sh"], 2, "--pool is about a fleet"),
    (["submit", "--etcd", "--pool", "a/b", "job.sh"], 1, "--pool: 'a/b'"),
    (["submit", "--etcd", "--priority", "1001", "job.sh"], 1, "from -1000 to 1000"),
    (["submit", "--etcd", "--attempts", "0", "job.sh"], 1, "from 1 to 100"),
    (["submit", "--etcd", "--on-lost", "cry", "job.sh"], 1, "expected fail or requeue"),
    (["cancel", "--etcd", "nothing"], 1, "there is no run 'nothing' in this fleet"),
    (["wait", "--etcd", "../x"], 125, "there is no run"),
])
def test_what_is_wrong_is_said(desk, words, status, said):
    desk.script("echo 1\n")
    assert said in desk.runlet(*words, check=status).stderr
