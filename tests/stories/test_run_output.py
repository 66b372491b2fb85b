"""Every byte of both streams, in order, live and in the log (I4)."""
import hashlib
import os
import signal
import subprocess

import pytest

from node_rig import until
from run_rig import PHASES


def test_a_partial_last_line_stays_partial(node):
    outcome = node.shell("printf 'no newline'; printf 'neither' >&2\n")
    assert (outcome.out, outcome.err) == (b"no newline", b"neither")
    node.check_end(outcome, "SUCCEEDED", "exited", 0)
    assert node.logs(outcome.id) == (b"no newline", b"neither")


def test_every_byte_is_kept(node):
    outcome = node.python("import sys\n"
                          "sys.stdout.buffer.write(bytes(range(256)) * 3 + b'\\0\\0\\n\\0')\n"
                          "sys.stderr.buffer.write(b'\\xff\\xfe\\xc3(\\xe2\\x82\\n' + bytes(range(255, -1, -1)))\n")
    out, err = bytes(range(256)) * 3 + b"\0\0\n\0", b"\xff\xfe\xc3(\xe2\x82\n" + bytes(range(255, -1, -1))
    assert (outcome.status, outcome.out, outcome.err) == (0, out, err)
    assert node.logs(outcome.id) == (out, err)


def test_no_output_at_all(node):
    outcome = node.shell("exec >&- 2>&-\n")
    assert (outcome.status, outcome.out, outcome.err) == (0, b"", b"")
    node.check_end(outcome, "SUCCEEDED", "exited", 0)


FLOOD = """
import hashlib, os, sys, threading

def flood(fd, seed, size):
    # A different kilobyte every time, cheap to make twice.
    block, left, number = hashlib.sha512(seed).digest() * 16, size, 0
    while left > 0:
        piece = (b"%016d" % number + block)[:1024 if number % 7 else 313]
        piece = piece[:left]
        at = 0
        while at < len(piece):
            at += os.write(fd, piece[at:])
        left -= len(piece)
        number += 1

threads = [threading.Thread(target=flood, args=(fd, b"%d" % fd, int(sys.argv[1]))) for fd in (1, 2)]
[t.start() for t in threads]
[t.join() for t in threads]
"""


def flooded(fd, size):
    digest, block, left, number = hashlib.sha256(), hashlib.sha512(b"%d" % fd).digest() * 16, size, 0
    while left > 0:
        piece = (b"%016d" % number + block)[:1024 if number % 7 else 313][:left]
        digest.update(piece)
        left -= len(piece)
        number += 1
    return digest.hexdigest()


def test_fifty_megabytes_on_each_stream(node):
    size = 50 * 1000 * 1000
    outcome = node.python(FLOOD, "--", str(size), timeout=300)
    assert outcome.status == 0, outcome.status
    expected = [(size, flooded(fd, size)) for fd in (1, 2)]
    assert [(len(s), hashlib.sha256(s).hexdigest()) for s in (outcome.out, outcome.err)] == expected
    record = node.record(outcome.id)
    assert record["log-bytes"] == 2 * size
    assert [(len(s), hashlib.sha256(s).hexdigest()) for s in node.logs(outcome.id)] == expected


TURNS = """
import array, fcntl, os, sys, termios, time

def taken(fd):
    # Whether the other side has read everything: only then is what comes next later.
    left = array.array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, left)
    return left[0] == 0

for i in range(200):
    fd = 1 if i % 3 else 2
    os.write(fd, b"%s line %d\\n" % (b"out" if fd == 1 else b"err", i))
    while not taken(fd):
        time.sleep(0.0005)
"""


def test_streams_keep_their_order(node):
    outcome = node.python(TURNS)
    lines = ["%s line %d\n" % ("out" if i % 3 else "err", i) for i in range(200)]
    assert node.raw_log(outcome.id).decode() == "".join(lines)
    assert outcome.text == "".join(line for line in lines if line.startswith("out"))
    assert outcome.words == "".join(line for line in lines if line.startswith("err"))
    both = node.call("logs", outcome.id, env={})
    assert both.out.decode() == outcome.text


def test_both_streams_to_one_place_keep_their_order(node):
    job = node.write("turns.py", TURNS)
    done = subprocess.run(node.command("run", "-q", job), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout.decode() == "".join("%s line %d\n" % ("out" if i % 3 else "err", i) for i in range(200))


def test_output_is_live(node):
    run = node.start_run("-q", node.write("job.sh", "printf 'prompt> '\nuntil [ -e go ]; do sleep 0.05; done\necho went\n"))
    run.await_output(b"prompt> ")
    (node.home(run.await_id()) / "go").touch()
    outcome = run.end()
    assert (outcome.status, outcome.out) == (0, b"prompt> went\n")


def test_output_of_grandchildren_is_kept_until_the_tree_is_gone(node):
    outcome = node.shell("(trap 'for i in 1 2 3 4 5; do sleep 0.1; echo late $i; done; echo last words >&2; exit' TERM\n"
                         " echo child ready; touch ready; while :; do sleep 0.05; done) &\n"
                         "until [ -e ready ]; do sleep 0.02; done\necho main done\nexit 4\n")
    assert outcome.status == 4, outcome
    assert outcome.text == "child ready\nmain done\nlate 1\nlate 2\nlate 3\nlate 4\nlate 5\n"
    assert outcome.words.endswith("last words\n")  # bash itself tells of the sleep that was ended too
    node.check_end(outcome, "FAILED", "exited", 4)


def test_a_daemon_that_left_its_session_is_found(node):
    """Whoever double-forks, closes everything and ignores SIGTERM still belongs to the run."""
    job = node.write("job.py",
                     "import os, signal, time\n"
                     "if os.fork() == 0:\n"
                     "    os.setsid()\n"
                     "    if os.fork():\n"
                     "        os._exit(0)\n"
                     "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                     "    os.closerange(0, 100)\n"
                     "    open('ready', 'w').close()\n"
                     "    while True:\n"
                     "        time.sleep(1)\n"
                     "while not os.path.exists('ready'):\n"
                     "    time.sleep(0.02)\n")
    yaml = node.write("job.yaml", "kind: job\nspec:\n  runtime:\n    type: script\n    spec:\n      scriptPathURI: %s\n"
                                  "      x-runlet: {stopGrace: 300ms}\n" % job.name)
    outcome = node.run("-q", yaml)
    assert outcome.status == 0, outcome
    node.check_end(outcome, "SUCCEEDED", "exited", 0)


def test_a_reader_that_goes_away_does_not_stop_the_job(node):
    """`runlet run ... | head -1`: the terminal side is gone, the log is whole."""
    job = node.write("job.sh", "echo first\nuntil [ -e go ]; do sleep 0.05; done\nfor i in $(seq 2000); do echo line $i; done\nexit 9\n")
    process = subprocess.Popen(node.command("run", "-q", job), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    node.started.append(process)
    assert process.stdout.readline() == b"first\n"
    process.stdout.close()
    run_id = until("the run is there", node.ids)[0]
    (node.home(run_id) / "go").touch()
    node.await_finished(run_id)
    until("runlet ends", lambda: process.poll() is not None)
    assert node.raw_log(run_id) == b"first\n" + b"".join(b"line %d\n" % i for i in range(1, 2001))
    assert node.the_end(run_id)["exitCode"] == 9
    process.stderr.close()
