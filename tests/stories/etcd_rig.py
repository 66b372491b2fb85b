"""One real etcd for a story, and the operator's side of its keys: what docs/contract/etcd.md says, in a few lines of Python."""
import base64
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from node_rig import PATIENCE, until
from run_rig import RunNode

ENDS = ("SUCCEEDED", "FAILED", "CANCELED", "NEEDS_ATTENTION")


def why_no_etcd():
    """Why this machine cannot have one, or None."""
    return None if shutil.which("etcd") else "needs the program etcd (package etcd-server)"


def _free_ports(count):
    """Ports that the kernel had to give away just now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def when(key, target, **value):
    return dict(key=b64(key), target=target, result="EQUAL", **value)


def put(key, value):
    return {"request_put": {"key": b64(key), "value": b64(value if isinstance(value, (str, bytes)) else json.dumps(value))}}


def delete(key):
    return {"request_delete_range": {"key": b64(key)}}


class Etcd:
    """An etcd of one member. It keeps its port and what it has written over stop and start."""

    def __init__(self, prefix="/runlet", tls=None):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="rl-etcd."))
        self.root.chmod(0o755)
        self.prefix, self.tls, self.process, self.token = prefix, tls, None, None
        self.scheme = "https" if tls else "http"
        for attempt in range(5):
            self.port, self.peer = _free_ports(2)
            if self.start(attempt < 4):
                break

    @property
    def endpoint(self):
        return "%s://127.0.0.1:%d" % (self.scheme, self.port)

    def start(self, may_fail=False):
        peer = "http://127.0.0.1:%d" % self.peer
        words = ["etcd", "--name", "one", "--data-dir", self.root / "data", "--listen-client-urls", self.endpoint,
                 "--advertise-client-urls", self.endpoint, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                 "--initial-cluster", "one=" + peer, "--log-level", "warn", "--logger", "zap"]
        if self.tls:
            words += ["--cert-file", self.tls["server.pem"], "--key-file", self.tls["server.key"], "--client-cert-auth",
                      "--trusted-ca-file", self.tls["ca.pem"]]
        with open(self.root / "log", "ab") as log:
            self.process = subprocess.Popen([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.root)
        until("etcd serves: %s" % self.tail(), lambda: self.process.poll() is not None or self._serves())
        assert may_fail or self.process.poll() is None, self.tail()
        return self.process.poll() is None

    def tail(self):
        path = self.root / "log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def _serves(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                pass
            self.call("kv/range", key=b64("/"), limit="1")
            return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(PATIENCE)

    def close(self):
        if self.process is not None:
            self.stop(signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)

    # ---- its gateway ----

    def call(self, path, timeout=10, **body):
        context = None
        if self.tls:
            context = ssl.create_default_context(cafile=self.tls["ca.pem"])
            context.load_cert_chain(self.tls["client.pem"], self.tls["client.key"])
        request = urllib.request.Request("%s/v3/%s" % (self.endpoint, path), json.dumps(body).encode(),
                                         {"Authorization": self.token} if self.token else {})
        with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:
            return json.load(answer)

    def txn(self, compare, success, failure=()):
        return self.call("kv/txn", compare=list(compare), success=list(success), failure=list(failure))

    def key(self, *parts):
        return "/".join((self.prefix,) + parts)

    def kvs(self, *parts, below=False):
        """[(key below the prefix, text, whole kv)]"""
        key = self.key(*parts) + ("/" if below else "")
        body = {"key": b64(key)}
        if below:
            body["range_end"] = b64(key[:-1] + "0")
        found = self.call("kv/range", **body).get("kvs", [])
        return [(base64.b64decode(kv["key"]).decode()[len(self.prefix) + 1:], base64.b64decode(kv.get("value", "")).decode(), kv)
                for kv in found]

    def read(self, *parts):
        """The JSON of one key, or None."""
        found = self.kvs(*parts)
        return json.loads(found[0][1]) if found else None

    def names(self, *parts):
        return [name for name, _, _ in self.kvs(*parts, below=True)]

    def revision(self):
        return int(self.call("kv/range", key=b64("/"), limit="1")["header"]["revision"])

    # ---- operators ----

    def submit(self, run, script, pool="default", priority=0, on_lost="fail", attempts=1, x_runlet=None, document=None, env=None):
        job = {"id": "job.1", "displayName": "j",
               "jobConfigurationDetails": {"jobType": "DEFAULT", "environmentVariables": env or {}}}
        if x_runlet:
            job["x-runlet"] = x_runlet
        assignment = document or json.dumps({
            "job": job, "jobRun": {"id": run, "jobId": "job.1", "displayName": run}, "runtime": "artifact",
            "artifact": {"fileName": "job.sh", "parts": [{"form": "file", "name": "job.sh", "into": "", "content": b64(script)}]}})
        now = time.time()
        stamp = "%s.%03dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)), int(now * 1000) % 1000)
        state = {"run": run, "pool": pool, "priority": priority, "onLost": on_lost, "attempts": attempts, "timeSubmitted": stamp,
                 "lifecycleState": "ACCEPTED", "attempt": 0, "epoch": 0, "sequence": 0}
        waiting = self.key("queue", pool, "%04d.%013d.%s" % (1000 - priority, int(now * 1000), run))
        done = self.txn([when(self.key("states", run), "CREATE", create_revision="0")],
                        [put(self.key("assignments", run), assignment), put(self.key("states", run), state), put(waiting, state)])
        assert done.get("succeeded"), done
        return waiting

    def state(self, run):
        return self.read("states", run)

    def await_state(self, run, *states, patience=PATIENCE, node=None):
        def there():
            state = self.state(run)
            return state if state["lifecycleState"] in states else None

        return until("%s is %s: %s" % (run, " or ".join(states), node.tail() if node else ""), there, patience, 0.05)

    def await_end(self, run, patience=PATIENCE, node=None):
        return self.await_state(run, *ENDS, patience=patience, node=node)

    def cancel_waiting(self, run, waiting):
        kv = self.kvs(waiting[len(self.prefix) + 1:])[0][2]
        state = dict(self.state(run), lifecycleState="CANCELED", cause="cancelled")
        return self.txn([when(waiting, "MOD", mod_revision=kv["mod_revision"])],
                        [delete(waiting), put(self.key("states", run), state)]).get("succeeded", False)

    def direct(self, node, run, **directive):
        self.txn([], [put(self.key("inbox", node, "runs", run), directive)])

    def direct_node(self, node, **directive):
        self.txn([], [put(self.key("inbox", node, "node", "%013d" % (time.time() * 1000)), directive)])


class EtcdNode(RunNode):
    """A node of that etcd. Its name is its machine's in a UTS namespace of its own."""

    def __init__(self, bin_dir, etcd, name, concurrency=1, lease="5s", extra="", endpoints=None):
        self.etcd, self.name = etcd, name
        super().__init__(bin_dir, concurrency=concurrency,
                         extra="etcd:\n  endpoints: %s\n  leaseTime: %s\n%s" % (endpoints or etcd.endpoint, lease, extra))
        self.prefix = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name]

    def registered(self):
        until("%s is registered: %s" % (self.name, self.tail()), lambda: self.etcd.read("nodes", self.name))
        return self

    def takes_runs(self):
        """Waits until it stands in the line."""
        until("%s stands in the line: %s" % (self.name, self.tail()),
              lambda: any(name.endswith("." + self.name) for name in self.etcd.names("line")))
        return self


def certificates(folder):
    """A CA, and certificates of 127.0.0.1 and of a client."""
    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=PATIENCE)

    files = {name: str(folder / name) for name in
             ("ca.pem", "ca.key", "server.pem", "server.key", "client.pem", "client.key", "other.pem", "other.key")}
    for ca in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + ca,
                "-keyout", files[ca + ".key"], "-out", files[ca + ".pem"])
    for name, usage in (("server", "serverAuth,clientAuth"), ("client", "clientAuth")):
        extension, request = folder / (name + ".ext"), folder / (name + ".csr")
        extension.write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=%s\n" % usage)
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/O=runlet", "-keyout",
                files[name + ".key"], "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", files["ca.pem"], "-CAkey", files["ca.key"], "-CAcreateserial", "-days", "2",
                "-extfile", extension, "-out", files[name + ".pem"])
    for path in files.values():
        os.chmod(path, 0o644)
    return files
