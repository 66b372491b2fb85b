"""A new machine becomes a node: the one-time token of its document is exchanged once, whatever happens on the way."""
import base64
import os
import re
import stat
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from control_rig import ControlNode, ControlPlane, faults, succeeded

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))
from crash_points import CrashFile, Point, has_points  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the credential is given to the agent's group")

TOKEN, CREDENTIAL = "one-time-b7Jx0f3qA9", "credential-eyJhbGciOi"


@pytest.fixture
def node(bin_dir):
    node = ControlNode(bin_dir, ControlPlane(token=CREDENTIAL))
    node.config.write_text(node.config.read_text().split("http:")[0])
    node.plane.ledger.tokens[TOKEN] = ("gpu-17", CREDENTIAL)
    yield node
    node.close()


def document(node, more="", own="token: " + TOKEN, name="bootstrap.yaml"):
    path = node.config.parent / name
    path.write_text("bootstrap:\n  %s\nhttp:\n  endpoint: %s\n  wait: 5s\nnode:\n  pool: training\n%s" % (own, node.plane.url, more))
    path.chmod(0o600)
    return path


def fragment(node):
    return node.config.parent / "runlet.d" / "50-bootstrap.yaml"


def bootstrap(node, *words, status=0, env=None):
    done = subprocess.run([str(node.bin / "runlet"), "--config", str(node.config), "bootstrap", *map(str, words)], capture_output=True,
                          text=True, timeout=120, check=False, env=dict(os.environ, **(env or {})))
    assert done.returncode == status, done
    assert TOKEN not in done.stderr + done.stdout and CREDENTIAL not in done.stderr + done.stdout
    return done.stderr


def left(node):
    """Files of the exchange that are still there."""
    return sorted(p.name for p in node.config.parent.iterdir() if "bootstrap" in p.name)


def is_node(node, name="gpu-17"):
    token = node.config.parent / "node.token"
    assert token.read_text() == CREDENTIAL and stat.S_IMODE(token.stat().st_mode) == 0o640
    shown = node.runlet("config", "show").stdout
    assert "id: %s\n" % name in shown and "pool: training\n" in shown and "auth: bearer\n" in shown
    assert "tokenFile: %s\n" % token in shown and TOKEN not in shown
    assert not left(node)


def test_a_machine_becomes_a_node_and_executes_its_run(node):
    path = document(node, own="token: %s\n  run: run.mine" % TOKEN)
    run = node.offer("run.mine")
    run.wanted_node = "nobody"
    said = bootstrap(node)
    assert "this machine is the node gpu-17 of " + node.plane.url in said and not path.exists()
    is_node(node)
    assert run.wanted_node == "gpu-17"
    assert "this was done before" in bootstrap(node)
    node.start()
    succeeded(node.end(run.id))
    node.judge()


def test_the_user_data_of_the_manual(node):
    """What cloud-init would write is a document, and its keys end up in the configuration."""
    text = re.search(r"```yaml\n(#cloud-config.*?)```", (Path(__file__).resolve().parents[2] / "docs/bootstrap.md").read_text(), re.S).group(1)
    (wanted,) = yaml.safe_load(text)["write_files"]
    assert wanted["path"] == "/etc/runlet/bootstrap.yaml" and len(text.splitlines()) <= 15
    path = node.config.parent / "bootstrap.yaml"
    path.write_text(wanted["content"].replace("https://control-plane.example.com", node.plane.url))
    path.chmod(int(wanted["permissions"], 8))
    node.plane.ledger.tokens["b7Jx0f3qA9"] = ("gpu-17", CREDENTIAL)
    assert "its mode should be" not in bootstrap(node)
    assert "afterRun: poweroff\n" in node.runlet("config", "show").stdout and fragment(node).exists() and not path.exists()


def test_the_name_of_the_document_is_kept(node):
    document(node, "  id: my-name\n")
    bootstrap(node)
    is_node(node, "my-name")


@pytest.mark.parametrize("kind", sorted(faults.KINDS))
def test_every_fault_of_the_exchange(node, kind):
    """A refusal that stays is said; everything else is tried again, and a lost answer costs nothing."""
    document(node)
    final = kind in ("401",)
    fault = node.plane.faults.add("bootstrap", **dict(faults.KINDS[kind], times=2 if final else 1))
    said = bootstrap(node, status=1 if final else 0)
    assert fault.happened
    if final:
        assert "does not take the token: it answered 401 (NotAuthenticated)" in said
        assert "make another token" in said and left(node) == [".bootstrap-key", "bootstrap.yaml"]
        bootstrap(node)
    is_node(node)
    node.judge()


def test_a_used_token_is_refused(node):
    node.plane.ledger.exchanges[TOKEN] = ("somebody else's key, of 32 letters", {})
    document(node)
    assert "this token was used" in bootstrap(node, status=1)
    assert not fragment(node).exists() and not (node.config.parent / "node.token").exists()
    # A new token is a new exchange.
    node.plane.ledger.tokens["another-token"] = ("gpu-17", CREDENTIAL)
    document(node, own="token: another-token")
    bootstrap(node)
    is_node(node)


def test_a_control_plane_that_is_away_is_waited_for_in_vain(node):
    node.plane.close()
    document(node)
    said = bootstrap(node, "--timeout", "3s", status=1)
    assert "the next attempt is in" in said or "connect" in said.lower()
    node.plane.open()
    bootstrap(node)
    is_node(node)


def test_the_token_may_stand_in_a_file_that_goes_with_it(node):
    token = node.root / "token"
    token.write_text(TOKEN + "\n")
    document(node, own="tokenFile: %s" % token)
    bootstrap(node)
    is_node(node)
    assert not token.exists()


@pytest.mark.parametrize("point", ["bootstrap-key-kept", "bootstrap-exchanged", "bootstrap-credential-kept", "bootstrap-configured",
                                   "bootstrap-document-gone"])
def test_it_is_killed_at_every_point(node, bin_dir, point):
    """It is called again, and the token is exchanged once."""
    if not has_points(bin_dir):
        pytest.skip("these programs have no crash points")
    crash = CrashFile(node.root / "crash", Point("", "bootstrap", point, 1))
    document(node)
    bootstrap(node, status=-9, env={"RUNLET_CRASH_FILE": str(crash.path)})
    assert crash.fired()
    bootstrap(node)
    is_node(node)
    # The next document is another exchange.
    node.plane.ledger.tokens["another-token"] = ("gpu-17", CREDENTIAL)
    document(node, own="token: another-token")
    bootstrap(node)
    is_node(node)
    assert len({key for key, _ in node.plane.ledger.exchanges.values()}) == 2
    node.judge()


@pytest.mark.parametrize("text,said", [
    ("bootstrap: {token: x}\n", "1:1: error: http.endpoint is missing"),
    ("http: {endpoint: 'http://x'}\n", "1:1: error: 'bootstrap' is missing"),
    ("bootstrap: {}\nhttp: {endpoint: 'http://x'}\n", "1:12: error: bootstrap: either 'token' or 'tokenFile' is wanted"),
    ("bootstrap: {token: x, tokenfile: y}\nhttp: {endpoint: 'http://x'}\n", "tokenFile"),
    ("bootstrap: {token: x}\nhttp:\n  endpoint: there\n", "3:13: error: http.endpoint: expected"),
    ("bootstrap: {token: x}\nhttp: {endpoint: 'http://x', auth: none}\n", "http.auth: expected bearer"),
    ("bootstrap: {token: x}\nhttp: {endpoint: 'http://x'}\nnode: {pol: y}\n", "unknown key 'node.pol' (did you mean 'node.pool'?)"),
    ("bootstrap: {tokenFile: token}\nhttp: {endpoint: 'http://x'}\n", "tokenFile: expected an absolute path"),
    ("bootstrap: [\n", "error"),
    ("- a\n", "expected a mapping"),
])
def test_a_document_that_is_wrong_is_said_with_its_place(node, text, said):
    path = node.config.parent / "bootstrap.yaml"
    path.write_text(text)
    path.chmod(0o600)
    assert said in bootstrap(node, status=1)
    assert left(node) == ["bootstrap.yaml"] and not fragment(node).exists() and node.plane.count("bootstrap") == 0


def test_without_a_document_it_says_what_is_missing(node):
    assert "bootstrap.yaml is not there: whoever made this machine has to write it" in bootstrap(node, status=1)


class Service(BaseHTTPRequestHandler):
    """Instance metadata, with the headers that each cloud wants."""
    answers = {}

    def log_message(self, *args):
        pass

    def do_PUT(self):
        self.reply(200, b"session")

    def do_GET(self):
        wanted, body = self.answers.get(self.path, (None, None))
        if body is None or any(self.headers.get(k) != v for k, v in wanted.items()):
            self.reply(404, b"")
        else:
            self.reply(200, body)

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.mark.parametrize("cloud,path,headers,encoded", [
    ("oci", "/opc/v2/instance/metadata/runlet", {"Authorization": "Bearer Oracle"}, False),
    ("aws", "/latest/user-data", {"X-aws-ec2-metadata-token": "session"}, False),
    ("gcp", "/computeMetadata/v1/instance/attributes/runlet", {"Metadata-Flavor": "Google"}, False),
    ("azure", "/metadata/instance/compute/userData?api-version=2021-01-01&format=text", {"Metadata": "true"}, True),
])
def test_the_document_of_an_instance(node, cloud, path, headers, encoded):
    text = document(node, name="there.yaml")
    body = text.read_bytes()
    text.unlink()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Of", (Service,), {"answers": {path: (headers, base64.b64encode(body) if encoded else body)}}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        words = ("--from", cloud, "--metadata", "http://127.0.0.1:%d" % server.server_port)
        bootstrap(node, *words)
        is_node(node)
        # The document stays there: at the next start of the machine it is seen that all is done.
        assert "this was done before" in bootstrap(node, *words)
        assert node.plane.count("bootstrap") == 1
    finally:
        server.shutdown()
        server.server_close()
    node.judge()


def test_an_instance_without_a_document(node):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        said = bootstrap(node, "--from", "oci", "--metadata", "http://127.0.0.1:%d" % server.server_port, status=1)
        assert "the instance metadata service of 'oci' has no document: status 404" in said
    finally:
        server.shutdown()
        server.server_close()
