"""What the node's configuration decides for jobs that do not say it themselves."""
import json
import subprocess

import pytest

from node_rig import AGENT_GROUP, AGENT_USER, Node, ROOT

JOB = """kind: job
spec:
  name: sample
  x-runlet: {%s}
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: job.py
"""


@pytest.fixture(name="plan")
def fixture_plan(bin_dir, tmp_path):
    """The plan of FILE under a configuration, as --dry-run shows it."""
    (tmp_path / "job.py").write_text("")
    (tmp_path / "own.yaml").write_text(JOB % "stopGrace: 1m, maximumRuntime: 1m")
    (tmp_path / "plain.yaml").write_text(JOB % "")

    def plan(name, configuration):
        (tmp_path / "c.yaml").write_text("directories: {state: %s/state, run: %s/run}\n%s" % (tmp_path, tmp_path, configuration))
        done = subprocess.run([bin_dir / "runlet", "--config", "c.yaml", "run", "--dry-run", "--json", name], cwd=tmp_path,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return plan


@pytest.mark.parametrize("name,grace", [("job.py", 5000), ("plain.yaml", 5000), ("own.yaml", 60000)])
def test_grace_is_the_nodes_unless_the_job_says_one(plan, name, grace):
    assert plan(name, "stop: {grace: 5s}\n")["stop"]["graceMilliseconds"] == grace


def test_grace_without_configuration(plan):
    assert plan("job.py", "")["stop"]["graceMilliseconds"] == 30000


@pytest.mark.parametrize("name,limit", [("job.py", 120000), ("plain.yaml", 120000), ("own.yaml", 60000)])
def test_longest_runtime_is_the_nodes_unless_the_job_says_one(plan, name, limit):
    assert plan(name, "maximumRuntime: 2m\n")["maximumRuntimeMilliseconds"] == limit


@pytest.mark.skipif(not ROOT, reason="needs root: it executes jobs")
def test_more_than_the_nodes_longest_runtime_is_refused(bin_dir):
    node = Node(bin_dir)
    try:
        node.configure(extra="maximumRuntime: 30s\n")
        done = node.runlet("run", "--max-runtime", "1m", node.script("echo never"))
        assert done.returncode == 125 and done.stdout == "", done
        assert "over this node's limit of 30 s" in done.stderr
        assert not (node.state / "runs").exists() or not list((node.state / "runs").iterdir())
    finally:
        node.close()


@pytest.mark.parametrize("extra,devices", [("", None), ("sandbox: {devices: '/dev/nvidia*  /dev/dri/*', sharedDevices: /dev/kfd}\n", "/dev/nvidia*::/dev/dri/*"),
                                           ("job: {allowRoot: true}\nlimits: {bestEffort: true}\n", None)])
def test_the_supervisors_options_fit_into_a_unit(bin_dir, tmp_path, extra, devices):
    (tmp_path / "c.yaml").write_text("agent: {user: %s, group: %s}\n%s" % (AGENT_USER, AGENT_GROUP, extra))
    done = subprocess.run([bin_dir / "runlet", "--config", "c.yaml", "config", "supervisor-options"], cwd=tmp_path, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    name, _, value = done.stdout.rstrip("\n").partition("=")
    assert name == "RUNLET_SUPERVISOR_OPTIONS" and value[0] == value[-1] == '"'
    words = value[1:-1].split(" ")
    assert "" not in words
    assert (words[words.index("--shared-devices") + 1:][:1] == ["/dev/kfd"] if devices else "--shared-devices" not in words)
    assert (words[words.index("--devices") + 1] if "--devices" in words else None) == devices
