"""A node looks at itself before it takes up runs: what keeps them away, what only warns, and what is said of it."""
import os
import subprocess

import pytest

from node_rig import AGENT_UID, ROOT, Node, until

pytestmark = pytest.mark.skipif(not ROOT, reason="needs root")


@pytest.fixture
def node(bin_dir):
    node = Node(bin_dir)
    yield node
    node.close()


def check_of(node, name):
    return {c["name"]: c for c in node.shown()["checks"]}.get(name)


def program(node, text):
    path = node.root / "check.sh"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def test_the_nodes_own_program_decides(node):
    """Before the first run as well, and while the node works; it runs as the agent's user, without its environment."""
    said, fit = node.root / "said", node.root / "fit"
    said.mkdir()
    os.chown(said, AGENT_UID, -1)
    check = program(node, 'env >%s/env; id -u >%s/uid\n[ -e %s ] || { echo "the link is down"; exit 3; }\n' % (said, said, fit))
    node.configure(extra="health:\n  period: 100ms\n  command: %s\n" % check)
    node.start()
    run_id = node.submit("echo hello\n")
    until("it is accepted", lambda: run_id in node.ids())
    until("it is looked at", lambda: "the link is down" in node.shown()["notReady"])
    line = node.runlet("status", check=0).stdout.splitlines()[1]
    assert "takes no run: the node is not fit for a run (command: health.command: the link is down; " in line
    assert check_of(node, "command")["state"] == "blocks" and not node.supervisor_facts(run_id)
    # It runs again and again, and empties the file first.
    assert int(until("it says who it is", lambda: (said / "uid").read_text())) == AGENT_UID
    assert {v.split("=")[0] for v in (said / "env").read_text().split()} <= {"PATH", "LC_ALL", "PWD", "SHLVL", "_"}
    fit.touch()
    node.await_finished(run_id)
    assert check_of(node, "command")["state"] == "passed" and "what" not in check_of(node, "command")
    fit.unlink()
    until("it fails again", lambda: check_of(node, "command")["state"] == "blocks")
    assert node.tail().count("command: health.command: the link is down; the node takes up no run") == 2
    assert node.tail().count("command is as it should be again") == 1


def test_a_program_that_hangs_is_ended_and_has_failed(node):
    check = program(node, "echo $$ >>%s/pids; exec sleep 600\n" % node.root)
    (node.root / "pids").touch()
    os.chown(node.root / "pids", AGENT_UID, -1)
    node.configure(extra="health:\n  period: 100ms\n  command: %s\n  commandTimeout: 200ms\n" % check)
    node.start()
    until("it failed", lambda: "did not end in its time" in node.shown()["notReady"])
    until("it ran again", lambda: len((node.root / "pids").read_text().split()) >= 3)
    node.stop()
    for pid in (node.root / "pids").read_text().split():
        until("it is gone", lambda pid=pid: not os.path.exists("/proc/" + pid))


def test_what_must_be_mounted(node):
    node.configure(extra="health:\n  period: 100ms\n  mounts: / %s\n" % node.work)
    node.start()
    assert "mounts: not mounted: %s; " % node.work in node.shown()["notReady"]
    run_id = node.submit("echo hello\n")
    node.configure(extra="health:\n  mounts: / %s\n" % "/proc/")
    node.stop()
    node.start()
    node.await_finished(run_id)
    assert check_of(node, "mounts")["state"] == "passed"


def test_gpus_that_are_not_there(node):
    node.configure(extra="health:\n  gpus: 1024\n")
    node.start()
    assert "GPU devices are there" in node.shown()["notReady"] and check_of(node, "disk")["state"] == "passed"
    node.stop()
    # The same, as warnings: runs are taken up.
    node.configure(extra="health:\n  gpus: 1024\n  warnOnly: clock gpu\n")
    node.start()
    run_id = node.submit("echo hello\n")
    node.await_finished(run_id)
    assert check_of(node, "gpu")["state"] == "warns" and node.shown()["notReady"] == ""
    assert any(line.startswith("warning gpu: ") for line in node.runlet("status", check=0).stdout.splitlines())


def test_a_disk_that_becomes_read_only(node):
    """In a mount namespace of the agent's own, where its folder is a mount that is then made read-only."""
    node.configure(extra="health:\n  period: 100ms\n")
    node.start()
    node.stop()
    inside = 'mount --bind "$0" "$0" && exec "$@"'
    with open(node.log, "ab") as log:
        node.daemon = subprocess.Popen(["unshare", "--mount", "sh", "-c", inside, str(node.state), str(node.bin / "runletd"), "--config",
                                        str(node.config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=node.work)
    node.daemons.append(node.daemon)
    until("runletd serves", node.serves)
    assert check_of(node, "read-only")["state"] == "passed"
    subprocess.run(["nsenter", "--mount", "--target", str(node.daemon.pid), "mount", "-o", "remount,bind,ro", str(node.state)], check=True)
    until("it is seen", lambda: check_of(node, "read-only")["state"] == "blocks")
    assert "read-only: the disk is read-only; " in node.shown()["notReady"]


def test_without_control_groups_runs_are_taken_up_with_a_warning_unless_they_are_wanted(node):
    """In a mount namespace of the agent's own, where no control group is mounted."""
    for extra, takes in (("", True), ("health:\n  warnOnly: clock\n", False)):
        node.configure(extra=extra)
        bare = 'cut -d" " -f5 /proc/self/mountinfo | grep ^/sys | sort -r | while read -r at; do umount -l "$at" || exit; done; exec "$@"'
        with open(node.log, "ab") as log:
            node.daemon = subprocess.Popen(["unshare", "--mount", "sh", "-c", bare, "sh", str(node.bin / "runletd"), "--config", str(node.config)],
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=node.work)
        node.daemons.append(node.daemon)
        until("runletd serves", node.serves)
        assert check_of(node, "cgroup")["state"] == ("warns" if takes else "blocks")
        if takes:
            node.await_finished(node.submit("echo hello\n"))
        else:
            assert "cgroup: no control group can limit memory and processes; " in node.shown()["notReady"]
        node.stop()


@pytest.mark.parametrize("text,said", [
    ("warnOnly: disk gpus", "health.warnOnly: expected names of checks"),
    ("mounts: mnt", "health.mounts: expected absolute paths"),
    ("period: 1ms", "out of bounds"),
    ("command: check", "health.command: expected an absolute path"),
])
def test_a_configuration_that_makes_no_sense_is_refused(node, text, said):
    node.configure(extra="health:\n  %s\n" % text)
    done = node.runlet("config", "check")
    assert done.returncode == 1 and said in done.stderr + done.stdout, (done.stdout, done.stderr)
