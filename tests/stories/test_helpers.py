"""The programs that work for a run beside its job are held by limits of their own, and what they use is not the job's use."""
import os
import shutil
import subprocess

import pytest

from test_limits import contained, needs
from unpack_rig import compress, make_tar

SCRIPT = b"echo ran\n"


def wide(data):
    """Compressed so that unpacking needs a window as large as the data."""
    if shutil.which("zstd") is None:
        pytest.skip("no program zstd")
    return subprocess.run(["zstd", "-c", "-1", "--long=26"], input=data, stdout=subprocess.PIPE, check=True).stdout


@needs("memory")
def test_an_archive_that_eats_memory_is_rejected(node):
    """64 MiB that repeat only after a MiB: a small archive whose window is all of them."""
    node.configure(extra="limits:\n  helperMemory: 24M\n")
    data = wide(make_tar(("run.sh", SCRIPT), ("data", os.urandom(1 << 20) * 64)))
    assert len(data) < 4 << 20
    outcome = node.run(node.write("wide.tar.zst", data), "--entrypoint", "run.sh")
    assert (outcome.status, outcome.out) == (125, b""), outcome
    status = node.check_end(outcome, "FAILED", "artifact-rejected", phases=node.phases(outcome.id))
    details = status["lifecycleDetails"]
    assert "more memory than this node gives it: 24M (limits.helperMemory)" in details and "(assignment)" in details, details
    assert node.record(outcome.id)["main"] == "not-started"


@needs("memory")
def test_the_same_archive_with_memory_for_it(node):
    data = wide(make_tar(("run.sh", SCRIPT), ("data", os.urandom(1 << 20) * 64)))
    outcome = node.run("-q", node.write("wide.tar.zst", data), "--entrypoint", "run.sh")
    assert (outcome.status, outcome.text) == (0, "ran\n"), outcome
    node.check_end(outcome, "SUCCEEDED", "exited", 0)


@needs("memory")
@needs("pids")
def test_the_limits_are_read_back_and_noted(node):
    node.configure(extra="limits:\n  helperMemory: 48M\n  helperPids: 20\n")
    outcome = node.run("-q", node.write("p.tar", make_tar(("run.sh", SCRIPT))), "--entrypoint", "run.sh")
    got = contained(node, outcome.id)
    assert got["helpers' memory"][:2] == ("applied", "48M") and got["helpers' memory"][2] in ("cgroup-v1", "cgroup-v2")
    assert got["helpers' pids"][:2] == ("applied", "20")


@needs("memory")
def test_what_unpacking_uses_is_not_the_jobs_use(node):
    """The pages of 48 MiB of files belong to who wrote them."""
    data = compress("zstd", make_tar(("run.sh", SCRIPT), ("data", os.urandom(48 << 20))))
    outcome = node.run("-q", node.write("p.tar.zst", data), "--entrypoint", "run.sh")
    assert outcome.text == "ran\n", outcome
    assert 0 < node.record(outcome.id)["memory-peak"] < 40 << 20
