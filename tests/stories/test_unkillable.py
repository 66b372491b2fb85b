"""A process that SIGKILL does not end: told as what it is, and the node takes nothing further until somebody has looked."""
import fcntl
import os
import pathlib

import pytest

from node_rig import until

FIFREEZE, FITHAW = 0xC0045877, 0xC0045878

JOB = """kind: job
spec:
  name: stuck
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: job.py
      x-runlet: {stopGrace: 1s, limits: {scratch: 32M}}
"""
# Writes to a disk of its own until that disk stands still.
WRITES = "n = 0\nwhile True:\n    with open('file', 'w') as f:\n        f.write('x' * 4096)\n    n += 1\n"


def state_of(pid):
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return None


@pytest.mark.skipif(not os.path.exists("/dev/loop-control"), reason="this machine has no loop devices for a disk that can be frozen")
def test_a_process_in_uninterruptible_sleep(node):
    node.write("job.py", WRITES)
    job = node.write("job.yaml", JOB)
    node.start()
    run_id = node.runlet("submit", job, check=0).stdout.strip()
    until("the job runs", lambda: node.status_json(run_id).get("pid"))
    pid = node.status_json(run_id)["pid"]
    disk = os.open("/proc/%d/root/home/datascience" % pid, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.ioctl(disk, FIFREEZE, 0)
    try:
        until("it hangs in its disk", lambda: state_of(pid) == "D")
        node.runlet("cancel", run_id, check=0)
        until("the run has its end", lambda: node.status_json(run_id)["phase"] == "FINISHED", 90)
        seen = node.status_json(run_id)
        assert (seen["lifecycleState"], seen["cause"], seen["endCode"]) == ("NEEDS_ATTENTION", "unkillable", 1018), seen
        assert "pid %d" % pid in seen["lifecycleDetails"] and "python3" in seen["lifecycleDetails"], seen
        assert state_of(pid) == "D"
        # Nothing waits for it, and nothing further comes here.
        second = node.runlet("submit", node.write("next.sh", "echo next\n"), check=0).stdout.strip()
        until("it is seen", lambda: "could not be ended" in node.runlet("status", check=0).stdout)
        assert node.status_json(second)["phase"] in ("ACCEPTED", "QUEUED")
    finally:
        fcntl.ioctl(disk, FITHAW, 0)
        os.close(disk)
    until("the disk let it go", lambda: state_of(pid) is None)
    (node.state / "agent" / ".needs-attention").unlink()
    until("the node takes runs again", lambda: node.status_json(second)["phase"] == "FINISHED")
    assert node.status_json(second)["lifecycleState"] == "SUCCEEDED"
