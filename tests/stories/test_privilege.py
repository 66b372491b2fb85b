"""What the supervisor keeps of root while its job runs: three capabilities, a list of system calls, and nothing to get more with."""
import os
import pathlib
import signal

import pytest

from node_rig import facts, status_of, until
from test_limits import contained

KEPT = "000000000008002a"  # CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_KILL, CAP_SYS_PTRACE
JOB = """kind: job
spec:
  name: disk
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: job.sh
      x-runlet: {limits: {scratch: 32M}}
"""


def supervisor_of(node, run_id):
    (pid,) = [f["pid"] for f in facts(node.state / "runs" / run_id / "supervisor.journal") if f["event"] == "accepted"]
    return pid


def test_a_running_jobs_supervisor(node):
    started = node.start_run("-q", node.write("job.sh", "echo runs\nsleep 60\n"))
    started.await_output(b"runs")
    run_id = started.await_id()
    status = status_of(supervisor_of(node, run_id))
    assert (status["CapEff"], status["CapPrm"]) == (KEPT, KEPT), status
    assert (status["CapInh"], status["CapAmb"]) == ("0" * 16, "0" * 16), status
    assert int(status["CapBnd"], 16) & ~int(KEPT, 16) == 0, status
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), status
    os.kill(node.status_json(run_id)["pid"], signal.SIGTERM)
    done = started.end()
    assert done.status != 0
    got = contained(node, run_id)
    assert got["supervisor: capabilities"][:2] == ("applied", "dac_override, fowner, kill, sys_ptrace")
    assert got["supervisor: system calls"][0] == "applied"
    node.leftovers()


def test_what_the_job_locked_up_is_removed_all_the_same(node):
    """Folders that nobody may enter, sticky ones with files in them: the end needs rights over another's files."""
    done = node.shell("mkdir -p /tmp/a/b /var/tmp/c/d && touch /tmp/a/b/f /var/tmp/c/d/f && chmod 1777 /var/tmp/c && chmod 0 /tmp/a/b /tmp/a"
                      " /var/tmp/c/d\necho ran\n")
    assert (done.status, done.text) == (0, "ran\n"), done
    assert not (node.state / "runs" / done.id / "scratch").exists()
    node.check_end(done, "SUCCEEDED", "exited", 0)


@pytest.mark.skipif(not os.path.exists("/dev/loop-control"), reason="this machine has no loop devices")
def test_a_disk_of_its_own_is_out_of_sight_and_gone_at_the_end(node):
    node.write("job.sh", "echo runs\nmkdir /tmp/kept\nwhile [ ! -e stop ]; do sleep 0.05; done\n")
    started = node.start_run("-q", node.write("job.yaml", JOB))
    started.await_output(b"runs")
    run_id = started.await_id()
    supervisor, job = supervisor_of(node, run_id), node.status_json(run_id)["pid"]
    mounts = pathlib.Path("/proc/%d/mountinfo" % supervisor).read_text()
    assert run_id not in mounts, [line for line in mounts.splitlines() if run_id in line]
    pathlib.Path("/proc/%d/root/home/datascience/stop" % job).touch()
    done = started.end()
    assert done.status == 0, done
    image = str(node.state / "runs" / run_id / "home.img")
    until("the loop device is free", lambda: not [
        p for p in pathlib.Path("/sys/block").glob("loop*/loop/backing_file") if p.read_text().strip().startswith(image)])
    node.leftovers()
