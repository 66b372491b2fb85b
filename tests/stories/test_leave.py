"""A machine that is there for one run, or for as long as there are runs: when the agent leaves it, how, and when it must not."""
import os
import signal
import subprocess
import time

import pytest

from node_rig import AGENT_UID, HELD, ROOT, Node, until

pytestmark = pytest.mark.skipif(not ROOT, reason="needs root")


@pytest.fixture
def node(bin_dir):
    node = Node(bin_dir)
    yield node
    node.close()


def program(node, name, text):
    path = node.root / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def leave(node, **environment):
    """What the service manager runs as root after runletd."""
    return subprocess.run(node.command("leave"), env=dict(os.environ, **environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_after_the_run_the_agent_exits_and_the_end_is_reported(node):
    node.configure(extra="afterRun: exit\n")
    node.start()
    first, second = node.submit(HELD), node.submit("exit 3\n")
    node.await_running(first)
    (node.home(first) / "go").touch()
    # The second one is here when the first has ended: it is run, too.
    assert node.daemon.wait(60) == 80
    for run_id, state in ((first, "SUCCEEDED"), (second, "FAILED")):
        assert node.finished(run_id) and node.the_end(run_id)["lifecycleState"] == state
    # Started again in the same boot, it knows that its work was done, unless there is more.
    third = node.submit("echo third\n")
    node.start(wait=False)
    assert node.daemon.wait(60) == 80 and node.finished(third)
    (node.state / "agent" / ".served").write_text("another boot")
    node.start()
    time.sleep(3)
    assert node.daemon.poll() is None
    assert node.stop() == 0


def test_it_stays_while_a_run_is_in_other_hands(node):
    """A run in the foreground is not the agent's, and its supervisor would go with the machine."""
    node.configure(extra="afterRun: exit\n")
    script = node.script(HELD, "foreground.sh")
    with subprocess.Popen(node.command("run", "-q", script), cwd=node.work, stdout=subprocess.DEVNULL) as foreground:
        until("it is here", node.ids)
        (run_id,) = node.ids()
        node.await_running(run_id)
        node.start()
        node.await_finished(node.submit("echo done\n"))
        time.sleep(3)
        assert node.daemon.poll() is None
        (node.home(run_id) / "go").touch()
        assert foreground.wait(60) == 0
    assert node.daemon.wait(60) == 80


def test_it_is_switched_off_by_root_and_only_when_both_say_so(node):
    off = node.root / "off"
    poweroff = program(node, "poweroff.sh", "id -u >%s\n" % off)
    node.configure(extra="afterRun: poweroff\nleave:\n  poweroff: %s\n" % poweroff)
    node.start()
    run_id = node.submit("echo done\n")
    assert node.daemon.wait(60) == 81 and node.finished(run_id) and not off.exists()
    for code, status in (("exited", "0"), ("exited", "80"), ("killed", "81"), ("exited", "x"), ("exited", "")):
        assert leave(node, EXIT_CODE=code, EXIT_STATUS=status).returncode == 0 and not off.exists()
    assert leave(node).returncode == 0 and not off.exists()
    # An agent that was taken over cannot switch off a machine whose configuration does not want it.
    node.configure(extra="afterRun: exit\nleave:\n  poweroff: %s\n" % poweroff)
    done = leave(node, EXIT_CODE="exited", EXIT_STATUS="81")
    assert done.returncode == 1 and "neither afterRun nor idle.action says so" in done.stderr and not off.exists()
    node.configure(extra="afterRun: poweroff\nleave:\n  poweroff: %s\n" % poweroff)
    assert leave(node, EXIT_CODE="exited", EXIT_STATUS="81").returncode == 0
    assert off.read_text() == "0\n"


def test_a_command_leaves_and_one_that_fails_does_not(node):
    ran, good = node.root / "ran", node.root / "good"
    ran.touch()
    os.chown(ran, AGENT_UID, -1)
    command = program(node, "command.sh", "id -u >>%s\n[ -e %s ] || { echo 'no such instance' >&2; exit 4; }\n" % (ran, good))
    node.configure(extra="afterRun: command\nleave:\n  command: %s\n" % command)
    node.start()
    node.await_finished(node.submit("echo done\n"))
    until("it failed", lambda: "leave.command failed" in node.tail() and "no such instance" in node.tail())
    # The agent goes on, and takes up what comes.
    node.await_finished(node.submit("echo more\n"))
    assert node.daemon.poll() is None and ran.read_text() == "%d\n" % AGENT_UID
    node.stop()
    good.touch()
    node.start(wait=False)
    assert node.daemon.wait(60) == 80 and ran.read_text() == "%d\n" % AGENT_UID * 2


def test_a_machine_without_runs_is_left(node):
    node.configure(extra="idle:\n  shutdown: 4s\n")
    node.start()
    run_id = node.submit(HELD)
    node.await_running(run_id)
    time.sleep(5)
    assert node.daemon.poll() is None
    (node.home(run_id) / "go").touch()
    node.await_finished(run_id)
    assert node.daemon.wait(60) == 81


def test_an_agent_that_is_killed_while_it_leaves_leaves_the_next_time(node):
    node.configure(extra="afterRun: exit\n")
    node.start()
    node.submit("echo done\n")
    until("it is about to leave", lambda: node.api("GET", "/v1/node")[1]["notReady"].startswith("nothing is left"))
    node.stop(signal.SIGKILL)
    node.start(wait=False)
    assert node.daemon.wait(60) == 80


@pytest.mark.parametrize("text,said", [
    ("afterRun: command\n", "afterRun: command needs leave.command"),
    ("idle:\n  action: command\n", "idle.action: command needs leave.command"),
    ("idle:\n  action: wait\n", "idle.action: expected exit, poweroff or command"),
    ("afterRun: reboot\n", "afterRun: expected wait, exit, poweroff or command"),
])
def test_a_configuration_that_makes_no_sense_is_refused(node, text, said):
    node.configure(extra=text)
    done = node.runlet("config", "check")
    assert done.returncode == 1 and said in done.stdout + done.stderr, (done.stdout, done.stderr)
