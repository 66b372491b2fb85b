"""A node that somebody empties: drain and undrain by the command line and the API, with the agent up and down, and what is shown."""
import json
import os
import subprocess

import pytest

from node_rig import AGENT_GID, AGENT_UID, HELD, ROOT, Node, until

pytestmark = pytest.mark.skipif(not ROOT, reason="needs root")

AS_AGENT = ["setpriv", "--reuid", str(AGENT_UID), "--regid", str(AGENT_GID), "--clear-groups"]
AS_MEMBER = ["setpriv", "--reuid", "65533", "--regid", str(AGENT_GID), "--clear-groups"]


@pytest.fixture
def node(bin_dir):
    node = Node(bin_dir)
    yield node
    node.close()


def test_a_drained_node_ends_what_it_has_and_begins_nothing_over_restarts(node):
    node.configure(concurrency=2)
    node.start()
    run_id = node.submit(HELD)
    node.await_running(run_id)
    node.runlet("drain", "--reason", "new kernel: 100% \"sure\" & more", check=0)
    state = node.shown()
    assert state["drained"]["reason"] == 'new kernel: 100% "sure" & more' and "the node is drained" in state["notReady"]
    waiting = node.submit("echo later\n")
    until("it is accepted", lambda: waiting in node.ids())
    node.stop()
    node.start()
    since = node.shown()["drained"]["since"]
    assert since == state["drained"]["since"] and node.shown()["active"] == 1
    lines = node.runlet("status", check=0).stdout.splitlines()
    assert lines[1].startswith("node ") and "takes no run" in lines[1] and since in lines[1] and "new kernel" in lines[1]
    assert "source local" in lines
    # The second drain of the same name is none; it waits for what is at work, and not for what only waits.
    with subprocess.Popen(node.command("drain", "--wait", "--reason", state["drained"]["reason"]), stderr=subprocess.PIPE, text=True) as drain:
        assert "no further run" in drain.stderr.readline() and "1 run" in drain.stderr.readline()
        assert drain.poll() is None
        node.let_go(run_id)
        assert drain.wait(60) == 0
    assert node.finished(run_id) and node.shown()["drained"]["since"] == since
    assert not node.supervisor_facts(waiting)
    node.runlet("undrain", check=0)
    node.await_finished(waiting)
    assert "drained" not in node.shown() and node.shown()["notReady"] == ""
    assert node.runlet("status", check=0).stdout.splitlines()[1].endswith(": takes runs")


def test_it_works_while_the_agent_is_down(node):
    node.start()
    node.stop()
    for who in ([], AS_AGENT):
        subprocess.run(who + node.command("drain", "--wait", "--reason", "two\nlines"), check=True, stderr=subprocess.DEVNULL)
        status = node.runlet("status", check=0).stdout
        assert "the node is drained since 20" in status and ": two lines\n" in status
        held = node.state / "agent" / ".drained"
        assert held.stat().st_uid == AGENT_UID
        subprocess.run(who + node.command("undrain"), check=True, stderr=subprocess.DEVNULL)
        subprocess.run(who + node.command("undrain"), check=True, stderr=subprocess.DEVNULL)
        assert not held.exists() and "drained" not in node.runlet("status", check=0).stdout
    node.runlet("drain", check=0)
    node.start()
    assert node.shown()["drained"]["reason"] == "" and "the node is drained (since " in node.shown()["notReady"]


def test_only_root_and_the_agents_user_may(node):
    node.start()
    for path in ("/v1/node/drain?reason=x", "/v1/node/undrain"):
        assert node.api("POST", path, prefix=AS_MEMBER)[0] == 403
        assert node.api("GET", path)[0] == 405
        assert node.api("POST", path, prefix=AS_AGENT)[0] == 200
    done = subprocess.run(AS_MEMBER + node.command("drain"), stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "only root and the agent's user" in done.stderr
    node.stop()
    done = subprocess.run(AS_MEMBER + node.command("drain"), stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "Permission denied" in done.stderr
    assert not (node.state / "agent" / ".drained").exists()


def test_a_reason_of_any_bytes_is_shown_as_text(node):
    node.start()
    code, state = node.api("POST", "/v1/node/drain?reason=" + "%E2%82%AC" * 100)
    assert code == 200 and state["drained"]["reason"] == "€" * 85
    code, state = node.api("POST", "/v1/node/drain?reason=%FF%01%22a%0A")
    assert code == 200 and state["drained"]["reason"] == '\ufffd "a'
    assert node.runlet("drain", "--reason", "x" * 256).returncode == 2
    assert json.loads(json.dumps(state)) == state and os.stat(node.state / "agent" / ".drained").st_size < 10
