"""One job with different parameters: as many runs, at once or one after the other."""
import json

from node_rig import until

SAYS = 'echo "$lr $layers $RUNLET_MATRIX"\n'


def test_every_combination_is_a_run(node):
    node.start()
    ids = node.runlet("submit", "--matrix", "lr=0.1,0.01", "--matrix", "layers=2,4", "--name", "sweep", node.script(SAYS),
                      check=0).stdout.split()
    whole = ids[0].rpartition("-")[0]
    assert ids == ["%s-%d" % (whole, i) for i in (1, 2, 3, 4)]
    for run_id in ids:
        assert node.runlet("wait", run_id).returncode == 0
    assert [node.logs(i)[0].decode().split() for i in ids] == [
        [lr, layers, whole] for lr in ("0.1", "0.01") for layers in ("2", "4")]
    assert [node.view(i)["displayName"] for i in ids] == [
        "sweep[lr=%s,layers=%s]" % (lr, layers) for lr in ("0.1", "0.01") for layers in ("2", "4")]
    # One after the other, in the order of the submission.
    times = [(node.view(i)["timeStarted"], node.view(i)["timeFinished"]) for i in ids]
    assert times == sorted(times) and all(a[1] <= b[0] for a, b in zip(times, times[1:]))
    assert "sweep[lr=0.01,layers=4]" in node.runlet("status", check=0).stdout


def test_runs_of_a_matrix_execute_at_once(node):
    node.configure(concurrency=2)
    node.start()
    ids = node.runlet("submit", "--json", "--matrix", "who=a,b", node.script(
        'echo up\nwhile [ ! -e end ]; do sleep 0.05; done\n'), check=0).stdout.splitlines()
    ids = [json.loads(line)["id"] for line in ids]
    for run_id in ids:
        node.await_running(run_id)
    until("both are running", lambda: [node.view(i)["phase"] for i in ids] == ["RUNNING"] * 2)
    for run_id in ids:
        (node.state / "runs" / run_id / "home" / "end").touch()
        node.await_finished(run_id)


def test_a_wrong_matrix_hands_nothing_in(node):
    script = node.script(SAYS)
    many = ",".join(str(i) for i in range(40))
    for words, says, status in (
            (["lr"], "K=V,V,... expected", 2), (["lr="], "K=V,V,... expected", 2), (["1x=2"], "not the name of a variable", 2),
            (["JOB_OCID=1"], "not the name of a variable", 2), (["a=1", "a=2"], "given twice", 2),
            (["a=" + many, "b=" + many], "more than 1000 combinations", 2), (["a=" + "v" * 300], "a shorter --name", 1)):
        done = node.runlet("submit", *(w for word in words for w in ("--matrix", word)), script)
        assert done.returncode == status and says in done.stderr, (words, done.returncode, done.stderr)
    queue = node.state / "queue"
    assert not queue.exists() or not [p for p in queue.iterdir() if not p.name.startswith(".")]
