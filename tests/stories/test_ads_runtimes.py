"""The ADS runtimes script, python, notebook, gitPython and pyTorchDistributed, as their YAML is written."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from unpack_rig import make_zip

JOB = """kind: job
spec:
  name: a-job
  runtime:
    kind: runtime
    type: %s
    spec:
%s"""


def job(node, kind, **spec):
    """Writes job.yaml; JSON is YAML."""
    lines = "".join("      %s: %s\n" % (key, json.dumps(value)) for key, value in spec.items())
    return node.write("job.yaml", JOB % (kind, lines))


def said(node, outcome, text, words="", state="SUCCEEDED", code=0):
    assert (outcome.status, outcome.text, outcome.words) == (code, text, words), outcome
    node.check_end(outcome, state, "exited", code)


# ---- script ----


def test_script_paths_are_relative_to_the_yaml(node, tmp_path):
    node.write("sub/run.sh", "echo \"$A $1\"\n")
    yaml = job(node, "script", scriptPathURI="sub/run.sh", env=[{"name": "A", "value": "${B}!"}, {"name": "B", "value": "x"}],
               args=["one two"])
    said(node, node.run("-q", yaml, cwd="/"), "x! one two\n")


def test_script_directory_keeps_its_name(node):
    node.write("project/main.py", "import os, helper\nprint(os.getcwd(), helper.NAME)\n")
    node.write("project/helper.py", "NAME = 'helper'\n")
    yaml = job(node, "script", scriptPathURI="project", entrypoint="project/main.py")
    said(node, node.run("-q", yaml), "/home/datascience/decompressed_artifact helper\n")


def test_snake_case_is_the_same(node):
    node.write("run.sh", "echo ran\n")
    said(node, node.run("-q", job(node, "script", script_path_uri="run.sh")), "ran\n")


# ---- python ----

LIBRARY = {"project/main.py": "import sys, os\nimport helper\nprint(sys.argv[1:], helper.NAME, os.path.basename(os.getcwd()))\n",
           "project/lib/helper.py": "NAME = 'from lib'\n"}


def test_python_with_paths_and_arguments(node):
    for name, text in LIBRARY.items():
        node.write(name, text)
    yaml = job(node, "python", scriptPathURI="project", workingDir="project", pythonPath=["lib"], entrypoint="project/main.py",
               args=["a", "--k", "v w"])
    said(node, node.run("-q", yaml), "['a', '--k', 'v w'] from lib project\n")


def test_python_single_file_and_exit_code(node):
    node.write("main.py", "import sys\nprint('out')\nsys.exit(61)\n")
    said(node, node.run("-q", job(node, "python", scriptPathURI="main.py")), "out\n", state="FAILED", code=61)


def test_python_zip(node):
    node.write("p.zip", make_zip(("main.py", b"import helper\nprint(helper.NAME)\n"), ("helper.py", b"NAME = 'zipped'\n")))
    said(node, node.run("-q", job(node, "python", scriptPathURI="p.zip", entrypoint="main.py")), "zipped\n")


def test_python_function_with_outputs(node):
    node.write("main.py", "import os\ndef work(first, size=None):\n    os.makedirs('out')\n    open('out/' + first, 'w').write(size)\n"
                          "    return 3\n")
    yaml = job(node, "python", scriptPathURI="main.py", entryFunction="work", args=["file", "--size", "9"], outputDir="out",
               outputUri="file:///home/datascience/kept")
    outcome = node.run("-q", yaml)
    said(node, outcome, "")
    assert (node.home(outcome.id) / "kept" / "file").read_text() == "9"


def test_python_entrypoint_of_the_command_line(node):
    node.write("project/a.py", "print('a')\n")
    node.write("project/b.py", "print('b')\n")
    yaml = job(node, "python", scriptPathURI="project", entrypoint="project/a.py")
    said(node, node.run("-q", yaml), "a\n")
    said(node, node.run("-q", yaml, "--entrypoint", "project/b.py"), "b\n")


def test_python_traceback_is_the_users(node):
    node.write("main.py", "def f():\n    raise ValueError('no')\nf()\n")
    outcome = node.run("-q", job(node, "python", scriptPathURI="main.py"))
    assert outcome.status == 1 and outcome.words.endswith("ValueError: no\n") and "driver_" not in outcome.words, outcome


def test_python_job_is_asked_to_stop_itself(node):
    """The entry program does not stand between the job and the signal."""
    node.write("main.py", "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\nprint('ready')\n"
                          "while True:\n    time.sleep(0.05)\n")
    run = node.start_run("-q", job(node, "python", scriptPathURI="main.py"))
    run.await_output(b"ready\n")
    run.process.terminate()
    assert run.end().status == 5
    node.leftovers()


# ---- notebook ----


def notebook(*cells):
    """Cells: text, or (text, tag...)"""
    cells = [(cell,) if isinstance(cell, str) else cell for cell in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3",
                       "language": "python"}},
                       "cells": [{"cell_type": "code", "id": "c%d" % i, "execution_count": None, "outputs": [], "source": text,
                                  "metadata": {"tags": tags}} for i, (text, *tags) in enumerate(cells)]})


def has_notebooks():
    done = subprocess.run(["/usr/bin/python3", "-c", "import nbconvert, ipykernel"], stderr=subprocess.DEVNULL)
    return done.returncode == 0


needs_notebooks = pytest.mark.skipif(not has_notebooks(), reason="this machine's Python has no nbconvert and ipykernel")


@needs_notebooks
def test_notebook_and_its_outputs(node):
    node.write("n.ipynb", notebook("x = 20", ("x = 0", "skip"), "print('x', x + 1)"))
    yaml = job(node, "notebook", notebookPathURI="n.ipynb", excludeTags=["skip"], outputUri="file:///home/datascience/kept")
    outcome = node.run("-q", yaml)
    said(node, outcome, "x 21\n")
    assert [p.name for p in (node.home(outcome.id) / "kept").rglob("*.ipynb")] == ["n.ipynb"]


@needs_notebooks
def test_notebook_that_fails(node):
    node.write("n.ipynb", notebook("print('before')", "1 / 0", "print('after')"))
    outcome = node.run("-q", job(node, "notebook", notebookPathURI="n.ipynb"))
    assert outcome.status == 1 and outcome.text == "before\n" and "ZeroDivisionError" in outcome.words, outcome
    node.check_end(outcome, "FAILED", "exited", 1)


@needs_notebooks
def test_notebook_of_a_folder_and_alone(node):
    node.write("project/deep/n.ipynb", notebook("print(open('data.txt').read())"))
    node.write("project/deep/data.txt", "data")
    said(node, node.run("-q", job(node, "notebook", source="project", entrypoint="deep/n.ipynb")), "data\n")
    said(node, node.run("-q", node.write("alone.ipynb", notebook("print('alone')"))), "alone\n")


def test_notebook_without_a_machine_for_it(node):
    """An interpreter that has no nbconvert: a clear word instead of a traceback."""
    node.write("n.ipynb", notebook("print(1)"))
    node.write("python", "#!/bin/sh\nexec /usr/bin/python3 -S \"$@\"\n").chmod(0o755)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="runlet-story.", dir="/srv"))
    try:
        folder.chmod(0o755)
        shutil.copy(str(node.work / "python"), str(folder))
        node.configure(extra="python: %s/python\n" % folder)
        outcome = node.run("-q", job(node, "notebook", notebookPathURI="n.ipynb"))
    finally:
        shutil.rmtree(folder)
    assert outcome.status == 78 and "nbconvert" in outcome.words and "Traceback" not in outcome.words, outcome


# ---- gitPython ----


def git(*arguments, cwd):
    env = dict(os.environ, GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@b", GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@b", HOME=str(cwd),
               GIT_CONFIG_NOSYSTEM="1")
    return subprocess.run(["git"] + list(arguments), cwd=str(cwd), env=env, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True).stdout.strip()


@pytest.fixture
def repository(node):
    """A bare repository that the job can reach: not below /home, /root or /tmp, and its own as git demands."""
    if shutil.which("git") is None:
        pytest.skip("this machine has no git")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="runlet-story.", dir="/srv"))
    folder.chmod(0o755)
    work = node.work / "clone"
    (work / "src" / "lib").mkdir(parents=True)
    git("init", "-q", "-b", "main", cwd=work)
    for text in ("old", "new"):
        (work / "src" / "main.py").write_text("import os, sys\nimport helper\nprint('%s', sys.argv[1:], helper.NAME)\n"
                                              "def work(name):\n    print('function', name)\n" % text)
        (work / "src" / "lib" / "helper.py").write_text("NAME = 'helper'\n")
        git("add", ".", cwd=work)
        git("commit", "-q", "-m", text, cwd=work)
    git("checkout", "-q", "-b", "side", cwd=work)
    (work / "src" / "main.py").write_text("print('side')\n")
    git("commit", "-q", "-a", "-m", "side", cwd=work)
    git("checkout", "-q", "main", cwd=work)
    git("clone", "-q", "--bare", str(work), str(folder / "project.git"), cwd=work)
    for base, names, files in os.walk(folder / "project.git"):
        for name in [base] + [os.path.join(base, f) for f in files]:
            os.chown(name, 1000, 100)
    yield "%s/project.git" % folder, git("rev-parse", "HEAD~1", cwd=work)
    shutil.rmtree(folder)


CONDA = {"type": "service", "slug": "generalml_p38_cpu_v1"}


def test_git_branches_and_commits(node, repository):
    url, older = repository
    common = dict(url=url, entrypoint="src/main.py", pythonPath=["src/lib"], args=["a b"], conda=CONDA)
    said(node, node.run("-q", "--conda", "none", job(node, "gitPython", **common)), "new ['a b'] helper\n")
    said(node, node.run("-q", "--conda", "none", job(node, "gitPython", commit=older, **common)), "old ['a b'] helper\n")
    said(node, node.run("-q", "--conda", "none", job(node, "gitPython", branch="side", **common)), "side\n")


def test_git_function_and_entrypoint_of_the_command_line(node, repository):
    url, _ = repository
    yaml = job(node, "gitPython", url=url, entrypoint="src/none.py", entryFunction="work", pythonPath=["src/lib"], args=["x"], conda=CONDA)
    said(node, node.run("-q", "--conda", "none", yaml, "--entrypoint", "src/main.py"), "new ['x'] helper\nfunction x\n")


def test_git_that_cannot_be_cloned(node, repository):
    url, _ = repository
    outcome = node.run("-q", "--conda", "none", job(node, "gitPython", url=url + "x", entrypoint="a.py", conda=CONDA))
    assert outcome.status == 69 and "could not be cloned" in outcome.words, outcome
    outcome = node.run("-q", "--conda", "none", job(node, "gitPython", url=url, branch="nope", entrypoint="a.py", conda=CONDA))
    assert outcome.status == 66 and "has no branch nope" in outcome.words, outcome
    node.leftovers()


def test_a_group_of_one_node_is_a_job_as_any_other(node):
    """As ADS hands in a training with one replica to the API."""
    document = {"displayName": "n", "jobConfigurationDetails": {"jobType": "EMPTY"}, "jobNodeConfigurationDetails": {
        "jobNodeType": "MULTI_NODE", "startupOrder": "IN_PARALLEL", "jobNodeGroupConfigurationDetailsList": [{
            "name": "node-group", "replicas": 1, "minimumSuccessReplicas": 1,
            "jobInfrastructureConfigurationDetails": {"jobInfrastructureType": "MULTI_NODE", "shapeName": "VM.Standard.E4.Flex", "blockStorageSizeInGBs": 50},
            "jobConfigurationDetails": {"jobType": "DEFAULT", "environmentVariables": {"A": "group"}, "commandLineArguments": "x y"}}]}}
    done = node.run("-q", "--job", node.write("job.json", json.dumps(document)), node.write("a.sh", "echo $A $NODE_RANK $1\n"))
    said(node, done, "group 0 x\n")


# ---- what a machine does not have ----


@pytest.mark.parametrize("kind, spec, says", [
    ("script", {"scriptPathURI": "a.sh", "conda": CONDA}, "the service's conda environment 'generalml_p38_cpu_v1', and this node does not say where those packs are"),
    ("script", {"scriptPathURI": "a.sh", "env": [{"name": "CONDA_ENV_TYPE", "value": "service"}, {"name": "CONDA_ENV_SLUG", "value": "by_env_v1"}]},
     "conda environment 'by_env_v1'"),
])
def test_refused_by_name_before_anything_starts(node, kind, spec, says):
    node.write("a.sh", "echo ran\n")
    outcome = node.run("-q", job(node, kind, **spec))
    assert (outcome.status, outcome.out) == (125, b"") and says in outcome.words, outcome
    assert not node.state.exists()


def test_object_storage_needs_a_key_of_the_node(node):
    node.write("a.sh", "echo ran\n")
    text = (JOB % ("script", "      scriptPathURI: a.sh\n")).replace("  runtime:\n", (
        "  infrastructure:\n    type: dataScienceJob\n    spec:\n      storageMount: [{src: 'oci://b@n/p', dest: data}]\n  runtime:\n"))
    outcome = node.run("-q", node.write("job.yaml", text))
    assert (outcome.status, outcome.out) == (125, b"") and "oci://b@n/p (/mnt/data)" in outcome.words, outcome
    assert "no key for buckets (objects.credentials)" in outcome.words, outcome


def test_conda_none_and_a_path(node):
    node.write("a.py", "import os, sys\nprint(sys.executable, os.environ.get('CONDA_PREFIX'), os.environ['PATH'].split(':')[0])\n")
    yaml = job(node, "script", scriptPathURI="a.py", conda=CONDA)
    said(node, node.run("-q", "--conda", "none", yaml), "/usr/bin/python3 None /usr/local/sbin\n")
    folder = tempfile.mkdtemp(prefix="runlet-story.", dir="/srv")
    try:
        os.chmod(folder, 0o755)
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", folder], check=True)
        said(node, node.run("-q", "--conda", folder, yaml), "{0}/bin/python {0} {0}/bin\n".format(folder))
    finally:
        shutil.rmtree(folder)
    outcome = node.run("-q", "--conda", node.work, yaml)
    assert outcome.status == 125


# ---- pyTorchDistributed, on one node ----

# What torchrun gives its workers, and which options reached it.
TORCHRUN = """#!/usr/bin/env python3
import os, runpy, sys
words = sys.argv[1:]
options = [w for w in words if w.startswith("--")]
print(" ".join(sorted(o.split("=")[0] for o in options)))
rest = [w for w in words if not w.startswith("--")]
os.environ.update(RANK="0", WORLD_SIZE="1", LOCAL_RANK="0")
sys.argv = rest
runpy.run_path(rest[0], run_name="__main__")
"""
TRAIN = "import os, sys\nprint(sys.argv[1:], os.environ['RANK'], os.environ['WORLD_SIZE'], open('data/in.txt').read())\n" \
        "os.makedirs('out', exist_ok=True)\nopen('out/model', 'w').write('weights')\nsys.exit(int(os.environ.get('STATUS', 0)))\n"
PATH_WITH_IT = "/home/datascience/decompressed_artifact/code/project/bin:/usr/bin:/bin"


def pytorch(node, **spec):
    program = node.write("project/bin/torchrun", TORCHRUN)
    program.chmod(0o755)
    node.write("project/train.py", TRAIN)
    node.write("project/input.txt", "the input")
    return job(node, "pyTorchDistributed", **dict(dict(
        scriptPathURI="project", workingDir="project", command="torchrun train.py --epochs 2", replicas=1,
        env=[{"name": "PATH", "value": PATH_WITH_IT}] + spec.pop("variables", []),
        inputs={"input.txt": "data/in.txt"}), **spec))


def test_training_on_one_node(node):
    done = node.run("-q", pytorch(node, outputDir="out", outputUri="/home/datascience/kept"))
    assert done.status == 0, done
    assert done.text == "--nnodes --nproc_per_node --rdzv_backend --rdzv_conf --rdzv_endpoint\n[] 0 1 the input\n" or \
        done.text.endswith("0 1 the input\n"), done
    assert (node.home(done.id) / "kept/model").read_text() == "weights"
    node.check_end(done, "SUCCEEDED", "exited", 0)


def test_training_that_fails_has_its_status_and_keeps_no_output(node):
    done = node.run("-q", pytorch(node, outputDir="out", outputUri="/home/datascience/kept", variables=[{"name": "STATUS", "value": "5"}]))
    assert done.status == 5, done
    assert not (node.home(done.id) / "kept").exists()


def test_options_that_the_command_gives_are_left_alone(node):
    done = node.run("-q", pytorch(node, command="torchrun --nproc-per-node=3 --nnodes=1 --rdzv_backend=static train.py"))
    assert done.text.startswith("--nnodes --nproc-per-node --rdzv_backend\n"), done


def test_another_command_runs_as_it_stands(node):
    done = node.run("-q", pytorch(node, command="echo $MASTER_ADDR $RANK && cat data/in.txt"))
    assert (done.status, done.text) == (0, "127.0.0.1 0\nthe input"), done


@pytest.mark.parametrize("change, says", [
    ({"command": None}, "'command' is missing"),
    ({"scriptPathURI": None}, "'git' or 'scriptPathURI' is missing"),
    ({"git": {"branch": "x"}}, "'url' is missing"),
    ({"inputs": {"a": 1}}, "expected the path to which 'a' is copied"),
    ({"replicas": 0}, "replicas"),
])
def test_what_a_training_lacks_is_named_with_its_place(node, change, says):
    pytorch(node)
    spec = dict(dict(scriptPathURI="project", command="torchrun train.py"), **change)
    yaml = job(node, "pyTorchDistributed", **{k: v for k, v in spec.items() if v is not None})
    done = node.run("-q", yaml)
    assert (done.status, done.id) == (125, None) and says in done.words and "job.yaml:" in done.words, done
