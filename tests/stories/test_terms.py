"""How long a run may go on is changed while it does: its deadline, and the end of its lease."""
import json
import os
import signal
import socket
import time

from node_rig import until

JOB = """kind: job
spec:
  name: terms
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: job.py
      x-runlet: {%s}
"""

# Ends when the file `end` is in its home, and says each notice.
WAITS = r"""
import os, signal, time
signal.signal(signal.SIGUSR1, lambda *_: print(open(os.environ["RUNLET_NOTICE_FILE"]).read().strip(), flush=True))
print("ready", flush=True)
while not os.path.exists("end"):
    time.sleep(0.05)
"""

STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(600)\n"


def begin(node, x_runlet, text=WAITS):
    """Submits the job and waits until it runs."""
    node.write("job.py", text)
    run_id = node.runlet("submit", node.write("job.yaml", JOB % x_runlet), check=0).stdout.strip()
    node.await_running(run_id)
    until("the job is ready", lambda: "ready" in output(node, run_id))
    return run_id


def output(node, run_id):
    return (node.state / "runs" / run_id / "log" / "output.log").read_text()


def notices(node, run_id):
    return [json.loads(line)["reason"] for line in output(node, run_id).splitlines() if line.startswith("{")]


def end(node, run_id):
    (node.state / "runs" / run_id / "home" / "end").touch()


def boot_ms():
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)


def tell(node, run_id, **message):
    """Says something to the run's supervisor, as an agent does; returns what it has said so far."""
    heard = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(30)
        s.connect(str(node.run_dir / "runs" / (run_id + ".sock")))
        s.send(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        while not heard or heard[-1]["type"] != "running":
            heard.append(json.loads(s.recv(4096)))
    return heard


def test_a_deadline_is_moved_and_announced_again(node):
    node.configure(extra="maximumRuntime: 4h\n")
    node.start()
    run_id = begin(node, "maximumRuntime: 3h, notice: {before: 2h, signal: USR1}")
    node.runlet("deadline", run_id, "1h", check=0)
    until("it was told of its deadline", lambda: notices(node, run_id) == ["deadline"])
    node.runlet("deadline", run_id, "3h", check=0)
    until("it is longer", lambda: node.view(run_id)["deadlineInMs"] > 2 * 3600 * 1000)
    # Somebody who comes later hears of the one that holds now; the other way round it is announced again.
    assert tell(node, run_id, type="none")[-1]["deadline-boot-ms"] > boot_ms() + 2 * 3600 * 1000
    node.runlet("deadline", run_id, "90m", check=0)
    until("it was told again", lambda: notices(node, run_id) == ["deadline", "deadline"])
    # Not beyond what the node allows.
    node.stop(signal.SIGKILL)
    said = node.runlet("deadline", run_id, "20d", check=0).stderr
    assert "14400 s" in said, said
    # What has passed ends it now.
    node.runlet("deadline", run_id, "1s", check=0)
    node.start()
    node.await_finished(run_id)
    assert node.view(run_id)["cause"] == "deadline-exceeded"
    assert "deadline" in node.runlet("why", run_id, check=0).stdout
    refused = node.runlet("deadline", run_id, "1h")
    assert refused.returncode == 1 and "has ended already" in refused.stderr


def test_a_deadline_waits_with_its_run_over_a_restart(node):
    node.start()
    first = begin(node, "")
    second = node.submit("exec sleep 600\n", name="second.sh")
    until("the other waits", lambda: (node.view(second) or {}).get("phase") == "ACCEPTED")
    node.runlet("deadline", second, "1s", check=0)
    node.stop(signal.SIGKILL)
    node.start()
    end(node, first)
    node.await_finished(second)
    assert node.view(second)["cause"] == "deadline-exceeded"
    events = [f["event"] for f in node.journal(second)]
    assert events.index("deadline-requested") < events.index("launch-requested") < events.index("deadline-set")
    # The word is the first one's no more.
    assert node.view(first)["cause"] == "exited"


def test_the_api_wants_a_length_of_time(node):
    node.start()
    run_id = begin(node, "")
    for query in ("", "?maximumRuntime=soon", "?maximumRuntime=31d", "?maximumRuntime=5ms"):
        code, body = node.api("POST", "/v1/runs/%s/deadline%s" % (run_id, query))
        assert code == 400 and body["code"] == "InvalidParameter", (query, code, body)
    assert node.api("POST", "/v1/runs/%s/deadline?maximumRuntime=2h" % run_id)[0] == 202
    assert node.api("POST", "/v1/runs/nobody/deadline?maximumRuntime=2h")[0] == 404
    assert node.runlet("deadline", run_id, "long").returncode == 2
    end(node, run_id)


def test_a_lease_that_ends_ends_the_run_without_an_agent(node):
    node.start()
    run_id = begin(node, "stopGrace: 1s", STUBBORN)
    node.stop(signal.SIGKILL)
    tell(node, run_id, type="lease", **{"until-boot-ms": boot_ms() + 4000})
    until("the end is recorded", lambda: node.record(run_id))
    events = [(f["event"], f.get("cause")) for f in node.supervisor_facts(run_id)]
    assert ("stopping", "lease-lost") in events
    # The job did not mind its stop signal.
    assert [f["step"] for f in node.supervisor_facts(run_id, "stop-step")][:2] == [1, 3]
    node.start()
    node.await_finished(run_id)
    seen = node.view(run_id)
    assert (seen["cause"], seen["lifecycleState"], seen["endCode"]) == ("lease-lost", "FAILED", 1007)
    assert "nobody renewed it in time" in seen["lifecycleDetails"]


def test_a_lease_that_is_renewed_in_time_changes_nothing(node):
    node.start()
    run_id = begin(node, "stopGrace: 1s")
    node.stop(signal.SIGKILL)
    first = boot_ms() + 3000
    tell(node, run_id, type="lease", **{"until-boot-ms": first})
    tell(node, run_id, type="lease", **{"until-boot-ms": first + 3600 * 1000})
    until("the first is over", lambda: boot_ms() > first)
    node.start()
    end(node, run_id)
    node.await_finished(run_id)
    assert node.view(run_id)["cause"] == "exited"


def test_a_supervisor_that_dies_while_a_lost_lease_ends_its_run(node):
    node.start()
    run_id = begin(node, "stopGrace: 1h", STUBBORN)
    tell(node, run_id, type="lease", **{"until-boot-ms": boot_ms() + 60000})
    tell(node, run_id, type="lease", **{"until-boot-ms": boot_ms() + 3})
    until("it is being stopped", lambda: node.supervisor_facts(run_id, "stopping") or node.record(run_id))
    try:
        os.kill(node.supervisor(run_id), signal.SIGKILL)
    except ProcessLookupError:
        pass
    node.await_finished(run_id)
    assert node.view(run_id)["cause"] == "lease-lost"
