"""The documents against a node that lives: the API as it answers, the files as they lie, the job's view, README's output."""
import grp
import json
import os
import pwd
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import yaml

from documents import BIN, ROOT, RUNLET, call, codes, fences, first_codes, read, table

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it executes jobs")

API = "docs/api/runletd.openapi.yaml"
FILES = "docs/contract/files-on-disk.md"
VIEW = "docs/contract/job-view.md"
PATIENCE = 60

# Asks the API over its socket; also run as another user, hence a program of its own.
CLIENT = r"""
import socket, sys
path, method, url = sys.argv[1:4]
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.settimeout(30)
s.connect(path)
s.sendall(("%s %s HTTP/1.1\r\nHost: runlet\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % (method, url)).encode())
while True:
    part = s.recv(65536)
    if not part:
        break
    sys.stdout.buffer.write(part)
"""


def until(what, condition):
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.05)
    return value


class Node:
    """A state and a runtime directory with a configuration, and runletd when asked for."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="runlet-docs-"))
        self.folder.chmod(0o755)  # also for the job's user and the group's members
        self.config = self.folder / "c.yaml"
        self.user, self.group = ("runlet", "runlet") if self.known("runlet") else ("nobody", "nogroup")
        self.config.write_text(f"directories:\n  state: {self.folder}/state\n  run: {self.folder}/run\n"
                               f"agent:\n  user: {self.user}\n  group: {self.group}\n")
        self.daemon = None

    @staticmethod
    def known(user):
        try:
            return bool(pwd.getpwnam(user) and grp.getgrnam(user))
        except KeyError:
            return False

    def start(self):
        with open(self.folder / "runletd.log", "wb") as log:
            self.daemon = subprocess.Popen([BIN / "runletd", "--config", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until("the API answers, or runletd ended", lambda: self.daemon.poll() is not None or self.answers())
        assert self.daemon.poll() is None, (self.folder / "runletd.log").read_text()

    def answers(self):
        try:
            return self.ask("GET", "/v1/node")[0] == 200
        except AssertionError:  # nobody listens yet
            return False

    def ask(self, method, url, **who):
        done = subprocess.run([sys.executable, "-c", CLIENT, f"{self.folder}/run/api.sock", method, url], capture_output=True,
                              timeout=60, check=False, **who)
        assert done.returncode == 0, done.stderr
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body) if b"application/json" in head else body.decode()

    def runlet(self, *words):
        return call(RUNLET, "--config", self.config, *words, cwd=self.folder)

    def job(self, name, text):
        (self.folder / name).write_text(text)
        return name

    def close(self):
        for view in self.live():
            self.runlet("cancel", view["id"])
        for view in self.live():
            self.runlet("wait", view["id"])
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)

    def live(self):
        done = self.runlet("status", "--json")
        return [v for v in json.loads(done.stdout or "[]") if v.get("phase", "FINISHED") != "FINISHED"] if done.returncode == 0 else []


@pytest.fixture(name="node")
def fixture_node():
    node = Node()
    try:
        yield node
    finally:
        node.close()


# ---- the API ----

def resolve(document, part):
    while "$ref" in part:
        target = document
        for key in part["$ref"].lstrip("#/").split("/"):
            target = target[key]
        part = target
    return part


def check(document, schema, value, where="body"):
    """As much of JSON Schema as the document uses; a member that is not documented is a mistake."""
    schema = resolve(document, schema)
    types = {"object": dict, "string": str, "integer": int, "boolean": bool, "array": list}
    assert isinstance(value, types[schema["type"]]), where
    assert schema["type"] == "boolean" or not isinstance(value, bool), where
    assert "enum" not in schema or value in schema["enum"], f"{where}: {value}"
    assert "minimum" not in schema or value >= schema["minimum"], where
    assert "maximum" not in schema or value <= schema["maximum"], where
    if schema.get("format") == "date-time":
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value), where
    if schema["type"] == "array":
        for i, item in enumerate(value):
            check(document, schema["items"], item, f"{where}[{i}]")
    if schema["type"] == "object":
        for name in schema.get("required", []):
            assert name in value, f"{where} has no {name}"
        for name, member in value.items():
            assert name in schema["properties"], f"{where}: {name} is not documented"
            check(document, schema["properties"][name], member, f"{where}.{name}")


class Checked:
    """Asks the node and holds each answer against the document; remembers what was asked."""

    def __init__(self, node):
        self.node, self.document, self.seen = node, yaml.safe_load(read(API)), set()

    def __call__(self, status, method, template, run="x", query="", **who):
        operation = self.document["paths"][template][method.lower()]
        found, body = self.node.ask(method, template.replace("{runId}", run) + query, **who)
        assert found == status, body
        response = resolve(self.document, operation["responses"].get(str(status), operation["responses"]["default"]))
        check(self.document, response["content"]["text/plain" if isinstance(body, str) else "application/json"]["schema"], body)
        self.seen |= {(template, method.lower(), str(status))}
        return body


def documented(document):
    for template, item in document["paths"].items():
        for method in set(item) & {"get", "post", "put", "delete", "patch"}:
            for status in item[method]["responses"]:
                if status != "default":
                    yield template, method, status


def test_api_is_served_as_documented(node):
    node.start()
    ask = Checked(node)
    stubborn = node.job("long.py", "import time\nprint('up', flush=True)\ntime.sleep(600)\n")
    run = node.runlet("submit", stubborn, "--name", "first").stdout.strip()
    ask(200, "GET", "/v1/node")
    assert "\nrunlet_node_ready " in ask(200, "GET", "/metrics")
    until("it runs", lambda: ask(200, "GET", "/v1/runs/{runId}", run)["phase"] == "RUNNING")
    waiting = node.runlet("submit", stubborn).stdout.strip()
    until("the second one waits", lambda: ask(200, "GET", "/v1/node")["waiting"] == 1)
    assert ask(200, "GET", "/v1/node")["notReady"] != ""
    assert "drained" in ask(200, "POST", "/v1/node/drain")
    assert "drained" not in ask(200, "POST", "/v1/node/undrain")
    member = {"user": pwd.getpwnam("nobody").pw_uid, "group": grp.getgrnam(node.group).gr_gid, "extra_groups": []}
    if node.user != "nobody":
        ask(403, "POST", "/v1/runs/{runId}/cancel", run, **member)
        ask(403, "POST", "/v1/runs/{runId}/deadline", run, "?maximumRuntime=2h", **member)
        ask(200, "GET", "/v1/runs/{runId}", run, **member)
        ask(403, "POST", "/v1/node/drain", **member)
        ask(403, "POST", "/v1/node/undrain", **member)
    for each in (waiting, run):
        assert ask(202, "POST", "/v1/runs/{runId}/deadline", each, "?maximumRuntime=2h") == {"id": each}
    ask(400, "POST", "/v1/runs/{runId}/deadline", run, "?maximumRuntime=long")
    for each in (waiting, run):
        assert ask(202, "POST", "/v1/runs/{runId}/cancel", each) == {"id": each}
        until("it ended", lambda each=each: ask(200, "GET", "/v1/runs/{runId}", each)["phase"] == "FINISHED")
    assert ask(200, "GET", "/v1/runs/{runId}", run)["cause"] == "cancelled"
    ended = node.job("code.py", "import sys\nsys.exit(61)\n")
    assert node.runlet("run", "-q", ended).returncode == 61
    newest = json.loads(node.runlet("status", "--json").stdout)[0]["id"]
    assert ask(200, "GET", "/v1/runs/{runId}", newest)["exitCode"] == 61
    ask(404, "GET", "/v1/runs/{runId}", "local.none")
    ask(404, "POST", "/v1/runs/{runId}/cancel", run)
    ask(404, "POST", "/v1/runs/{runId}/deadline", run, "?maximumRuntime=2h")
    missing = set(documented(ask.document)) - ask.seen
    assert node.user == "nobody" or not missing


def test_errors_of_the_api(node):
    node.start()
    document = yaml.safe_load(read(API))
    error = {"$ref": "#/components/schemas/Error"}
    for status, method, url in ((405, "DELETE", "/v1/runs/x"), (405, "GET", "/v1/runs/x/cancel"), (404, "GET", "/v2"), (404, "GET", "/v1/runs/")):
        found, body = node.ask(method, url)
        assert found == status, (method, url, body)
        check(document, error, body)


def test_examples_of_the_api_fit_their_schemas():
    document = yaml.safe_load(read(API))
    for item in document["paths"].values():
        for method in set(item) & {"get", "post"}:
            for response in item[method]["responses"].values():
                (content,) = resolve(document, response)["content"].values()
                examples = [content["example"]] if "example" in content else [e["value"] for e in content["examples"].values()]
                for example in examples:
                    check(document, content["schema"], example)


def test_the_check_can_fail():
    document = {"components": {}}
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
    for bad in ({}, {"a": 1}, {"a": "x", "b": "y"}):
        with pytest.raises(AssertionError):
            check(document, schema, bad)


# ---- what lies on disk ----

def facts(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def run_folders(node):
    (run,) = (p for p in (node.folder / "state/runs").iterdir() if not p.name.startswith("."))
    return run, node.folder / "state/agent" / run.name


def documented_names(path):
    """The table of files as a dictionary: name below a run's two folders -> mode."""
    found = {}
    for row in table(FILES, "Where each file is"):
        mode = re.search(r"0\d{3}", row[1])
        found[codes(row[0])[0].rstrip("/")] = mode.group(0) if mode else None
    return found


def test_files_of_a_run_are_documented(node):
    node.job("main.py", "import sys\nprint('out')\nprint('err', file=sys.stderr)\n")
    assert node.runlet("run", "-q", "--keep", "main.py").returncode == 0
    run, agent = run_folders(node)
    known = documented_names(FILES)
    for base, folder in (("runs/<run>", run), ("agent/<run>", agent)):
        for path in folder.rglob("*"):
            name = f"{base}/{path.relative_to(folder)}"
            if name.startswith("runs/<run>/home/") or path.name in ("log", "parts"):
                continue
            assert name in known, f"{name} is not documented"
            assert known[name] is None or oct(path.stat().st_mode & 0o777)[2:] == known[name][1:], name
            group = "root" if name == "runs/<run>/scratch" else node.group
            assert name in ("runs/<run>/home", "runs/<run>/notice/checkpoint") or path.group() == group, name
    assert not (run / "scratch").exists() and not (agent / "parts").exists()


def members_table(heading):
    """{event: {members}} of a journal's table."""
    return {codes(row[0])[0]: set(codes(row[1])) - {"queue", "foreground"} for row in table(FILES, heading)}


def test_facts_of_a_run_are_documented(node):
    node.job("main.py", "print('out')\n")
    assert node.runlet("run", "-q", "main.py").returncode == 0
    run, agent = run_folders(node)
    for heading, path in (("supervisor.journal", run / "supervisor.journal"), ("agent.journal", agent / "agent.journal")):
        known = members_table(heading)
        found = facts(path)
        assert len(found) > 4
        for fact in found:
            assert set(fact) - {"t", "event"} == known[fact["event"]], fact
    (record,) = facts(run / "exit")
    assert set(record) <= set(first_codes([row[:1] for row in table(FILES, "The exit record")]))
    text = read(FILES)
    for path in (agent / "outbox", agent / "reports.jsonl"):
        for fact in facts(path):
            assert all(f"`{name}`" in text for name in fact), fact
    plan = facts(run / "plan")
    assert plan[0]["plan"] == 1 and len(plan) == 1 + plan[0]["placements"] + plan[0]["args"] + plan[0]["vars"]


def test_index_has_the_documented_layout(node):
    node.job("main.py", "import sys, time\nprint('one', flush=True)\ntime.sleep(0.1)\nprint('two', file=sys.stderr, flush=True)\n")
    assert node.runlet("run", "-q", "main.py").returncode == 0
    run, _ = run_folders(node)
    rows = [(int(row[0]), int(row[1])) for row in table(FILES, "The spool")]
    layout = "<" + "".join({1: "B", 2: "H", 4: "I", 8: "Q"}[size] for _, size in rows)
    assert struct.calcsize(layout) == 24 and all(at == sum(s for _, s in rows[:i]) for i, (at, _) in enumerate(rows))
    log, index = (run / "log/output.log").read_bytes(), (run / "log/output.idx").read_bytes()
    start = last = 0
    streams = {1: b"", 2: b""}
    for entry in (index[i:i + 24] for i in range(0, len(index), 24)):
        when, end, data_crc, stream, flags, seal = struct.unpack(layout, entry)
        assert when > last and end > start and flags == 0
        assert data_crc == crc32c(log[start:end]) and seal == crc32c(entry[:22]) & 0xFFFF
        streams[stream] += log[start:end]
        start, last = end, when
    assert start == len(log) and streams == {1: b"one\n", 2: b"two\n"}


# ---- what the job sees ----

LOOK = """
import json, os, resource
status = dict(l.split(":", 1) for l in open("/proc/self/status"))
pipe = __import__("fcntl").fcntl(1, 1032)
print(json.dumps({"uid": os.getuid(), "gid": os.getgid(), "cwd": os.getcwd(), "home": os.listdir("/home"), "tmp": os.listdir("/tmp"),
    "shm": os.listdir("/dev/shm"), "stdin": os.readlink("/proc/self/fd/0"), "pipe": pipe, "fds": sorted(os.listdir("/proc/self/fd")),
    "caps": [status[k].strip() for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")], "nnp": status["NoNewPrivs"].strip(),
    "blocked": status["SigBlk"].strip(), "ignored": status["SigIgn"].strip(), "nice": os.nice(0), "session": os.getsid(0) == os.getpid(),
    "umask": os.umask(0), "oom": open("/proc/self/oom_score_adj").read().strip(), "core": resource.getrlimit(resource.RLIMIT_CORE),
    "one": open("/proc/1/comm").read().strip(), "mode": oct(os.stat("/home/datascience").st_mode & 0o777), "env": sorted(os.environ)}))
"""


def test_the_job_sees_what_is_documented(node):
    node.job("look.py", LOOK)
    done = node.runlet("run", "-q", "look.py")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    rights = {row[0]: row[1] for row in table(VIEW, "User and rights")}
    streams = {row[0]: row[1] for row in table(VIEW, "Streams, signals, limits")}
    assert f"{seen['uid']} and {seen['gid']}" in rights["user, group"]
    assert set(seen["caps"]) == {"0" * 16} and rights["capabilities"].startswith("none")
    assert seen["nnp"] == "1" and rights["`no_new_privs`"].startswith("set")
    assert seen["session"] and seen["one"] == "runlet-init"
    assert seen["cwd"] == "/home/datascience" and seen["home"] == ["datascience"] and seen["mode"] == "0o750"
    assert seen["tmp"] == [] and seen["shm"] == []
    assert seen["stdin"] == codes(streams["standard input"])[0]
    assert seen["pipe"] == 1 << 20 and "1 MiB" in streams["standard output, error"]
    assert seen["fds"] == ["0", "1", "2", "3"]  # 3: the listing itself
    assert seen["blocked"] == "0" * 16
    assert "%04o" % seen["umask"] == streams["umask"] and str(seen["nice"]) == streams["nice value"]
    assert streams["`oom_score_adj`"].startswith(seen["oom"] + ":") and seen["core"] == [0, 0]
    known = {name for number in (1, 2) for name in first_codes([row[:1] for row in table(VIEW, "Environment", number)])}
    # LC_CTYPE is Python's own doing under LANG=C.UTF-8.
    assert set(seen["env"]) - {"LC_CTYPE"} <= known


# ---- README ----

def test_output_of_the_quickstart_is_what_the_readme_shows(node):
    done = node.runlet("run", ROOT / "examples/quickstart.yaml")
    assert done.returncode == 0, done.stderr
    shown = fences("README.md", "text")[0]

    def plain(text):
        text = text.replace(f"{node.folder}/state", "/var/lib/runlet")
        text = re.sub(r"local\.\d{14}\.[a-z0-9]{8}", "RUN", text)
        return re.sub(r"after [\d.]+ (ms|s|min)( \d+ s)?:", "after TIME:", text).splitlines()

    # Two pipes: which line comes first between them is chance, the order within each is not.
    out, err = plain(done.stdout), plain(done.stderr)
    assert [line for line in plain(shown) if line in set(out)] == out
    assert [line for line in plain(shown) if line not in set(out)] == err


def test_the_readme_s_words_about_the_daemon(node):
    """Each line of the block is executed, with the run that was submitted."""
    (block,) = [b for b in fences("README.md", "sh") if "runlet submit" in b]
    node.start()
    node.job("train.py", "import time\nprint('up', flush=True)\ntime.sleep(600)\n")
    node.job("job.yaml", "kind: job\nspec:\n  name: sample\n  runtime:\n    kind: runtime\n    type: script\n    spec:\n"
                         "      scriptPathURI: train.py\n")
    run, did = "", []
    for line in block.splitlines():
        words = re.sub(r"\s+#.*$", "", line).split()
        if not words or words[0] == "runletd":
            continue
        if words[1:3] == ["logs", "-f"]:
            words.remove("-f")  # it would wait for the end, which only the next line brings
        done = node.runlet(*(run if w == "RUN" else w for w in words[1:]))
        assert done.returncode == (130 if words[1] == "wait" else 0), (line, done.stderr)
        if words[1] == "submit":
            run = done.stdout.strip()
            until("it runs", lambda: json.loads(node.runlet("status", "--json", run).stdout or "{}").get("phase") == "RUNNING")
        did.append(words[1])
    assert did == ["submit", "status", "status", "logs", "deadline", "preempt", "cancel", "drain", "why", "wait"]
