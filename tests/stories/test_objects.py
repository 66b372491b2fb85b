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
