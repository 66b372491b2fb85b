"""Every example runs, and everything that is written about its run agrees."""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import zipfile

import pytest

from run_rig import EXAMPLES, PHASES

JOB_FOLDERS = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder of archives that build.sh packs."""
    folder = tmp_path_factory.mktemp("built")
    done = subprocess.run([str(EXAMPLES / "build.sh"), str(folder)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return folder


def needs(path, what):
    if not pathlib.Path(path).exists():
        pytest.skip("this machine has no %s (%s)" % (what, path))


def succeeded(node, outcome, out, err=""):
    assert (outcome.status, outcome.text, outcome.words) == (0, out, err), outcome
    node.check_end(outcome, "SUCCEEDED", "exited", 0)
    assert node.logs(outcome.id) == (outcome.out, outcome.err)


def test_every_folder_is_told_of(node):
    text = (EXAMPLES / "README.md").read_text()
    assert [name for name in JOB_FOLDERS if name != "train-project" and "(%s/" % name not in text] == []


def test_nothing_binary_is_kept():
    kinds = {path.suffix for path in EXAMPLES.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert kinds <= {".py", ".sh", ".yaml", ".json", ".md", ".txt", ".java", ".ipynb", ""}


TRAINED = re.compile(r"(epoch (\d)/5 loss=0\.\d{4} accuracy=0\.\d{3}\n){5}the model and its metrics are in /home/datascience/result.json\n")
PROGRESS = "training on moons: 320 points, 80 held out\n20% done\n40% done\n60% done\n80% done\n100% done\n"


def trained(node, outcome):
    assert outcome.status == 0, outcome
    assert TRAINED.fullmatch(outcome.text), outcome
    result = json.loads((node.home(outcome.id) / "result.json").read_text())
    assert (result["run"], result["dataset"], result["epochs"]) == (outcome.id, "moons", 5)
    assert result["accuracy"] > 0.9 and len(result["weights"]) == 7
    node.check_end(outcome, "SUCCEEDED", "exited", 0)
    return result


def test_quickstart_says_how_it_went(node):
    outcome = node.run(EXAMPLES / "quickstart.yaml")
    trained(node, outcome)
    lines = outcome.words.splitlines()
    assert lines[0] == "runlet: run %s of quickstart-moons starts, maximum runtime 10 min 0 s" % outcome.id
    assert "\n".join(lines[1:7]) + "\n" == PROGRESS
    assert re.fullmatch(r"runlet: run %s SUCCEEDED after .*: Job run artifact execution succeeded\." % re.escape(outcome.id), lines[7])
    assert lines[8:] == ["runlet: exit code 0",
                         "runlet: log  %s/runs/%s/log/output.log (12 lines)" % (node.state, outcome.id),
                         "runlet: home %s" % node.home(outcome.id)]
    out, err = node.logs(outcome.id)
    assert (out, err.decode()) == (outcome.out, PROGRESS)


def test_quickstart_runs_the_same_from_the_zip(node, built):
    shutil.copy(str(built / "train-project.zip"), str(node.work))
    text = (EXAMPLES / "quickstart.yaml").read_text()
    assert "scriptPathURI: train-project\n" in text
    zipped = node.write("quickstart.yaml", text.replace("scriptPathURI: train-project\n", "scriptPathURI: train-project.zip\n"))
    a, b = node.run("-q", EXAMPLES / "quickstart.yaml"), node.run("-q", zipped)
    assert (a.out, a.err) == (b.out, b.err)
    assert trained(node, a)["weights"] == trained(node, b)["weights"]
    below = [sorted(str(p.relative_to(node.home(o.id))) for p in node.home(o.id).rglob("*") if "__pycache__" not in p.parts) for o in (a, b)]
    assert below[0] == below[1]


def test_hello_python(node):
    succeeded(node, node.run("-q", EXAMPLES / "hello-python" / "hello.py", "--", "Ada"),
              "hello Ada, this is datascience in /home/datascience\n", "this line goes to stderr\n")


def test_shell_arguments(node):
    succeeded(node, node.run("-q", EXAMPLES / "shell-arguments" / "greet.sh", "-e", "GREETING=Ciao", "--",
                             "Grace Hopper", "it's", "a*b", ""),
              "Ciao, 4 guests\n1: [Grace Hopper]\n2: [it's]\n3: [a*b]\n4: []\n")
    succeeded(node, node.run("-q", EXAMPLES / "shell-arguments" / "greet.sh"), "Hello, 0 guests\n", "nobody came\n")


def test_zip_project(node, built):
    assert "report/count.py" in zipfile.ZipFile(str(built / "zip-project.zip")).namelist()
    succeeded(node, node.run("-q", built / "zip-project.zip", "--entrypoint", "main.py", "--", "--top", "2"),
              "the    3\nrun    2\n")


def test_tar_project(node, built):
    succeeded(node, node.run("-q", built / "tar-project.tar.gz", "--entrypoint", "tar-project/run.sh"),
              "tar-project: running from /home/datascience/decompressed_artifact/tar-project\nsum 10\n")


def test_fat_jar(node, built):
    needs("/usr/bin/java", "Java")
    needs(built / "app.jar", "JDK to build the jar")
    succeeded(node, node.run("-q", built / "app.jar", "--", "17", "4"), "read from inside the jar\nsum 21\n")
    failed = node.run("-q", built / "app.jar")
    assert (failed.status, failed.words) == (3, "no numbers given\n")
    node.check_end(failed, "FAILED", "exited", 3)


def test_job_runtime(node):
    succeeded(node, node.run("-q", EXAMPLES / "job-runtime"), "COLOR=blue RETRIES=3\n")
    succeeded(node, node.run("-q", EXAMPLES / "job-runtime", "-e", "COLOR=green"), "COLOR=green RETRIES=3\n")


def test_failing(node):
    outcome = node.run("-q", EXAMPLES / "failing" / "fail.py")
    assert (outcome.status, outcome.text, outcome.words) == (61, "checking the input\n", "the input is not usable\n")
    status = node.check_end(outcome, "FAILED", "exited", 61)
    assert status["lifecycleDetails"] == "Job run artifact execution failed with exit code 61."


def test_deadline(node):
    outcome = node.run("-q", EXAMPLES / "deadline" / "job.yaml")
    assert (outcome.status, outcome.text) == (124, "working for ever\n"), outcome
    assert outcome.words == "asked to stop, and going on\n"
    stopping = PHASES[:4] + ["STOPPING"] + PHASES[4:]
    status = node.check_end(outcome, "FAILED", "deadline-exceeded", phases=stopping)
    assert (status["signal"], node.record(outcome.id)["stop-cause"]) == (9, "deadline-exceeded")
    assert status["displayName"] == "stubborn"


def test_ads_python(node):
    outcome = node.run("-q", EXAMPLES / "ads-python" / "job.yaml")
    succeeded(node, outcome, "summer: [60, 70, 80]\n")
    assert (node.home(outcome.id) / "published" / "summer.json").read_text() == "[60, 70, 80]"


def test_ads_notebook(node):
    needs("/usr/lib/python3/dist-packages/nbconvert", "nbconvert")
    needs("/usr/lib/python3/dist-packages/ipykernel", "ipykernel")
    outcome = node.run("-q", EXAMPLES / "ads-notebook" / "job.yaml")
    assert (outcome.status, outcome.text) == (0, "written by Ada\nsum 14\n"), outcome
    node.check_end(outcome, "SUCCEEDED", "exited", 0)
    executed = json.loads(next((node.home(outcome.id) / "published").rglob("*.ipynb")).read_text())
    assert executed["cells"][-1]["outputs"][0]["text"] == ["sum 14\n"]


def test_oci_documents(node):
    folder = EXAMPLES / "oci-documents"
    arguments = ("-q", "--job", folder / "job.json", "--run", folder / "run.json", folder / "score.py")
    outcome = node.run(*arguments)
    succeeded(node, outcome, "model=baseline threshold=0.8\narguments=['--limit', '5', 'one \"region\"']\n"
              "run ocid1.datasciencejobrun.oc1.iad.example-run of job ocid1.datasciencejob.oc1.iad.example-job "
              "in ocid1.datascienceproject.oc1.iad.example\n")
    assert (outcome.id, node.status_json(outcome.id)["displayName"]) == ("ocid1.datasciencejobrun.oc1.iad.example-run", "score-july")
    # A run has one end: its id is not executed again.
    again = node.run(*arguments)
    assert again.status == 125 and "ocid1.datasciencejobrun.oc1.iad.example-run" in again.words
    assert len(node.ends(outcome.id)) == 1


def test_two_nodes_meet(node):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    outcome = node.run("-q", EXAMPLES / "two-nodes/job.yaml", "--env", "MASTER_PORT=%d" % port)
    assert outcome.status == 0, outcome
    assert sorted(outcome.text.splitlines()) == ["[%d] rank %d of 2: the sum of all ranks is 1" % (rank, rank) for rank in range(2)]
    assert not node.leftovers()
