"""The oldest kernel that is supported, Linux 5.4: everything works there without the system calls that came later."""
import ctypes
import errno
import os
import pathlib
import sys

import pytest

import older_kernel
import run_rig

NUMBERS = {"pidfd_open": 434, "clone3": 435, "close_range": 436, "openat2": 437, "mount_setattr": 442, "landlock_create_ruleset": 444}


@pytest.fixture(params=[older_kernel.AFTER_LINUX_5_4, NUMBERS["pidfd_open"]], ids=["linux-5.4", "before-pidfd_open"])
def old_node(request, bin_dir, tmp_path):
    """A node all of whose programs run without the calls from a number on."""
    if os.geteuid() != 0:
        pytest.skip("needs root: runs are contained by namespaces and other users")
    wrapped = tmp_path / "bin"
    wrapped.mkdir()
    for name in ("runlet", "runletd"):
        (wrapped / name).write_text('#!/bin/sh\nexec %s %s %d %s "$@"\n' % (
            sys.executable, pathlib.Path(older_kernel.__file__).resolve(), request.param, bin_dir / name))
        (wrapped / name).chmod(0o755)
    node = run_rig.RunNode(wrapped)
    node.first_missing = request.param
    yield node
    node.close()


# What the job itself finds: the number of the error, for each call.
PROBE = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for number in %r:
    libc.syscall(number, -1, 0, 0, 0, 0, 0)
    print(ctypes.get_errno())
"""


def test_the_calls_are_really_gone(old_node):
    gone = [n for n in NUMBERS.values() if n >= old_node.first_missing]
    child = os.fork()
    if child == 0:
        older_kernel.take_away(old_node.first_missing)
        libc = ctypes.CDLL(None, use_errno=True)
        missing = [libc.syscall(n, -1, 0, 0, 0, 0, 0) == -1 and ctypes.get_errno() == errno.ENOSYS for n in gone]
        os._exit(0 if missing and all(missing) else 1)
    assert os.waitpid(child, 0)[1] == 0
    done = old_node.python(PROBE % gone)
    assert done.status == 0 and set(done.text.split()) == {str(errno.ENOSYS)}, done


def test_a_run_from_end_to_end(old_node):
    done = old_node.shell("echo out; echo err >&2; touch /usr/x 2>/dev/null && echo wrote; exit 3\n")
    assert (done.status, done.text) == (3, "out\n") and b"err\n" in done.err, done
    old_node.check_end(done, "FAILED", "exited", 3)


def test_an_archive_is_unpacked_below_the_home_alone(old_node):
    folder = old_node.work / "project"
    folder.mkdir()
    (folder / "main.sh").write_text("cat data/file\n")
    (folder / "data").mkdir()
    (folder / "data" / "file").write_text("content\n")
    done = old_node.run("-q", folder, "--entrypoint", "main.sh")
    assert (done.status, done.text) == (0, "content\n"), done


def test_a_wall_that_needs_newer_calls_is_shown_as_missing(old_node):
    done = old_node.shell("exit 0\n")
    said = {f["name"]: f["state"] for f in old_node.supervisor_facts(done.id, "contained")}
    assert said["landlock"] == "missing" and said["mounts"] == "applied", said


def test_a_tree_is_gone_after_cancel(old_node):
    old_node.start()
    run_id = old_node.submit("(trap '' TERM; setsid sleep 1000) & (trap '' TERM; exec sleep 1000) & echo begun; wait\n")
    old_node.await_running(run_id)
    old_node.runlet("cancel", run_id, check=0)
    old_node.await_finished(run_id)
    assert old_node.the_end(run_id)["lifecycleState"] == "CANCELED"
    old_node.stop()
    old_node.leftovers()


def test_a_killed_agent_changes_nothing(old_node):
    old_node.start()
    run_id = old_node.submit("for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done\n")
    old_node.await_running(run_id)
    old_node.daemon.kill()
    old_node.daemon.wait()
    old_node.start()
    old_node.await_finished(run_id)
    assert old_node.the_end(run_id)["lifecycleState"] == "SUCCEEDED"
    assert old_node.output(run_id)[0] == "1\n2\n3\n4\n5\n6\n"
