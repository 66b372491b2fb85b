"""What was fetched is kept for others; how far a transfer is, and how it ends with its run."""
import threading

import pytest

from fetch_node import HELLO, big, node, nodes, server, sha256  # noqa: F401 (fixtures)
from node_rig import ROOT, until

pytestmark = pytest.mark.skipif(not ROOT, reason="runlet run starts as root here")


# ---- the cache ----

def test_the_second_run_only_asks_whether_it_is_new(node, server):
    thing = server.add("/job.py", HELLO)
    assert node.fetch(server.url + "/job.py").out == b"from afar\n"
    second = node.fetch(server.url + "/job.py")
    assert second.out == b"from afar\n" and server.requests[1][1]["If-None-Match"] == '"v1"'
    assert node.facts(second.id, "fetch-done")[0]["from"] == "cache"
    thing.data, thing.etag = b"print('new')\n", '"v2"'
    assert node.fetch(server.url + "/job.py").out == b"new\n"


def test_what_is_pinned_needs_no_server(node, server):
    server.add("/job.py", HELLO)
    pinned = {"uri": server.url + "/job.py", "sha256": sha256(HELLO).upper()}
    assert node.fetch(pinned).out == b"from afar\n"
    assert node.fetch(pinned).out == b"from afar\n"
    assert node.fetch(dict(pinned, uri="http://127.0.0.1:1/job.py")).out == b"from afar\n"
    assert len(server.targets()) == 1


def test_what_was_damaged_on_disk_is_fetched_again(nodes, server):
    node = nodes(extra="cache:\n  verify: true\n")
    server.add("/job.py", HELLO)
    pinned = {"uri": server.url + "/job.py", "sha256": sha256(HELLO)}
    assert node.fetch(pinned).out == b"from afar\n"
    path = node.state / "cache" / "objects" / node.cached()[0]
    path.write_bytes(HELLO[:-3])
    assert node.fetch(pinned).out == b"from afar\n"
    path.write_bytes(HELLO.replace(b"afar", b"fara"))
    assert node.fetch(pinned).out == b"from afar\n"
    assert path.read_bytes() == HELLO and len(server.targets()) == 3


def test_the_cache_stays_within_its_size(nodes, server):
    node = nodes(extra="cache:\n  maxSize: 250K\n")
    data = [big(100_000 + i) for i in range(3)]
    for i in range(3):
        server.add("/%d.py" % i, data[i])
        assert node.fetch(server.url + "/%d.py" % i).status == 0
    left = [d for d in data if "%s.%d" % (sha256(d), len(d)) in node.cached()]
    assert left == data[1:]
    # Larger than the cache: it is run, and does not stay.
    huge = big(300_000)
    server.add("/huge.py", huge)
    assert node.fetch(server.url + "/huge.py").text == sha256(huge) + "\n"
    assert node.fetch(server.url + "/2.py").status == 0
    assert "%s.%d" % (sha256(huge), len(huge)) not in node.cached()


def test_two_runs_that_want_the_same_fetch_it_once(node, server):
    hold = threading.Event()
    data = big(200_000)
    server.add("/job.py", data, hold=hold)
    first = node.start_run("-q", node.job(server.url + "/job.py"))
    first.await_id()
    until("the first one fetches", lambda: server.targets())
    second = node.start_run("-q", node.job(server.url + "/job.py", name="k.json"))
    run_id = second.await_id()
    until("the second one waits", lambda: node.status_json(run_id).get("fetchWaiting"))
    hold.set()
    for started in (first, second):
        assert started.process.wait(60) == 0 and started.out.read_text() == sha256(data) + "\n"
    assert len(server.targets()) == 1
    node.leftovers()


def test_a_run_takes_up_what_a_killed_one_left(node, server):
    hold = threading.Event()
    data = big(2_000_000)
    thing = server.add("/job.py", data, hold=hold)
    first = node.start_run("-q", node.job(server.url + "/job.py"))
    run_id = first.await_id()
    until("half is there", lambda: node.status_json(run_id).get("fetchBytes", 0) > 900_000)
    first.process.kill()
    first.process.wait()
    thing.hold = None
    hold.set()
    outcome = node.run("-q", node.job(server.url + "/job.py"), timeout=60)
    assert outcome.text == sha256(data) + "\n" and server.ranges()[1].startswith("bytes="), (outcome, server.ranges())


# ---- what is seen of it, and its end ----

def test_status_says_how_far_it_is(node, server):
    hold = threading.Event()
    data = big(500_000)
    server.add("/job.py", data, hold=hold)
    started = node.start_run("-q", node.job(server.url + "/job.py?secret"))
    run_id = started.await_id()
    status = until("half is there", lambda: node.status_json(run_id) if node.status_json(run_id).get("fetchBytes", 0) > 1 else None)
    assert (status["phase"], status["fetchName"], status["fetchSource"], status["fetchTotalBytes"], status["fetchAttempt"]) == (
        "PREPARING", "job.py", server.url + "/job.py", len(data), 1), status
    text = node.call("status", run_id).text
    assert "fetches" in text and "of 488.3 KiB" in text and "secret" not in text, text
    hold.set()
    assert started.end().status == 0
    assert "fetchBytes" not in node.status_json(run_id)


def test_a_cancel_ends_a_transfer_at_once(node, server):
    server.add("/job.py", big(500_000), hold=threading.Event())
    node.start()
    run_id = node.runlet("submit", node.job(server.url + "/job.py"), check=0).stdout.strip()
    until("it fetches", lambda: (node.view(run_id) or {}).get("fetchBytes", 0) > 1)
    node.runlet("cancel", run_id, check=0)
    node.await_finished(run_id)
    end = node.the_end(run_id)
    assert (end["lifecycleState"], end["cause"]) == ("CANCELED", "cancelled"), end
    assert not (node.state / "agent" / run_id / "fetch").exists()
    # The daemon goes on with others.
    server.add("/other.py", HELLO)
    other = node.runlet("submit", node.job(server.url + "/other.py"), check=0).stdout.strip()
    node.await_finished(other)
    assert node.output(other)[0] == "from afar\n"


def test_a_restarted_agent_goes_on_fetching(node, server):
    hold = threading.Event()
    data = big(2_000_000)
    thing = server.add("/job.py", data, hold=hold)
    node.start()
    run_id = node.runlet("submit", node.job(server.url + "/job.py"), check=0).stdout.strip()
    until("half is there", lambda: (node.view(run_id) or {}).get("fetchBytes", 0) > 900_000)
    node.stop()
    thing.hold = None
    hold.set()
    node.start()
    node.await_finished(run_id)
    assert node.output(run_id)[0] == sha256(data) + "\n"
    assert server.ranges()[1].startswith("bytes=")
