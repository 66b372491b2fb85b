"""Devices: a job opens what it was granted and nothing else, alone, and a node on which somebody holds on to one says so."""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

import pytest

from node_rig import facts, until
from run_rig import RunNode

# The tunnels' device and the loop devices': anybody may open them any number of times, without anything coming of it, and no test of
# another story does (as with /dev/fuse).
NUMBER, OTHER = os.makedev(10, 200), os.makedev(10, 237)

JOB = """kind: job
spec:
  name: devices
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: job.py
      x-runlet: {stopGrace: 1s, sandbox: {devices: [%s]}}
"""

OPENS = r"""
import errno, json, os, sys
found = {}
for path in sys.argv[1:]:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        found[path] = "OK"
    except OSError as e:
        found[path] = errno.errorcode[e.errno]
print(json.dumps(found))
"""
WAITS = "import os, sys, time\nfd = os.open(sys.argv[1], os.O_RDWR)\nopen('opened', 'w').close()\ntime.sleep(3600)\n"
# Holds a device until its standard input is closed.
HOLDER = "import os, sys\nos.open(sys.argv[1], os.O_RDWR)\nprint('held', flush=True)\nsys.stdin.read()\n"


@contextlib.contextmanager
def holder(path):
    """A process that is none of the node's and has the device open."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


@pytest.fixture
def nodes():
    """A folder below /dev with two device nodes that root alone may open. One test on this machine has it at a time: who holds
    a device is found by its number."""
    if os.geteuid() != 0:
        pytest.skip("needs root: device nodes are made")
    with open(pathlib.Path(tempfile.gettempdir()) / "runlet-test-devices.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="rl.", dir="/dev"))
        folder.chmod(0o755)
        try:
            for name, number in (("mine", NUMBER), ("other", OTHER)):
                os.mknod(folder / name, 0o600 | stat.S_IFCHR, number)
                os.close(os.open(folder / name, os.O_RDWR))
            yield folder
        except OSError as e:
            pytest.skip("device nodes cannot be made and opened here: %s" % e)
        finally:
            shutil.rmtree(folder)


@pytest.fixture
def node(bin_dir, nodes):
    node = RunNode(bin_dir, concurrency=2, extra="sandbox: {devices: '%s/*'}\n" % nodes)
    yield node
    node.close()


def job(node, text, *devices):
    node.write("job.py", text)
    return node.write("job.yaml", JOB % ", ".join(str(d) for d in devices))


def held(node, run_id):
    return [(f["device"], f["pid"], f["outcome"]) for f in facts(node.state / "runs" / run_id / "supervisor.journal")
            if f["event"] == "device-held"]


def fence(node, run_id):
    return next(f for f in facts(node.state / "runs" / run_id / "supervisor.journal")
                if f["event"] == "contained" and f["name"] == "devices")


def opened(node, run_id):
    until("the job has the device", lambda: (node.home(run_id) / "opened").exists())


# ---- what can be opened ----

def test_a_granted_device_opens_and_no_other(node, nodes):
    mine, other = str(nodes / "mine"), str(nodes / "other")
    done = node.run("-q", job(node, OPENS, mine), "--", mine, other, "/dev/null", "/dev/tty", "/dev/ptmx", "/dev/mem")
    found = json.loads(done.text)
    # Without a terminal of its own /dev/tty is there and leads nowhere.
    assert found == {mine: "OK", other: "ENOENT", "/dev/null": "OK", "/dev/tty": "ENXIO", "/dev/ptmx": "OK", "/dev/mem": "ENOENT"}, done
    assert fence(node, done.id)["state"] == "applied", fence(node, done.id)
    assert held(node, done.id) == []
    assert node.check_end(done, "SUCCEEDED", "exited", 0)["endCode"] == 0


def test_a_granted_device_in_a_user_namespace(node, nodes):
    node.write("job.py", OPENS)
    path = node.write("job.yaml", (JOB % (nodes / "mine")).replace("sandbox: {", "sandbox: {userNamespace: true, "))
    done = node.run("-q", path, "--", nodes / "mine")
    assert json.loads(done.text) == {str(nodes / "mine"): "OK"}, done


def test_without_a_grant_there_is_none(node, nodes):
    done = node.python(OPENS, "--", nodes / "mine", nodes)
    assert set(json.loads(done.text).values()) == {"ENOENT"}, done


def test_a_device_that_the_policy_does_not_grant(node, nodes):
    done = node.run("-q", job(node, OPENS, "/dev/full"))
    assert done.status == 125 and "/dev/full" in done.words and "sandbox.devices" in done.words, done


def test_a_folder_and_an_absent_node_are_no_devices(node, nodes):
    (nodes / "below").mkdir()
    for name, words in (("below", "is no device"), ("gone", "No such file")):
        done = node.run("-q", job(node, OPENS, nodes / name))
        assert done.status == 125 and words in done.words, done


def test_root_with_a_node_of_somebody_elses(bin_dir, nodes):
    node = RunNode(bin_dir, extra="job: {uid: 0, gid: 0, allowRoot: true}\nsandbox: {devices: '%s/*'}\n" % nodes)
    try:
        started = node.start_run(job(node, "import os, sys, time\nwhile not os.path.exists('node'):\n    time.sleep(0.01)\n" + OPENS, nodes / "mine"),
                                 "--", nodes / "mine", "/home/datascience/node")
        run_id = started.await_id()
        node.await_running(run_id)
        os.mknod(node.home(run_id) / "node", 0o666 | stat.S_IFCHR, OTHER)
        done = started.end()
        found = json.loads(done.text)
        assert found == {str(nodes / "mine"): "OK", "/home/datascience/node": "EACCES"}, done
    finally:
        node.close()


def groups_of(pid):
    """The folders of a process's own control groups: of the hierarchy of version 2, and of the controller `devices`."""
    mounts = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    for line in pathlib.Path("/proc/%d/cgroup" % pid).read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for m in mounts:
            after = m[m.index("-") + 1:]
            if (controllers == "" and after[0] == "cgroup2") or (
                    controllers == "devices" and after[0] == "cgroup" and "devices" in after[2].split(",")):
                yield pathlib.Path(m[4] + path)


def test_the_group_holds_whoever_joins_it(node, nodes):
    """The fence alone: a process with every right on the machine and no other wall."""
    started = node.start_run(job(node, WAITS, nodes / "mine"), "--", nodes / "mine")
    run_id = started.await_id()
    opened(node, run_id)
    groups = list(groups_of(node.await_running(run_id)["pid"]))
    if not groups:
        pytest.skip("the run's control group is in no folder here")

    def join():
        for group in groups:
            (group / "cgroup.procs").write_text("0")

    found = json.loads(subprocess.run([sys.executable, "-c", OPENS, str(nodes / "mine"), str(nodes / "other"), "/dev/null", "/dev/full"],
                                      stdout=subprocess.PIPE, preexec_fn=join, check=True).stdout)
    assert found == {str(nodes / "mine"): "OK", str(nodes / "other"): "EPERM", "/dev/null": "OK", "/dev/full": "OK"}
    node.call("cancel", run_id)
    started.process.terminate()
    started.end()


# ---- who else has it ----

def test_a_holder_before_the_run(node, nodes):
    mine = nodes / "mine"
    with holder(mine) as process:
        done = node.run("-q", job(node, "print('never')\n", mine))
        assert done.text == "" and done.status == 125, done
        status = node.check_end(done, "FAILED", "device-busy", phases=["ACCEPTED", "PREPARING", "LAUNCHING", "SHIPPING", "REPORTING", "FINISHED"])
        assert status["endCode"] == 1023 and "%s by pid %d (" % (mine, process.pid) in status["lifecycleDetails"], status
        assert "(node)" in status["lifecycleDetails"]
        assert held(node, done.id) == [(str(mine), process.pid, "refused")]
        assert str(process.pid) in node.call("why", done.id).text
    assert node.run("-q", job(node, "print('now')\n", mine)).text == "now\n"


def test_a_shared_device_has_other_holders(bin_dir, nodes):
    mine = nodes / "mine"
    node = RunNode(bin_dir, extra="sandbox: {devices: '%s/*', sharedDevices: '%s'}\n" % (nodes, mine))
    try:
        with holder(mine) as process:
            done = node.run("-q", job(node, OPENS, mine), "--", mine)
            assert json.loads(done.text) == {str(mine): "OK"}, done
            assert held(node, done.id) == [(str(mine), process.pid, "shared")]
            node.check_end(done, "SUCCEEDED", "exited", 0)
    finally:
        node.close()


def test_one_run_at_a_time(node, nodes):
    mine = nodes / "mine"
    first = node.start_run(job(node, "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\n", mine))
    run_id = first.await_id()
    node.await_running(run_id)  # it has not even opened it
    second = node.run("-q", job(node, "print('never')\n", mine))
    assert second.text == "" and node.status_json(second.id)["cause"] == "device-busy", second
    assert "granted to the run %s" % run_id in node.status_json(second.id)["lifecycleDetails"]
    (node.home(run_id) / "go").touch()
    assert first.process.wait(60) == 0
    assert node.run("-q", job(node, "print('now')\n", mine)).text == "now\n"


def test_what_is_left_in_its_group_is_ended(node, nodes):
    mine = nodes / "mine"
    started = node.start_run(job(node, "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\n", mine))
    run_id = started.await_id()
    groups = list(groups_of(node.await_running(run_id)["pid"]))
    if not groups:
        pytest.skip("the run's control group is in no folder here")
    with holder(mine) as process:
        for group in groups:
            (group / "cgroup.procs").write_text(str(process.pid))
        (node.home(run_id) / "go").touch()
        done = started.end()
        assert process.wait(60) == -9
    assert held(node, run_id) == [(str(mine), process.pid, "ended")]
    node.check_end(done, "SUCCEEDED", "exited", 0)


def test_a_holder_after_the_run_keeps_the_node_from_further_ones(node, nodes):
    mine = nodes / "mine"
    path = job(node, "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\n", mine)
    node.start()
    run_id = node.runlet("submit", path, check=0).stdout.strip()
    node.await_running(run_id)
    with holder(mine) as process:
        words = "%s by pid %d (" % (mine, process.pid)
        (node.home(run_id) / "go").touch()
        node.await_finished(run_id)
        status = node.status_json(run_id)
        # The run's end is its own; what is left is told beside it.
        assert (status["lifecycleState"], status["exitCode"]) == ("SUCCEEDED", 0), status
        assert words in status["lifecycleDetails"], status
        assert held(node, run_id) == [(str(mine), process.pid, "left")]
        assert words in node.record(run_id)["held-devices"]
        second = node.submit("echo next\n")
        until("the node says what is in its way", lambda: words in node.runlet("status", check=0).stdout)
        assert run_id in node.api("GET", "/v1/node")[1]["notReady"]
        assert node.status_json(second)["phase"] in ("ACCEPTED", "QUEUED")
        assert words in node.runlet("why", run_id, check=0).stdout
        assert "still held   " + words in node.runlet("status", run_id, check=0).stdout
        # Restarting the agent changes nothing.
        node.stop()
        node.start()
        assert words in node.api("GET", "/v1/node")[1]["notReady"]
    assert process.returncode == 0  # it is nobody's to end
    (node.state / "agent" / ".needs-attention").unlink()
    node.await_finished(second)
    assert node.status_json(second)["lifecycleState"] == "SUCCEEDED"
