"""How a run is ended: signals in their order, and nobody left, however many hide and refuse."""
import os
import pathlib

from node_rig import facts, until

JOB = """kind: job
spec:
  name: stopped
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: job.py
      x-runlet: {%s}
"""


def job(node, x_runlet, text):
    node.write("job.py", text)
    return node.write("job.yaml", JOB % x_runlet)


def steps(node, run_id):
    return [f["step"] for f in facts(node.state / "runs" / run_id / "supervisor.journal") if f["event"] == "stop-step"]


NOTES_SIGNALS = """
import signal, time
def note(number, frame):
    print(signal.Signals(number).name, flush=True)
    if number == signal.SIGQUIT:
        raise SystemExit(4)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
    signal.signal(number, note)
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""


def test_further_signals_come_in_their_time(node):
    started = node.start_run("-q", job(node, "stopSignal: INT, stopGrace: 50s, stopThen: [{signal: TERM, after: 300ms}, {signal: QUIT, after: 600ms}]",
                                       NOTES_SIGNALS))
    started.await_output(b"ready")
    run_id = started.await_id()
    assert node.call("cancel", run_id).status == 0
    done = started.end()
    assert done.text.split() == ["ready", "SIGINT", "SIGTERM", "SIGQUIT"], done
    assert steps(node, run_id)[:3] == [1, 6, 6]
    assert node.status_json(run_id)["lifecycleState"] == "CANCELED"


def test_a_signal_that_would_come_after_the_kill_is_refused_by_its_document(node):
    done = node.run("-q", job(node, "stopGrace: 1s, stopThen: [{signal: INT, after: 1s}]", NOTES_SIGNALS))
    assert (done.status, done.id) == (125, None) and "stopThen" in done.words, done


PLAN = "SIGINT to the main process; SIGQUIT after 20.0 s; after 30.0 s all is killed"


def test_the_plan_shows_them(node):
    done = node.run("--dry-run", job(node, "stopSignal: INT, stopGrace: 30s, stopThen: [{signal: QUIT, after: 20s}]", NOTES_SIGNALS))
    assert done.status == 0 and PLAN in done.text, done


# Each of 500 children leaves its session, ignores what it can, forgets its environment and has a child that does the same.
CROWD = """
import ctypes, os, signal, sys, time
def hide():
    os.setsid()
    for number in range(1, 65):
        if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, 32, 33):
            signal.signal(number, signal.SIG_IGN)
    os.environ.clear()
    ctypes.CDLL(None).prctl(15, b"kworker/0:1", 0, 0, 0)
reader, writer = os.pipe()
for i in range(500):
    if os.fork() == 0:
        hide()
        if os.fork() == 0:
            hide()
            os.write(writer, b"x")
            while True:
                time.sleep(1000)
        os.write(writer, b"x")
        while True:
            time.sleep(1000)
seen = 0
while seen < 1000:
    seen += len(os.read(reader, 4096))
print("crowd", flush=True)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(1000)
"""


def descendants(pid):
    """Everything below a process, by /proc."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = pathlib.Path("/proc/%s/stat" % entry).read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append((int(entry), fields[19]))
    found, todo = [], [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            found.append(child)
            todo.append(child[0])
    return found


def alive(process):
    pid, start = process
    try:
        fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[19] == start and fields[0] not in "ZX"


def test_a_crowd_that_hides_is_gone_after_cancel(node):
    node.start()
    script = job(node, "stopGrace: 500ms", CROWD)
    run_id = node.runlet("submit", script, check=0).stdout.strip()
    until("the crowd is there: " + node.tail(), lambda: b"crowd" in node.raw_log(run_id), 180)
    crowd = descendants(node.supervisor(run_id))
    # Two for each, init and the main process.
    assert len([p for p in crowd if alive(p)]) == 1002
    node.runlet("cancel", run_id, check=0)
    node.await_finished(run_id)
    assert not [p for p in crowd if alive(p)]
    assert node.the_end(run_id)["lifecycleState"] == "CANCELED"
    node.stop()
    node.leftovers()
