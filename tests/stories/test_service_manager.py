"""What systemd's units rely on, without systemd: the options of supervisors, the socket that is handed over, the drain."""
import os
import shlex
import signal
import socket
import subprocess
import time

import pytest

from node_rig import AGENT_GID, until


def options(node):
    return node.runlet("config", "supervisor-options")


def test_the_policy_is_one_line_that_the_supervisor_accepts(node):
    done = options(node)
    assert done.returncode == 0, done.stderr
    name, _, value = done.stdout.rstrip("\n").partition("=")
    assert name == "RUNLET_SUPERVISOR_OPTIONS" and value[0] == value[-1] == '"'
    words = shlex.split(value[1:-1])
    assert words == value[1:-1].split(" "), "systemd splits it at blanks as it is"
    assert words[words.index("--runs-directory") + 1] == str(node.state / "runs")
    assert words[words.index("--agent-gid") + 1] == str(AGENT_GID)
    # A connection that says nothing and ends: what is left to fail is not the command line (status 2).
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.close()
    supervisor = subprocess.run([node.bin / "runlet-supervisor", "--connection-fd", str(theirs.fileno()), *words],
                                pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, timeout=60, check=False)
    theirs.close()
    assert supervisor.returncode == 1, supervisor.stderr


@pytest.mark.parametrize("name", ["with blank", "quo'te", "dol$lar", "per%cent"])
def test_a_policy_that_would_be_split_is_refused(node, name):
    node.config.write_text(node.config.read_text().replace("state: %s" % node.state, 'state: "%s/%s"' % (node.root, name)))
    done = options(node)
    assert done.returncode == 1 and name in done.stderr and done.stdout == ""


def test_the_api_is_served_on_the_socket_that_is_handed_over(node):
    node.runlet("submit", node.script("exit 0\n"), check=0)  # makes the folders
    path = str(node.run_dir / "api.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(8)
    inode = os.stat(path).st_ino
    command = "exec 3<&%d; LISTEN_PID=$$ LISTEN_FDS=1 exec %s --config %s" % (listener.fileno(), node.bin / "runletd", node.config)
    with open(node.log, "ab") as log:
        node.daemon = subprocess.Popen(["bash", "-c", command], pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log)
    node.daemons.append(node.daemon)
    listener.close()
    until("runletd serves: " + node.tail(), node.serves)
    assert os.stat(path).st_ino == inode, "it was not bound anew"
    node.stop(signal.SIGTERM)
    assert os.stat(path).st_ino == inode, "it is not the agent's to remove"


def test_a_drained_node_begins_no_run_and_goes_on_when_it_is_called_off(node):
    node.start()
    (node.run_dir / "drain").touch()
    run = node.submit("exit 3\n")
    until("it is accepted", lambda: node.view(run))
    code, state = node.api("GET", "/v1/node")
    assert code == 200 and "drain" in str(state)
    time.sleep(1.5)  # longer than it takes to look again
    assert node.view(run)["lifecycleState"] == "ACCEPTED"
    (node.run_dir / "drain").unlink()
    node.await_finished(run)
    assert node.record(run)["status"] == 3


def test_a_run_that_no_supervisor_takes_while_the_machine_goes_down_begins_after_it(node):
    node.runlet("config", "supervisor-options", check=0)
    waiting = node.submit("exit 4\n")  # makes the folders
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door.bind(str(node.run_dir / "supervisor.sock"))
    os.chmod(node.run_dir / "supervisor.sock", 0o666)
    door.listen(8)
    door.settimeout(60)
    node.start()
    # As the service manager does it then: the run was admitted, and its supervisor is stopped before it began.
    for _ in range(8):
        connection = door.accept()[0]
        (node.run_dir / "drain").touch()
        connection.close()
    seen = node.view(waiting)
    assert seen["lifecycleState"] == "ACCEPTED" and seen["phase"] == "LAUNCHING", seen
    node.stop()
    door.close()
    (node.run_dir / "supervisor.sock").unlink()
    (node.run_dir / "drain").unlink()
    node.start()
    node.await_finished(waiting)
    assert node.record(waiting)["status"] == 4
    assert node.the_end(waiting)["cause"] == "exited"
