"""Whatever is killed, and whenever: a run has one end, it is the true one, and no line of its output is lost."""
import ctypes
import fcntl
import json
import os
import random
import signal
import subprocess
import time
import traceback

import pytest

from node_rig import AGENT_GID, PATIENCE, ROOT, Node, children, start_time, until

pytestmark = pytest.mark.skipif(not ROOT, reason="needs root")

SEED = int(os.environ.get("RUNLET_STORY_SEED", "20260101"))
LINES = 40
STATUS = 37
libc = ctypes.CDLL(None, use_errno=True)
# Numbered lines on both streams, a mark for each execution, and a status that nothing else gives.
COUNTING = """echo started >> "$HOME/starts"
for i in $(seq 1 %d); do echo "out $i"; echo "err $i" >&2; sleep 0.01; done
exit %d
""" % (LINES, STATUS)
FOREVER = "echo begin; (trap '' TERM; exec sleep 1000) & trap 'echo got TERM' TERM; while :; do wait; sleep 0.05; done\n"


@pytest.fixture
def node(bin_dir):
    node = Node(bin_dir)
    yield node
    node.close()


def check_counting(node, run_id):
    """The counting job ran once, to its own end, and all of it was recorded and reported."""
    end = node.the_end(run_id)
    assert (end["lifecycleState"], end["cause"], end.get("exitCode")) == ("FAILED", "exited", STATUS), end
    out, err = node.output(run_id)
    assert out.splitlines() == ["out %d" % i for i in range(1, LINES + 1)]
    assert err.splitlines() == ["err %d" % i for i in range(1, LINES + 1)]
    assert (node.home(run_id) / "starts").read_text() == "started\n"
    assert len(node.supervisor_facts(run_id, "running")) == 1
    record = node.record(run_id)
    assert record["log-bytes"] == len(node.raw_log(run_id)) and record["log-lines"] == 2 * LINES and record["log-complete"]
    until("nothing is left of %s: %r" % (run_id, node.left_behind(run_id)), lambda: not node.left_behind(run_id))


# ---- kill -9 of the agent, fifty times ----


@pytest.mark.parametrize("life", range(5))
def test_killed_daemon_loses_and_repeats_nothing(node, life):
    rng = random.Random(SEED + life)
    node.start()
    for _ in range(5):
        delay = rng.uniform(0, 1.1)
        hint = "RUNLET_STORY_SEED=%d life=%d delay=%.4f" % (SEED, life, delay)
        submit = subprocess.Popen(node.command("submit", node.script(COUNTING)), stdout=subprocess.PIPE, text=True)
        time.sleep(delay)
        node.stop(signal.SIGKILL)
        run_id = submit.communicate(timeout=PATIENCE)[0].strip()
        assert submit.returncode == 0, hint
        node.start(wait=False)
        node.await_finished(run_id)
        try:
            check_counting(node, run_id)
        except AssertionError as e:
            raise AssertionError(hint + " run=" + run_id + "\n" + node.tail()) from e


@pytest.mark.parametrize("life", range(5, 10))
def test_killed_foreground_loses_and_repeats_nothing(node, life):
    rng = random.Random(SEED + life)
    before = set()
    for turn in range(5):
        delay = rng.uniform(0.1, 1.2)
        hint = "RUNLET_STORY_SEED=%d life=%d delay=%.4f" % (SEED, life, delay)
        run = subprocess.Popen(node.command("run", node.script(COUNTING)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        time.sleep(delay)
        run.kill()
        run.wait()
        new = set(node.ids()) - before
        before |= new
        for run_id in new:
            # Either of the two finds the run: whoever waits for it, and a daemon that starts.
            if turn % 2 == 0:
                node.runlet("wait", run_id)
            else:
                node.start(wait=False)
                node.await_finished(run_id)
                node.stop()
            try:
                if node.supervisor_facts(run_id, "running"):
                    check_counting(node, run_id)
                else:
                    check_given_up(node, run_id)
            except AssertionError as e:
                raise AssertionError(hint + " run=" + run_id + "\n" + node.tail()) from e


def test_running_daemon_takes_over_what_a_killed_foreground_left(node):
    """Nobody has to ask for it, and a run whose process is alive is left alone."""
    node.start()
    others = subprocess.Popen(node.command("run", node.script(FOREVER)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    kept = until("the first is there", node.ids)[0]
    node.await_running(kept)
    run = subprocess.Popen(node.command("run", node.script(COUNTING, "counting.sh")), stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        run_id = until("the second is there", lambda: set(node.ids()) - {kept}).pop()
        node.await_running(run_id)
        run.kill()
        run.wait()
        node.await_finished(run_id)
        check_counting(node, run_id)
        assert "run=%s taken up again" % run_id in node.tail() and "run=%s taken" % kept not in node.tail()
        node.runlet("cancel", kept, check=0)
        assert others.wait(PATIENCE) != 0
        assert node.the_end(kept)["lifecycleState"] == "CANCELED"
    finally:
        for process in (run, others):
            process.kill()
            process.wait()


def check_given_up(node, run_id):
    """Whoever asked for the run went away before it was launched: it never runs."""
    end = node.the_end(run_id)
    assert end["lifecycleState"] == "CANCELED", end
    assert not (node.home(run_id) / "starts").exists() and node.raw_log(run_id) == b""
    assert not node.left_behind(run_id)


def test_daemon_killed_while_a_run_waits(node):
    """Between acceptance and launch: the waiting run is executed later, once."""
    node.start()
    first = node.submit(FOREVER)
    second = node.submit(COUNTING)
    node.await_running(first)
    until("the second is accepted", lambda: second in node.ids())
    node.stop(signal.SIGKILL)
    node.start()
    assert node.view(second)["phase"] == "ACCEPTED"
    node.runlet("cancel", first, check=0)
    node.await_finished(first)
    node.await_finished(second)
    assert node.the_end(first)["lifecycleState"] == "CANCELED"
    check_counting(node, second)


def test_daemon_killed_again_and_again_during_one_run(node):
    """Each successor is killed as soon as it has begun, in whatever it was doing."""
    rng = random.Random(SEED)
    node.start()
    run_id = node.submit(COUNTING)
    for _ in range(6):
        node.stop(signal.SIGKILL)
        node.start(wait=False)
        time.sleep(rng.uniform(0, 0.4))
    node.await_finished(run_id)
    check_counting(node, run_id)


# ---- the supervisor is lost ----


def kill_supervisor(node, run_id):
    """Ends the run's supervisor by SIGKILL; what lives with it must end too. Returns the log as it was."""
    before = node.raw_log(run_id)
    os.kill(node.supervisor(run_id), signal.SIGKILL)
    return before


def check_lost(node, run_id, cause):
    node.await_finished(run_id)
    end = node.the_end(run_id)
    assert (end["lifecycleState"], end["cause"]) == (cause == "cancelled" and "CANCELED" or "FAILED", cause), end
    assert "exitCode" not in end
    assert node.record(run_id)["tree-gone"]
    assert not node.left_behind(run_id)
    check_output_is_open(node, run_id, bool(node.supervisor_facts(run_id, "launching")))


def check_output_is_open(node, run_id, may_lack):
    """What was on its way when the supervisor was killed is gone, and that is said wherever the end is."""
    assert node.record(run_id)["log-complete"] == node.the_end(run_id)["logComplete"] == node.view(run_id)["logComplete"] == (not may_lack)
    assert ("the end of its output may be missing" in node.runlet("status", run_id).stdout) == may_lack


def test_supervisor_killed_while_the_job_runs(node):
    node.start()
    run_id = node.submit(FOREVER)
    main = node.await_running(run_id)
    until("the job has written", lambda: b"begin" in node.raw_log(run_id))
    tree = until("the job's child", lambda: children(main["pid"]))
    before = kill_supervisor(node, run_id)
    check_lost(node, run_id, "supervisor-lost")
    assert all(start_time(pid) is None for pid in tree)
    assert node.raw_log(run_id).startswith(before) and node.output(run_id)[0].startswith("begin\n")
    assert "How its main process ended is not known" in node.the_end(run_id)["lifecycleDetails"]


def test_supervisor_killed_with_the_daemon_down(node):
    node.start()
    run_id = node.submit(FOREVER)
    node.await_running(run_id)
    node.stop(signal.SIGKILL)
    kill_supervisor(node, run_id)
    node.start()
    check_lost(node, run_id, "supervisor-lost")


def test_supervisor_killed_while_it_places_the_artifact(node):
    """The helper that unpacks ends with it, and the job never starts."""
    project = node.work / "big"
    (project / "data").mkdir(parents=True)
    for i in range(3000):
        (project / "data" / ("%d" % i)).write_bytes(b"x" * 2000)
    (project / "main.sh").write_text("echo ran\n")
    archive = node.work / "big.tar"
    subprocess.run(["tar", "-cf", archive, "-C", project, "."], check=True)
    node.start()
    run_id = node.runlet("submit", archive, "--entrypoint", "main.sh", check=0).stdout.strip()
    supervisor = node.supervisor(run_id)
    helpers = until("the helper", lambda: children(supervisor))
    kill_supervisor(node, run_id)
    check_lost(node, run_id, "supervisor-lost")
    assert all(start_time(pid) is None for pid in helpers)
    assert not node.supervisor_facts(run_id, "running") and node.raw_log(run_id) == b""
    assert "had not started" in node.the_end(run_id)["lifecycleDetails"]


def test_supervisor_killed_at_random_points(node):
    """From its first moment on: an end that is not a false one, and nothing that stays."""
    rng = random.Random(SEED)
    node.start()
    for _ in range(10):
        delay = rng.uniform(0, 0.6)
        run_id = node.submit("echo begin; sleep 0.2; echo end\n")
        supervisor = node.supervisor(run_id)
        time.sleep(delay)
        if start_time(supervisor) is not None:
            os.kill(supervisor, signal.SIGKILL)
        node.await_finished(run_id)
        hint = "RUNLET_STORY_SEED=%d delay=%.4f run=%s" % (SEED, delay, run_id)
        end = node.the_end(run_id)
        if end["lifecycleState"] == "SUCCEEDED":
            witness = json.loads((node.state / "runs" / run_id / "witness").read_text())
            assert (witness["end"], witness["status"]) == ("exited", 0), hint
        else:
            assert end["cause"] == "supervisor-lost" and "exitCode" not in end, (hint, end)
        until("nothing is left: %s %r" % (hint, node.left_behind(run_id)), lambda: not node.left_behind(run_id))


def test_supervisor_killed_while_it_stops_the_run(node):
    """The first cause wins: the run was cancelled, and it is gone."""
    node.start()
    run_id = node.submit(FOREVER)
    node.await_running(run_id)
    until("the job has written", lambda: b"begin" in node.raw_log(run_id))
    node.runlet("cancel", run_id, check=0)
    until("it is being stopped", lambda: b"got TERM" in node.raw_log(run_id))
    kill_supervisor(node, run_id)
    check_lost(node, run_id, "cancelled")


@pytest.mark.parametrize("status", [0, 5])
def test_supervisor_killed_after_the_main_process_ended(node, status):
    """Init saw the end and wrote it down: that is the truth, whether it is a success or not."""
    node.start()
    run_id = node.submit("echo begin; (trap '' TERM; exec sleep 1000) & sleep 0.2; exit %d\n" % status)
    until("main ended", lambda: node.supervisor_facts(run_id, "main-ended"))
    kill_supervisor(node, run_id)
    node.await_finished(run_id)
    end = node.the_end(run_id)
    assert (end["cause"], end["exitCode"]) == ("exited", status), end
    assert end["lifecycleState"] == ("FAILED" if status else "SUCCEEDED")
    assert node.record(run_id)["witness"] == "init" and node.output(run_id)[0] == "begin\n"
    check_output_is_open(node, run_id, may_lack=True)
    assert not node.left_behind(run_id)


def test_another_supervisor_is_at_work_on_the_run(node):
    """It makes the run's directory and is slow to listen: it is waited for, and its living run is not called a failed launch."""
    run_id = "run.contested"
    node.start()
    half = node.state / "runs" / (".new." + run_id)
    half.mkdir()
    os.chown(half, 0, AGENT_GID)
    half.chmod(0o2750)
    with open(half / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        node.submit("echo never\n", run_id=run_id)
        until("the start is refused", lambda: "refused (exists)" in node.tail())
        half.rename(node.state / "runs" / run_id)
        until("the recovery is refused", lambda: "lock the run directory" in node.tail())
        assert not node.finished(run_id) and node.view(run_id)["lifecycleState"] == "ACCEPTED"
    check_lost(node, run_id, "supervisor-lost")
    assert "had not started" in node.the_end(run_id)["lifecycleDetails"]


def test_half_made_directory_of_a_killed_supervisor(node):
    """The next start of the run makes it anew."""
    run_id = "run.half"
    node.start()
    half = node.state / "runs" / (".new." + run_id)
    (half / "home").mkdir(parents=True)
    node.submit(COUNTING, run_id=run_id)
    node.await_finished(run_id)
    check_counting(node, run_id)


# ---- something else is killed ----


def test_init_killed(node):
    """Nobody saw how the main process ended: unknown stays unknown."""
    node.start()
    run_id = node.submit(FOREVER)
    main = node.await_running(run_id)
    init = children(node.supervisor(run_id))
    assert len(init) == 1
    os.kill(init[0], signal.SIGKILL)
    node.await_finished(run_id)
    end = node.the_end(run_id)
    assert (end["lifecycleState"], end["cause"]) == ("FAILED", "unknown") and "exitCode" not in end, end
    assert start_time(main["pid"]) is None and not node.left_behind(run_id)


def test_main_process_killed_from_outside(node):
    node.start()
    run_id = node.submit(FOREVER)
    os.kill(node.await_running(run_id)["pid"], signal.SIGKILL)
    node.await_finished(run_id)
    end = node.the_end(run_id)
    assert (end["lifecycleState"], end["cause"]) == ("FAILED", "signaled") and "signal 9 (SIGKILL)" in end["lifecycleDetails"]
    assert not node.left_behind(run_id)
    assert node.runlet("wait", run_id).returncode == 128 + 9


def test_starter_killed(node):
    """Without the process that starts supervisors no run can begin: the daemon says so and ends, and fails no waiting run."""
    node.start()
    first = node.submit(FOREVER)
    main = node.await_running(first)
    starter = [pid for pid in children(node.daemon.pid)]
    assert len(starter) == 1
    os.kill(starter[0], signal.SIGKILL)
    assert node.daemon.wait(PATIENCE) == 1
    assert "the process that starts supervisors" in node.tail()
    assert start_time(main["pid"]) == str(main["start-time"])
    second = node.submit(COUNTING)
    node.start()
    node.runlet("cancel", first, check=0)
    node.await_finished(second)
    assert node.the_end(first)["lifecycleState"] == "CANCELED"
    check_counting(node, second)


# ---- the disk ----


def in_mount_namespace(story):
    """Runs story() in a child with a mount namespace of its own; its failure is the test's."""
    clone_newns, ms_rec, ms_private = 0x00020000, 1 << 14, 1 << 18
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setsid()
            if libc.unshare(clone_newns) != 0 or libc.mount(b"none", b"/", None, ms_rec | ms_private, None) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            story()
            status = 0
        except BaseException:
            os.write(writing, traceback.format_exc().encode()[-8000:])
        os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as f:
        text = f.read().decode(errors="replace")
    assert os.waitpid(pid, 0)[1] == 0, text


def mount_tmpfs(where, size):
    where.mkdir(exist_ok=True)
    if libc.mount(b"tmpfs", str(where).encode(), b"tmpfs", 0, b"mode=0755,size=%d" % size) != 0:
        raise OSError(ctypes.get_errno(), "mount")


def test_full_disk_ends_the_job_and_not_the_agent(bin_dir):
    def story():
        node = Node(bin_dir)
        try:
            mount_tmpfs(node.state, 72 << 20)
            node.start()
            run_id = node.submit("echo begin; yes 0123456789012345678901234567890123456789 | head -c 150000000; echo end\n")
            node.await_finished(run_id, patience=120)
            end = node.the_end(run_id)
            assert (end["lifecycleState"], end["cause"]) == ("FAILED", "disk-full"), end
            assert node.record(run_id)["log-bytes"] == len(node.raw_log(run_id))
            assert node.raw_log(run_id).startswith(b"begin\n0123")
            assert not node.left_behind(run_id)
            code, body = node.api("GET", "/v1/node")
            assert code == 200 and "disk" in body["notReady"]
            node.stop()
        finally:
            libc.umount2(str(node.state).encode(), 2)
            node.close()

    in_mount_namespace(story)


# ---- torn files ----


@pytest.mark.parametrize("name", ["agent.journal", "supervisor.journal", "output.idx"])
def test_torn_journal_leads_to_no_false_end(node, name):
    """Agent and supervisor die together and the machine loses the end of a file."""
    rng = random.Random("%d %s" % (SEED, name))
    for _ in range(4):
        node.start()
        run_id = node.submit("echo begin; sleep 0.5; exit 0\n")
        node.await_running(run_id)
        until("the job has written", lambda: b"begin" in node.raw_log(run_id))
        supervisor = node.supervisor(run_id)
        os.kill(supervisor, signal.SIGSTOP)
        node.stop(signal.SIGKILL)
        os.kill(supervisor, signal.SIGKILL)
        until("the supervisor is gone", lambda: start_time(supervisor) is None)
        size = tear(node, run_id, name, rng)
        node.start()
        node.await_finished(run_id)
        hint = "RUNLET_STORY_SEED=%d %s cut to %d" % (SEED, name, size)
        end = node.the_end(run_id)
        assert (end["lifecycleState"], end["cause"]) == ("FAILED", "supervisor-lost"), (hint, end)
        assert "had not started" not in end["lifecycleDetails"], hint
        assert node.raw_log(run_id) == b"begin\n" and node.output(run_id) == ("begin\n", ""), hint
        node.stop()


def tear(node, run_id, name, rng):
    folder = {"agent.journal": node.state / "agent" / run_id, "supervisor.journal": node.state / "runs" / run_id,
              "output.idx": node.state / "runs" / run_id / "log"}[name]
    size = rng.randrange((folder / name).stat().st_size)
    os.truncate(folder / name, size)
    return size


@pytest.mark.parametrize("turn", range(3))
def test_torn_journals_do_not_change_a_recorded_end(node, turn):
    """The exit record is there; the agent died before it reported."""
    rng = random.Random(SEED + turn)
    node.start()
    run_id = node.submit("echo begin; sleep 0.3; exit %d\n" % STATUS)
    node.await_running(run_id)
    node.stop(signal.SIGKILL)
    until("it ended", lambda: node.record(run_id))
    for name in ["agent.journal", "supervisor.journal"]:
        tear(node, run_id, name, rng)
    node.start()
    node.await_finished(run_id)
    end = node.the_end(run_id)
    assert (end["lifecycleState"], end["cause"], end["exitCode"]) == ("FAILED", "exited", STATUS), end
    assert len(node.supervisor_facts(run_id, "running")) <= 1
