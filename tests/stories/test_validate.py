"""`runlet validate`, and that `run` refuses the same: every error with its place, several at once, nothing created (I13)."""
import json
import os
import subprocess

import pytest

import run_rig

HEAD = "kind: job\nspec:\n  runtime:\n    type: script\n    spec:\n      scriptPathURI: a.sh\n"


@pytest.fixture
def desk(bin_dir):
    """Checking needs no root."""
    desk = run_rig.RunNode(bin_dir)
    desk.write("a.sh", "echo ran\n")
    yield desk
    desk.close()


def checked(desk, *arguments):
    """(status, lines on stderr) of validate; run says the same and creates nothing."""
    done = desk.call("validate", *arguments)
    if done.status == 1:
        run = desk.run("-q", *arguments)
        assert (run.status, run.err, run.out) == (125, done.err, b""), run
    assert not desk.state.exists() and not desk.run_dir.exists()
    return done.status, done.words.splitlines()


def test_a_good_job(desk):
    desk.write("job.yaml", HEAD)
    done = desk.call("validate", "job.yaml")
    assert (done.status, done.text, done.words) == (0, "no errors, 0 warnings\n", "")


def test_many_errors_at_once_with_their_places(desk):
    desk.write("job.yaml", "kind: job\nspec:\n  runtim: 1\n  runtime:\n    type: script\n    spec:\n      scriptPathURI: nothing.py\n"
                           "      env: [{name: 'A B', value: 1}]\n      args: {a: 1}\n      maximumRuntimeInMinutes: 4\n"
                           "      x-runlet: {maxRuntime: 3s, stopGrace: soon}\n")
    status, lines = checked(desk, "job.yaml")
    assert status == 1
    places = [line.split(" ")[0] for line in lines]
    assert [(p.split(":")[0], int(p.split(":")[1])) for p in places] == [("job.yaml", n) for n in (3, 8, 9, 10, 11, 11, 7)], lines
    assert all(int(p.split(":")[2]) > 0 for p in places)
    assert "warning: unknown key 'runtim' is ignored; did you mean 'runtime'?" in lines[0]
    for words, line in zip(["'A B' cannot be the name", "expected a list, found mapping", "expected 5 to 43200", "maxRuntime", "stopGrace",
                            "nothing.py: No such file or directory"], lines[1:]):
        assert ": error: " in line and words in "\n".join(lines), lines


def test_as_json(desk):
    desk.write("job.yaml", HEAD + "      wrong: 1\n      maximumRuntimeInMinutes: 50000\n")
    done = desk.call("validate", "--json", "job.yaml")
    report = json.loads(done.text)
    assert (done.status, report["errors"], report["warnings"]) == (1, 1, 1)
    assert [(f["severity"], f["file"], f["line"], f["column"]) for f in report["findings"]] == [
        ("warning", "job.yaml", 7, 7), ("error", "job.yaml", 8, 32)]


@pytest.mark.parametrize("more, line, says", [
    ("      maximumRuntimeInMinutes: 4\n", 7, "expected 5 to 43200"),
    ("      maximumRuntimeInMinutes: 43201\n", 7, "expected 5 to 43200"),
    ("      maximumRuntimeInMinutes: ten\n", 7, "maximumRuntimeInMinutes"),
    ("      args: [%s]\n" % ("x" * 4001), 7, "4000"),
    ("      env: [{name: A, value: %s}]\n" % ("x" * 20000), 7, "20000"),
    ("      x-runlet: {maximumRuntime: 31d}\n", 7, "maximumRuntime"),
    ("      x-runlet: {stopSignal: STOP}\n", 7, "stopSignal"),
    ("      entrypoint: ../a.sh\n", 7, "without '..'"),
    ("x-runlet: {maximumRuntime: 3s}\n", 7, "belongs under 'spec'"),
])
def test_limits_of_the_service_in_yaml(desk, more, line, says):
    desk.write("job.yaml", HEAD + more)
    status, lines = checked(desk, "job.yaml")
    assert status == 1 and len(lines) == 1, lines
    assert lines[0].startswith("job.yaml:%d:" % line) and ": error: " in lines[0] and says in lines[0]


def test_exactly_at_the_limits(desk):
    desk.write("job.yaml", HEAD + "      maximumRuntimeInMinutes: 43200\n      args: [%s]\n      env: [{name: A, value: %s}]\n"
               % ("x" * 4000, "é" * 19999))
    assert checked(desk, "job.yaml") == (0, [])


def documents(desk, job, run=None):
    desk.write("job.json", json.dumps(job))
    if run is None:
        return ["--job", "job.json", "a.sh"]
    desk.write("run.json", json.dumps(run))
    return ["--job", "job.json", "--run", "run.json", "a.sh"]


def test_oci_errors_have_pointers(desk):
    status, lines = checked(desk, *documents(
        desk, {"id": "j", "jobConfigurationDetails": {"jobType": "DEFAULT", "maximumRuntimeInMinutes": 3, "environmentVariables": {"1X": "a"},
                                                     "commandLineArguments": "'open"}},
        {"id": "r", "jobId": "j", "jobConfigurationOverrideDetails": {"jobType": "DEFAULT", "maximumRuntimeInMinutes": "soon"}}))
    assert status == 1
    text = "\n".join(lines)
    for part in ("job.json: /jobConfigurationDetails/maximumRuntimeInMinutes: error: ", "/jobConfigurationDetails/environmentVariables",
                 "job.json: /jobConfigurationDetails/commandLineArguments: error: ",
                 "run.json: /jobConfigurationOverrideDetails/maximumRuntimeInMinutes: error: "):
        assert part in text, text


def test_limits_hold_for_both_documents_together(desk):
    """Each fits; laid over each other they have too many characters."""
    status, lines = checked(desk, *documents(
        desk, {"id": "j", "jobConfigurationDetails": {"jobType": "DEFAULT", "environmentVariables": {"A": "x" * 15000}}},
        {"id": "r", "jobId": "j", "jobConfigurationOverrideDetails": {"jobType": "DEFAULT", "environmentVariables": {"B": "x" * 15000}}}))
    assert status == 1 and "together have 30002 characters; the limit is 20000" in lines[0], lines


@pytest.mark.parametrize("name, text, says", [
    ("bad.yaml", "kind: job\nspec: [\n", "bad.yaml:"),
    ("bad.yaml", "kind: job\nspec: {a: 1, a: 2}\n", "bad.yaml:2:"),
    ("bad.yaml", "kind: model\n", "expected"),
    ("bad.yaml", "", "expected"),
    ("bad.yaml", "kind: job\nspec:\n\truntime: 1\n", "bad.yaml:3:"),
    ("bad.json", "{\"id\": 1,}", "bad.json:1:"),
    ("bad.yaml", "a: &a [*a]\n", "bad.yaml:1:"),
    ("bad.yaml", "kind: job\nspec:\n  runtime:\n    type: scrip\n    spec: {}\n", "did you mean 'script'?"),
    ("bad.yaml", "kind: job\nspec:\n  runtime:\n    type: dataFlow\n    spec: {}\n", "Data Flow"),
])
def test_documents_that_cannot_be_read(desk, name, text, says):
    desk.write(name, text)
    status, lines = checked(desk, name)
    assert status == 1 and says in "\n".join(lines), lines


def test_bytes_that_are_no_text(desk):
    desk.write("bad.yaml", b"kind: job\nname: \xff\xfe\0\n")
    status, lines = checked(desk, "bad.yaml")
    assert status == 1 and lines, lines


def test_usage_is_an_error_of_its_own(desk):
    done = desk.call("validate", "--wrong")
    assert done.status == 2 and "unknown option --wrong" in done.words


def test_unreadable_files_are_named(desk):
    if os.geteuid() != 0:
        pytest.skip("needs root to give a privilege up")
    path = desk.write("secret.py", "print()\n")
    path.chmod(0)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + desk.command("validate", "secret.py"),
                          cwd=str(desk.work), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "secret.py: cannot be read: Permission denied" in done.stderr, done
