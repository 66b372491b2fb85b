"""The agent in numbers: every metric is documented, the names pass promtool, and a real Prometheus reads them."""
import json
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from node_rig import HELD, ROOT, Node, until

pytestmark = pytest.mark.skipif(not ROOT, reason="needs root")

DOCS = Path(__file__).resolve().parents[2] / "docs"
SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


@pytest.fixture
def node(bin_dir):
    node = Node(bin_dir)
    yield node
    node.close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def text_of(node):
    return subprocess.run(["curl", "-sf", "--unix-socket", str(node.run_dir / "api.sock"), "http://runlet/metrics"], capture_output=True,
                          check=True, timeout=30, text=True).stdout


def read(text):
    """Families as {name: type}, samples as {(name, labels): value}."""
    families, samples = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name not in families, "%s stands twice" % name
            families[name] = kind
        elif not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            key = (name, frozenset(LABEL.findall(labels or "")))
            assert key not in samples, line
            samples[key] = float(value)
    return families, samples


def value(samples, metric, **labels):
    return samples.get((metric, frozenset(labels.items())))


def documented():
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \| ([^|]*)\|", (DOCS / "metrics.md").read_text(), re.M)
    return {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def family_of(name, families):
    for end in ("_bucket", "_sum", "_count"):
        if name.endswith(end) and families.get(name[:-len(end)]) == "histogram":
            return name[:-len(end)]
    return name


def test_a_run_in_numbers(node):
    node.start()
    families, samples = read(text_of(node))
    assert value(samples, "runlet_node_ready") == 1 and value(samples, "runlet_runs", phase="RUNNING") == 0
    assert value(samples, "runlet_phase_duration_seconds_count", phase="RUNNING") == 0
    held, second = node.submit(HELD), node.submit("exit 7\n")
    until("it is looked at", lambda: value(read(text_of(node))[1], "runlet_run_cpu_user_seconds_total", run=held) is not None)
    families, samples = read(text_of(node))
    # One runs, one waits.
    assert value(samples, "runlet_runs", phase="RUNNING") == 1 and value(samples, "runlet_runs", phase="ACCEPTED") == 1
    assert value(samples, "runlet_node_ready") == 0
    assert 0 < value(samples, "runlet_run_deadline_remaining_seconds", run=held) <= 30 * 24 * 3600
    assert value(samples, "runlet_run_log_bytes_total", run=held) >= 0
    node.let_go(held)
    node.await_finished(held)
    node.await_finished(second)
    families, samples = read(text_of(node))
    assert value(samples, "runlet_runs_ended_total", cause="exited", state="SUCCEEDED") == 1
    assert value(samples, "runlet_runs_ended_total", cause="exited", state="FAILED") == 1
    # A run that is over has no series any more; its time is in the phases.
    assert not [key for key in samples if ("run", held) in key[1]]
    assert value(samples, "runlet_phase_duration_seconds_count", phase="RUNNING") == 2
    assert value(samples, "runlet_phase_duration_seconds_sum", phase="RUNNING") > 0
    assert value(samples, "runlet_phase_duration_seconds_bucket", phase="RUNNING", le="+Inf") == 2


def test_a_drained_node_in_numbers(node):
    node.start()
    node.runlet("drain", check=0)
    samples = read(text_of(node))[1]
    assert value(samples, "runlet_node_drained") == 1 and value(samples, "runlet_node_ready") == 0


def test_metrics_are_those_of_the_document_and_their_names_are_right(node):
    node.start()
    held = node.submit(HELD)
    until("it is looked at", lambda: value(read(text_of(node))[1], "runlet_run_cpu_user_seconds_total", run=held) is not None)
    text = text_of(node)
    families, samples = read(text)
    rows = documented()
    assert families == {name: kind for name, (kind, _) in rows.items()}
    for name, labels in samples:
        of = family_of(name, families)
        assert {label for label, _ in labels} - {"le"} == rows[of][1], name
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0 and not checked.stderr and not checked.stdout, checked
    # The check finds what is wrong.
    assert subprocess.run(["promtool", "check", "metrics"], input=text.replace("_total", "_all"), capture_output=True, text=True,
                          timeout=60, check=False).returncode != 0
    node.let_go(held)
    node.await_finished(held)


def test_the_dashboard_asks_for_metrics_that_there_are():
    board = json.loads((DOCS / "grafana/runlet.json").read_text())
    rows = documented()
    families = {name: kind for name, (kind, _) in rows.items()}
    asked = [t["expr"] for panel in board["panels"] for t in panel["targets"]] + [v["query"] for v in board["templating"]["list"]]
    found = {name for text in asked for name in re.findall(r"\b(?:runlet|process)_[a-z_]+", text)}
    assert len(found) > 10 and {family_of(name, families) for name in found} <= set(rows)
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_the_port_is_of_this_machine_alone(node):
    port = free_port()
    node.configure(extra="metrics:\n  port: %d\n" % port)
    node.start()
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4") and b"runlet_node_ready 1" in answer.read()
    for method, path, code in (("GET", "/v1/node", 404), ("POST", "/metrics", 405), ("POST", "/v1/node/drain", 404)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:%d%s" % (port, path), method=method), timeout=30)
        assert refused.value.code == code
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert {row[1].split(":")[0] for row in listening if row[1].endswith(":%04X" % port) and row[3] == "0A"} == {"0100007F"}
    # A port that somebody else has is said, and ends the start.
    other = Node(node.bin)
    try:
        other.configure(extra="metrics:\n  port: %d\n" % port)
        with pytest.raises(AssertionError, match="listen on 127.0.0.1, port %d" % port):
            other.start()
    finally:
        other.close()


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed")
def test_a_prometheus_reads_them(node):
    port, own = free_port(), free_port()
    node.configure(extra="metrics:\n  port: %d\n" % port)
    node.start()
    config = node.root / "prometheus.yml"
    example = re.search(r"```yaml\n(scrape_configs:.*?)```", (DOCS / "metrics.md").read_text(), re.S).group(1)
    config.write_text("global: {scrape_interval: 1s}\n" + example.replace("9464", str(port)))
    server = subprocess.Popen(["prometheus", "--config.file=%s" % config, "--storage.tsdb.path=%s" % (node.root / "tsdb"),
                               "--web.listen-address=127.0.0.1:%d" % own], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=open(node.root / "prometheus.log", "wb"))
    try:
        def ask(expression):
            try:
                with urllib.request.urlopen("http://127.0.0.1:%d/api/v1/query?%s" % (own, urllib.parse.urlencode({"query": expression})),
                                            timeout=30) as answer:
                    return json.load(answer)["data"]["result"]
            except (urllib.error.URLError, ConnectionError):
                return []
        until("it has read them", lambda: [r["value"][1] for r in ask('up{job="runlet"}')] == ["1"])
        node.await_finished(node.submit("exit 0\n"))
        until("it counts the end", lambda: [r["value"][1] for r in ask('sum(runlet_runs_ended_total{state="SUCCEEDED"})')] == ["1"])
        assert ask("runlet_node_info")[0]["metric"]["version"]
    finally:
        server.terminate()
        server.wait(60)
