"""Buckets as folders of a run, against OpenStack Swift and its S3 interface: what is there afterwards, what a job is told, and what is
left of it on the machine."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from node_rig import ROOT, facts, until
from run_rig import RunNode

HERE = pathlib.Path(__file__).resolve().parent
SYSTEM_PYTHON = "/usr/bin/python3"
USER, SECRET = "test:tester", "testing-secret-3141592653"


def missing():
    if not ROOT:
        return "needs root: buckets are mounted"
    if not os.path.exists("/dev/fuse"):
        return "needs /dev/fuse"
    if not os.path.exists("/usr/bin/rclone"):
        return "needs rclone"
    done = subprocess.run([SYSTEM_PYTHON, "-c", "import swift.proxy.server, eventlet"], stderr=subprocess.PIPE)
    return "needs python3-swift" if done.returncode != 0 else None


class Store:
    """The object store: a process of its own, which can be stopped and started again with all it holds."""

    def __init__(self, folder):
        self.folder, self.process, self.port = folder, None, 0
        self.key = folder / "key"
        self.write_key(self.key, SECRET)

    @staticmethod
    def write_key(path, secret):
        path.write_text("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n" % (USER, secret))
        path.chmod(0o600)

    def start(self):
        port = self.folder / "swift" / "port"
        port.unlink(missing_ok=True)
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([SYSTEM_PYTHON, HERE / "object_server.py", self.folder / "swift", SECRET, str(self.port)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until("the object store serves: ", lambda: self.process.poll() is not None or port.exists(), patience=120)
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        self.port = int(port.read_text())

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        if how != signal.SIGSTOP:
            self.process.wait(30)

    def rclone(self, *args, check=True):
        environment = {"RCLONE_CONFIG": "", "RCLONE_CONFIG_S_TYPE": "s3", "RCLONE_CONFIG_S_PROVIDER": "Other",
                       "RCLONE_CONFIG_S_ENV_AUTH": "true", "RCLONE_CONFIG_S_REGION": "us-east-1",
                       "RCLONE_CONFIG_S_ENDPOINT": "http://127.0.0.1:%d" % self.port, "PATH": "/usr/bin:/bin",
                       "RCLONE_CONFIG_S_FORCE_PATH_STYLE": "true", "AWS_SHARED_CREDENTIALS_FILE": str(self.key)}
        done = subprocess.run(["rclone", *args], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=120)
        assert not check or done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def names(self, bucket):
        return sorted(self.rclone("lsf", "-R", "--files-only", "S:" + bucket).decode().split("\n")[:-1])

    def read(self, path):
        return self.rclone("cat", "S:" + path)

    def put(self, path, content):
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            self.rclone("copyto", file.name, "S:" + path)


@pytest.fixture(scope="module")
def store():
    reason = missing()
    if reason:
        pytest.skip(reason)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rls."))
    store = Store(folder)
    try:
        store.start()
        yield store
    finally:
        if store.process is not None and store.process.poll() is None:
            store.process.kill()
            store.process.wait()
        shutil.rmtree(folder)


class ObjectNode(RunNode):
    def use(self, store, **objects):
        values = dict({"endpoint": "http://127.0.0.1:%d" % store.port, "credentials": store.key, "timeout": "30s"}, **objects)
        self.configure(extra="objects:\n" + "".join("  %s: %s\n" % v for v in values.items()))

    def job(self, text, mounts, name="job", **runtime):
        self.write("job.py", text)
        spec = {"kind": "job", "spec": {
            "name": name,
            "infrastructure": {"kind": "infrastructure", "type": "dataScienceJob", "spec": {
                "storageMount": [dict({"src": s, "dest": d}, **({"readOnly": True} if ro else {})) for s, d, ro in mounts]}},
            "runtime": {"kind": "runtime", "type": "script", "spec": dict({"scriptPathURI": "job.py"}, **runtime)}}}
        return self.write(name + ".yaml", json.dumps(spec))

    def storage(self, run_id):
        return [f for f in facts(self.state / "runs" / run_id / "supervisor.journal") if f["event"] == "storage"]

    def assert_nothing_left(self, run_id):
        scratch = self.state / "runs" / run_id / "scratch"
        assert not scratch.exists()
        assert str(self.root) not in pathlib.Path("/proc/self/mountinfo").read_text()
        for entry in os.listdir("/proc"):
            try:
                words = pathlib.Path("/proc", entry, "cmdline").read_bytes() if entry.isdigit() else b""
                group = pathlib.Path("/proc", entry, "mountinfo").read_bytes() if b"rclone" in words and b"mount" in words else b""
            except OSError:
                continue
            assert str(self.root).encode() not in group, words


@pytest.fixture
def node(bin_dir, store):
    node = ObjectNode(bin_dir)
    node.use(store)
    yield node
    node.close()


@pytest.fixture
def bucket(store, request):
    name = "b%d-%d" % (os.getpid(), time.monotonic_ns())
    store.rclone("mkdir", "S:" + name)
    return name


def test_what_a_job_writes_is_in_the_bucket_when_it_has_ended(node, store, bucket):
    store.put(bucket + "/old", b"old\n")
    store.put(bucket + "/gone", b"gone\n")
    job = node.job("""
import os
d = "/mnt/data"
print(open(d + "/old").read(), end="")
os.makedirs(d + "/a/b")
open(d + "/a/b/new", "w").write("new\\n")
open(d + "/first", "w").write("moved\\n")
os.rename(d + "/first", d + "/second")
os.remove(d + "/gone")
with open(d + "/old", "a") as f: f.write("more\\n")
with open(d + "/big", "wb") as f:
    for i in range(24): f.write(bytes([i]) * (1 << 20))
print(os.stat(d + "/a/b/new").st_uid == os.getuid(), sorted(os.listdir(d)))
""", [("oci://%s@any" % bucket, "data", False)])
    run = node.run("-q", job)
    assert run.status == 0, run
    assert run.text == "old\nTrue ['a', 'big', 'old', 'second']\n"
    assert store.names(bucket) == ["a/b/new", "big", "old", "second"]
    assert store.read(bucket + "/a/b/new") == b"new\n"
    assert store.read(bucket + "/second") == b"moved\n"
    assert store.read(bucket + "/old") == b"old\nmore\n"
    assert store.read(bucket + "/big") == b"".join(bytes([i]) * (1 << 20) for i in range(24))
    steps = [(f["step"], f["state"]) for f in node.storage(run.id)]
    assert steps[0] == ("mount", "done") and steps[-1] == ("upload", "done")
    node.assert_nothing_left(run.id)


def failed(run, *words):
    assert run.status != 0, run
    for word in words:
        assert word in run.words, (word, run)
    assert SECRET not in run.words and SECRET.encode() not in run.out


def cause(node, run):
    return node.status_json(run.id)["cause"]


def test_a_prefix_is_the_top_and_s3_is_spoken_too(node, store, bucket):
    store.put(bucket + "/in/here", b"1")
    store.put(bucket + "/outside", b"2")
    job = node.job("""
import os
print(sorted(os.listdir("/mnt/p")), os.path.exists("/mnt/p/outside"))
open("/mnt/p/out", "w").write("3")
""", [("s3://%s/in" % bucket, "p", False)])
    run = node.run("-q", job)
    assert run.status == 0 and run.text == "['here'] False\n", run
    assert store.names(bucket) == ["in/here", "in/out", "outside"]


def test_read_only_is(node, store, bucket):
    store.put(bucket + "/x", b"kept")
    job = node.job("""
import os
for what in (lambda: open("/mnt/ro/x", "w"), lambda: open("/mnt/ro/y", "w"), lambda: os.remove("/mnt/ro/x"), lambda: os.mkdir("/mnt/ro/d")):
    try:
        what()
        print("passed")
    except OSError as e:
        print(e.errno)
print(open("/mnt/ro/x").read())
""", [("oci://%s@any" % bucket, "ro", True)])
    run = node.run("-q", job)
    assert run.status == 0 and run.text == "30\n" * 4 + "kept\n", run
    assert store.names(bucket) == ["x"]
    node.assert_nothing_left(run.id)


def test_two_buckets_one_in_the_other(node, store, bucket):
    other = bucket + "-2"
    store.rclone("mkdir", "S:" + other)
    job = node.job("""
open("/mnt/one/a", "w").write("a")
open("/mnt/one/two/b", "w").write("b")
""", [("oci://%s@any/deep" % other, "/mnt/one/two", False), ("oci://%s@any" % bucket, "/mnt/one", False)])
    store.put(bucket + "/two/there", b"")
    run = node.run("-q", job)
    assert run.status == 0, run
    assert store.names(bucket) == ["a", "two/there"] and store.names(other) == ["deep/b"]


def test_a_wrong_key_is_told_and_never_shown(node, store, bucket):
    wrong = node.root / "wrong"
    secret = "wrong-" + SECRET
    store.write_key(wrong, secret)
    node.use(store, credentials=wrong)
    run = node.run(node.job("print('ran')", [("oci://%s@any" % bucket, "d", False)]))
    failed(run, "storage", bucket, "/mnt/d", "objects.credentials")
    assert "ran" not in run.text and cause(node, run) == "storage-failed"
    for path in node.root.rglob("*"):
        if path.is_file() and path != wrong:
            assert secret.encode() not in path.read_bytes(), path
    node.assert_nothing_left(run.id)


@pytest.mark.parametrize("mode, owner", [(0o644, 0), (0o600, 65534)])
def test_a_key_that_others_can_read_is_refused(node, store, bucket, mode, owner):
    key = node.root / "loose"
    store.write_key(key, SECRET)
    key.chmod(mode)
    os.chown(key, owner, 0)
    node.use(store, credentials=key)
    failed(node.run(node.job("", [("oci://%s@any" % bucket, "d", False)])), "chmod 0600")


def test_a_bucket_that_is_not_there(node, store, bucket):
    run = node.run(node.job("", [("oci://no-such-bucket@any", "d", False)]))
    failed(run, "no-such-bucket", "check the names of bucket and namespace")


def test_a_bucket_that_the_node_does_not_grant(node, store, bucket):
    node.use(store, buckets="data-*,other")
    failed(node.run(node.job("", [("oci://%s@any" % bucket, "d", False)])), "objects.buckets")


def test_a_failure_can_be_an_empty_folder(node, store, bucket):
    node.use(store, onFailure="ignore")
    run = node.run("-q", node.job("import os\nprint(os.listdir('/mnt/d'))", [("oci://no-such-bucket@any", "d", False)]))
    assert run.status == 0 and run.text == "[]\n", run


def rclones(node):
    """The processes that serve a mount of this node's runs: pid and status."""
    found = {}
    for entry in os.listdir("/proc"):
        try:
            words = pathlib.Path("/proc", entry, "cmdline").read_bytes().split(b"\0") if entry.isdigit() else [b""]
            if words[:2] != [b"rclone", b"mount"]:
                continue
            if str(node.root).encode() in pathlib.Path("/proc", entry, "mountinfo").read_bytes():
                found[int(entry)] = b" ".join(words).decode()
        except OSError:
            continue
    return found


def test_rclone_has_no_rights_and_the_key_is_on_no_command_line(node, store, bucket):
    job = node.job("import time, os\nprint('ready', flush=True)\nwhile not os.path.exists('/mnt/d/go'): time.sleep(0.2)",
                   [("oci://%s@any" % bucket, "d", False)])
    run = node.start_run("-q", job)
    run.await_output(b"ready")
    (pid, words), = rclones(node).items()
    assert SECRET not in words and USER not in words
    status = dict((k, v.split()) for k, _, v in (line.partition(":") for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines()))
    assert status["Uid"] == ["65530"] * 4 and status["Gid"] == ["65530"] * 4 and status["NoNewPrivs"] == ["1"]
    assert status["CapPrm"] == status["CapEff"] == status["CapAmb"] == ["0" * 16]
    assert SECRET.encode() not in pathlib.Path("/proc/%d/environ" % pid).read_bytes()
    store.put(bucket + "/go", b"")
    assert run.end(120).status == 0


LOSES_ITS_BUCKET = """
import os, time
with open("/mnt/d/early", "w") as f: f.write("x" * 1000)
%s
print("ready", flush=True)
while True:
    try:
        os.listdir("/mnt/d")
        time.sleep(0.1)
    except OSError as e:
        print("error", e.errno)
        break
"""


def lose_the_bucket(node, bucket, more):
    run = node.start_run("-q", node.job(LOSES_ITS_BUCKET % more, [("oci://%s@any" % bucket, "d", False)]))
    run_id = run.await_id()
    run.await_output(b"ready")
    notes = node.state / "runs" / run_id / "scratch" / "objects-0" / "vfsMeta"
    until("rclone has closed the file", lambda: any('"Size": 1000,' in p.read_text() for p in notes.rglob("early")))
    (pid, _), = rclones(node).items()
    os.kill(pid, signal.SIGKILL)
    end = run.end(120)
    assert b"error" in end.out, end
    return end


def test_rclone_that_dies_is_an_error_to_the_job_and_not_the_end_of_what_it_wrote(node, store, bucket):
    end = lose_the_bucket(node, bucket, "")
    assert end.status == 0, end
    assert store.read(bucket + "/early") == b"x" * 1000
    assert ("server", "lost") in [(f["step"], f["state"]) for f in node.storage(end.id)]
    node.assert_nothing_left(end.id)


def test_what_was_being_written_when_rclone_died_is_not_taken_for_whole(node, store, bucket):
    end = lose_the_bucket(node, bucket, "f = open('/mnt/d/half', 'w'); f.write('y' * 70000); f.flush()")
    assert end.status != 0 and cause(node, end) == "storage-failed", end
    assert "half" in end.words and "half" not in store.names(bucket)
    node.assert_nothing_left(end.id)


def test_rclone_that_dies_can_end_the_run(node, store, bucket):
    node.use(store, onLost="fail")
    job = node.job("import time\nprint('ready', flush=True)\ntime.sleep(600)", [("oci://%s@any" % bucket, "d", False)])
    run = node.start_run("-q", job)
    run.await_output(b"ready")
    (pid, _), = rclones(node).items()
    os.kill(pid, signal.SIGKILL)
    end = run.end(120)
    assert end.status != 0 and cause(node, end) == "storage-failed", end


def test_a_supervisor_that_is_killed_leaves_nothing(node, store, bucket):
    job = node.job("import time\nopen('/mnt/d/x', 'w').write('x')\nprint('ready', flush=True)\ntime.sleep(600)",
                   [("oci://%s@any" % bucket, "d", False)])
    run = node.start_run("-q", job)
    run.await_output(b"ready")
    (rclone, _), = rclones(node).items()
    room = int(pathlib.Path("/proc/%d/stat" % rclone).read_text().rpartition(")")[2].split()[1])
    supervisor = int(pathlib.Path("/proc/%d/stat" % room).read_text().rpartition(")")[2].split()[1])
    os.kill(supervisor, signal.SIGKILL)
    end = run.end(120)
    assert end.status != 0, end
    until("the rest has gone", lambda: not rclones(node) and not os.path.exists("/proc/%d" % room))
    node.assert_nothing_left(end.id)


def test_a_job_may_end_at_its_deadline_with_uploads_to_do(node, store, bucket):
    job = node.job("""
import time
with open("/mnt/d/big", "wb") as f: f.write(b"y" * (20 << 20))
print("ready", flush=True)
time.sleep(600)
""", [("oci://%s@any" % bucket, "d", False)])
    text = json.loads(job.read_text())
    text["spec"]["x-runlet"] = {"maximumRuntime": "8s", "stopGrace": "1s"}
    job.write_text(json.dumps(text))
    run = node.run("-q", job, timeout=180)
    assert cause(node, run) == "deadline-exceeded", run
    assert store.read(bucket + "/big") == b"y" * (20 << 20)


@pytest.fixture
def own_store(bin_dir):
    """One that the test may stop."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rls."))
    store = Store(folder)
    try:
        store.start()
        store.rclone("mkdir", "S:bucket")
        yield store
    finally:
        if store.process.poll() is None:
            store.process.kill()
            store.process.wait()
        shutil.rmtree(folder)


def test_a_server_that_is_gone_at_each_step(node, own_store):
    mounts = [("oci://bucket@any", "d", False)]
    node.use(own_store, timeout="6s", uploadTime="5s")
    # Before the run.
    own_store.stop()
    run = node.run(node.job("print('ran')", mounts), timeout=180)
    failed(run, "bucket", "/mnt/d", "objects.endpoint")
    assert cause(node, run) == "storage-failed" and "ran" not in run.text
    node.assert_nothing_left(run.id)
    # When the job has ended: what it wrote is named, and its own end is kept.
    own_store.start()
    job = node.job("""
import os, time
print("ready", flush=True)
while not os.path.exists("/home/datascience/go"): time.sleep(0.1)
with open("/mnt/d/lost-1", "w") as f: f.write("1")
""", mounts)
    started = node.start_run("-q", job)
    run_id = started.await_id()
    started.await_output(b"ready")
    own_store.stop()
    (node.state / "runs" / run_id / "home" / "go").write_text("")
    end = started.end(180)
    assert end.status != 0 and cause(node, end) == "storage-failed", end
    assert node.status_json(run_id)["exitCode"] == 0
    assert "lost-1" in node.status_json(run_id)["notUploaded"]
    assert "lost-1" in end.words and "1 file" in end.words, end
    node.assert_nothing_left(run_id)
    # A job that failed by itself says its own failure.
    own_store.start()
    started = node.start_run("-q", node.job(job.parent.joinpath("job.py").read_text() + "raise SystemExit(7)", mounts))
    run_id = started.await_id()
    started.await_output(b"ready")
    own_store.stop()
    (node.state / "runs" / run_id / "home" / "go").write_text("")
    end = started.end(180)
    assert end.status == 7, end
    assert ("upload", "failed") in [(f["step"], f["state"]) for f in node.storage(run_id)]


def outputs(node, job, *entries, **more):
    text = json.loads(job.read_text())
    text["spec"]["x-runlet"] = dict({"outputs": list(entries)}, **more)
    job.write_text(json.dumps(text))
    return job


@pytest.mark.parametrize("end, copied", [("", ["a/always/r", "s/a", "s/d/b", "s/d/x", "s1/a"]), ("raise SystemExit(3)", ["a/always/r"]),
                                         ("import time\ntime.sleep(600)", ["a/always/r"])])
def test_outputs(node, store, bucket, end, copied):
    job = outputs(node, node.job("""
import os
os.makedirs("results/d", mode=0o700)
os.mkdir("kept")
open("results/a", "w").write("a")
open("results/d/b", "w").write("b")
os.symlink("/etc/passwd", "results/link")
os.mkfifo("results/pipe")
open("kept/r", "w").write("r")
open("results/d/x", "w").write("x")
""" + end, []), {"from": "results", "to": "oci://%s@any/s" % bucket},
        {"from": "/home/datascience/results/a", "to": "s3://%s/s1" % bucket, "when": "success"},
        {"from": "kept", "to": "oci://%s@any/a/always" % bucket, "when": "always"}, maximumRuntime="10s", stopGrace="1s")
    run = node.run("-q", job, timeout=180)
    assert (run.status == 0) == (end == ""), run
    assert store.names(bucket) == copied
    if end:
        assert cause(node, run) != "storage-failed"
    node.assert_nothing_left(run.id)


@pytest.mark.parametrize("text, word", [("", "No such file"), ("import os\nos.symlink('/etc', 'out')", "link"),
                                        ("import os\nos.symlink('/', 'top')\nos.mkdir('out')\nos.rmdir('out')\nos.mkfifo('out')", "neither")])
def test_an_output_that_is_not_there_fails_the_run(node, store, bucket, text, word):
    run = node.run(outputs(node, node.job(text, []), {"from": "out", "to": "oci://%s@any/x" % bucket}), timeout=180)
    failed(run, "out", word)
    assert cause(node, run) == "storage-failed" and store.names(bucket) == []


def test_outputs_and_buckets_of_a_run_with_a_disk_of_its_own(node, store, bucket):
    job = outputs(node, node.job("""
import os
open("/home/datascience/r", "w").write("r")
with open("/mnt/d/x", "wb") as f: f.write(b"x" * (8 << 20))
try:
    with open("/mnt/d/toobig", "wb") as f:
        for i in range(100): f.write(b"z" * (1 << 20))
    print("fits")
except OSError as e:
    print("full", e.errno)
os.remove("/mnt/d/toobig")
""", [("oci://%s@any/m" % bucket, "d", False)]), {"from": "r", "to": "s3://%s/o" % bucket}, limits={"scratch": "64M"})
    run = node.run("-q", job, timeout=180)
    if "scratch" in run.words and run.status == 125:
        pytest.skip("this machine cannot limit scratch space")
    assert run.status == 0 and run.text.startswith("full"), run
    assert store.names(bucket) == ["m/x", "o/r"]
    node.assert_nothing_left(run.id)


def saving(node, own_store, more=""):
    """A run whose job has ended and whose upload cannot: (its start, its id, its supervisor's pid)."""
    node.use(own_store, timeout="6s", uploadTime="10m")
    job = node.job("""
import os, time
print("ready", flush=True)
while not os.path.exists("/home/datascience/go"): time.sleep(0.1)
with open("/mnt/d/waits", "w") as f: f.write("1" * 2000)
""" + more, [("oci://bucket@any", "d", False)])
    started = node.start_run(job)
    run_id = started.await_id()
    started.await_output(b"ready")
    (rclone, _), = rclones(node).items()
    room = int(pathlib.Path("/proc/%d/stat" % rclone).read_text().rpartition(")")[2].split()[1])
    own_store.stop(signal.SIGSTOP)
    (node.state / "runs" / run_id / "home" / "go").write_text("")
    until("it uploads", lambda: "1 file, 2.0 KB" in node.status_json(run_id).get("uploading", ""))
    return started, run_id, int(pathlib.Path("/proc/%d/stat" % room).read_text().rpartition(")")[2].split()[1])


def test_a_supervisor_that_is_killed_while_it_uploads_is_no_success(node, own_store):
    started, run_id, supervisor = saving(node, own_store)
    os.kill(supervisor, signal.SIGKILL)
    end = started.end(120)
    assert end.status != 0 and cause(node, end) == "storage-failed", end
    assert node.status_json(run_id)["exitCode"] == 0
    until("the rest has gone", lambda: not rclones(node))
    node.assert_nothing_left(run_id)
    own_store.process.send_signal(signal.SIGCONT)


def test_an_upload_can_wait_for_its_server_and_can_be_given_up(node, own_store):
    started, run_id, _ = saving(node, own_store)
    own_store.process.send_signal(signal.SIGCONT)
    end = started.end(180)
    assert end.status == 0, end
    assert own_store.read("bucket/waits") == b"1" * 2000
    started, run_id, _ = saving(node, own_store)
    # The first asks it to stop, which it has; the second to kill what is left.
    started.process.send_signal(signal.SIGINT)
    until("the first was heard", lambda: b"Ctrl-C" in started.err.read_bytes())
    started.process.send_signal(signal.SIGINT)
    end = started.end(120)
    assert end.status != 0 and cause(node, end) == "storage-failed", end
    assert "waits" in node.status_json(run_id)["notUploaded"]
    node.assert_nothing_left(run_id)
    own_store.process.send_signal(signal.SIGCONT)


def test_the_key_is_nowhere(node, store, bucket):
    job = node.job("""
import os, subprocess
text = subprocess.run(["sh", "-c", "cat /proc/*/environ /proc/*/cmdline /proc/self/mountinfo; ls -laR /proc/self/fd; env"],
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
open("/mnt/d/seen", "wb").write(text)
print(len(text) > 0)
""", [("oci://%s@any" % bucket, "d", False)])
    run = node.run(job)
    assert run.status == 0, run
    for text in (run.out, run.err, store.read(bucket + "/seen")):
        assert SECRET.encode() not in text and USER.encode() not in text
    for path in node.root.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    options = node.call("config", "supervisor-options")
    assert SECRET.encode() not in options.out
