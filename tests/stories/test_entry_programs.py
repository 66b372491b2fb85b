"""The Python entry programs: the user's code must not notice that it was started by them."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

ENTRY = pathlib.Path(__file__).resolve().parents[2] / "agent" / "entry"
PYTHON = "/usr/bin/python3"


class Job:
    """A decompressed_artifact with the entry programs and the user's code/."""

    def __init__(self, root):
        self.home = root / "home"
        self.landing = self.home / "decompressed_artifact"
        self.code = self.landing / "code"
        self.code.mkdir(parents=True)
        for program in ENTRY.glob("*.py"):
            shutil.copy(str(program), str(self.landing))

    def write(self, name, text):
        path = self.code / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def popen(self, program, *args, **env):
        clean = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        clean.update(env)
        return subprocess.Popen([PYTHON, str(self.landing / program)] + list(args), env=clean, cwd=str(self.landing),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)

    def run(self, program, *args, **env):
        """(exit status, stdout, stderr)"""
        process = self.popen(program, *args, **env)
        out, err = process.communicate()
        return process.returncode, out, err

    def python(self, text, *args, **env):
        self.write("main.py", text)
        return self.run("driver_python.py", *args, CODE_ENTRYPOINT="main.py", **env)


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path)


# ---- driver_python ----


def test_a_script_sees_what_python_would_show_it(job):
    status, out, err = job.python(
        "import sys, os, __main__\n"
        "print(sys.argv[1:], __name__, os.path.basename(__file__), os.path.basename(sys.argv[0]))\n"
        "print(__main__.__dict__ is globals(), os.path.basename(os.getcwd()), os.path.basename(sys.path[0]))\n", "a", "--k", "v w")
    assert (status, err) == (0, "")
    assert out == "['a', '--k', 'v w'] __main__ main.py main.py\nTrue code code\n"


@pytest.mark.parametrize("text, status, err", [
    ("import sys; sys.exit(61)", 61, ""),
    ("import sys; sys.exit(0)", 0, ""),
    ("import sys; sys.exit()", 0, ""),
    ("import sys; sys.exit('no data')", 1, "no data\n"),
    ("import sys; sys.exit(256 + 7)", 7, ""),
    ("raise SystemExit(False)", 0, ""),
    ("import os; os._exit(9)", 9, ""),
    ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, ""),
])
def test_exit_statuses_are_kept(job, text, status, err):
    assert job.python(text) == (status, "", err)


def test_tracebacks_show_the_users_frames_only(job):
    text = "def f():\n    raise ValueError('bad\\u00e9')\n\nf()\n"
    status, out, err = job.python(text)
    path = job.code / "main.py"
    alone = subprocess.run([PYTHON, str(path)], stderr=subprocess.PIPE, universal_newlines=True)
    assert (status, out) == (1, "") and err == alone.stderr and "driver" not in err


def test_a_syntax_error_names_the_file(job):
    status, _, err = job.python("x = = 1\n")
    assert status == 1 and "main.py\", line 1" in err and "SyntaxError" in err and "driver" not in err


def test_an_interrupt_stays_one(job):
    status, _, err = job.python("raise KeyboardInterrupt")
    assert status == -signal.SIGINT and "driver" not in err


def test_threads_and_processes_find_main(job):
    text = ("import multiprocessing, pickle, threading, time\n"
            "class Thing: pass\n"
            "def double(x): return 2 * x\n"
            "def late():\n    time.sleep(0.2); print(pickle.loads(pickle.dumps(Thing())).__class__.__name__, flush=True)\n"
            "if __name__ == '__main__':\n"
            "    with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(double, [1, 2]), flush=True)\n"
            "    threading.Thread(target=late).start()\n")
    assert job.python(text) == (0, "[2, 4]\nThing\n", "")


def test_output_arrives_when_it_is_flushed(job):
    job.write("main.py", "import time\nprint('now')\ntime.sleep(60)\n")
    process = job.popen("driver_python.py", CODE_ENTRYPOINT="main.py", PYTHONUNBUFFERED="1")
    assert process.stdout.readline() == "now\n"
    process.terminate()
    process.communicate()
    assert process.returncode == -signal.SIGTERM


def test_function_arguments(job):
    text = "def train(*args, **kwargs):\n    print(args, sorted(kwargs.items()), __name__)\n"
    status, out, err = job.python(text, "a", "--lr", "0.1", "b", "--flag", ENTRY_FUNCTION="train")
    assert (status, err) == (0, "") and out == "('a', 'b') [('flag', None), ('lr', '0.1')] main\n"


def test_function_errors_show_the_users_frames_only(job):
    status, _, err = job.python("def train():\n    return 1 / 0\n", ENTRY_FUNCTION="train")
    assert status == 1 and err.count("File ") == 1 and "in train" in err


def test_a_missing_function_is_named(job):
    status, _, err = job.python("x = 1\n", ENTRY_FUNCTION="train")
    assert status == 64 and "has no function train" in err


def test_dataclasses_and_pickle_in_function_mode(job):
    text = ("from __future__ import annotations\nimport dataclasses, pickle\n"
            "@dataclasses.dataclass\nclass P:\n    x: int = 1\n"
            "def go():\n    print(pickle.loads(pickle.dumps(P(3))))\n")
    assert job.python(text, ENTRY_FUNCTION="go") == (0, "P(x=3)\n", "")


def test_python_path_and_working_dir(job):
    job.write("lib/helper.py", "NAME = 'helper'\n")
    job.write("pkg/sub/beside.py", "NAME = 'beside'\n")
    job.write("top.py", "NAME = 'top'\n")
    job.write("pkg/sub/main.py", "import os, helper, beside, top\nprint(helper.NAME, beside.NAME, top.NAME, os.path.basename(os.getcwd()))\n")
    for entrypoint in ("sub/main.py", "pkg/sub/main.py"):
        assert job.run("driver_python.py", CODE_ENTRYPOINT=entrypoint, WORKING_DIR="pkg", PYTHON_PATH="../lib:/nowhere") == (
            0, "helper beside top pkg\n", "")


def test_a_folder_with_main(job):
    job.write("app/__main__.py", "import sys, part\nprint(part.X, sys.argv[1:])\n")
    job.write("app/part.py", "X = 5\n")
    assert job.run("driver_python.py", "z", CODE_ENTRYPOINT="app") == (0, "5 ['z']\n", "")


@pytest.mark.parametrize("env, status, says", [
    ({}, 64, "CODE_ENTRYPOINT is not set"),
    ({"CODE_ENTRYPOINT": "no.py"}, 66, "the entrypoint no.py is not in"),
    ({"CODE_ENTRYPOINT": "main.py", "WORKING_DIR": "no"}, 66, "cannot be entered: No such file"),
])
def test_wrong_settings(job, env, status, says):
    job.write("main.py", "print('ran')\n")
    got, out, err = job.run("driver_python.py", **env)
    assert (got, out) == (status, "") and says in err and err.startswith("runlet: ") and err.count("\n") == 1


# ---- shell entry files ----


@pytest.mark.parametrize("with_outputs", [False, True])
def test_shell_scripts_run_by_bash(job, with_outputs, tmp_path):
    env = {"OUTPUT_DIR": "out", "OUTPUT_URI": str(tmp_path / "saved")} if with_outputs else {}
    job.write("run.sh", "mkdir -p out; echo data > out/f\necho \"$1|$2|${0##*/}|${PWD##*/}\"; [[ $1 == ok ]] || exit 7\n")
    assert job.run("driver_python.py", "ok", "a b", CODE_ENTRYPOINT="run.sh", **env) == (0, "ok|a b|run.sh|code\n", "")
    assert (tmp_path / "saved" / "f").exists() is with_outputs
    assert job.run("driver_python.py", "bad", CODE_ENTRYPOINT="run.sh", **env)[0] == 7


@pytest.mark.parametrize("with_outputs", [False, True])
def test_shell_scripts_get_the_stop_signal(job, with_outputs, tmp_path):
    env = {"OUTPUT_DIR": "out", "OUTPUT_URI": str(tmp_path / "saved")} if with_outputs else {}
    job.write("run.sh", "trap 'echo stopping; exit 5' TERM\necho ready\nwhile :; do sleep 0.05; done\n")
    process = job.popen("driver_python.py", CODE_ENTRYPOINT="run.sh", **env)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    out, _ = process.communicate()
    assert (process.returncode, out) == (5, "stopping\n")


def test_a_program_without_exec_bit(job):
    job.write("tool", "echo from tool $1\n").chmod(0o644)
    assert job.run("driver_python.py", "x", CODE_ENTRYPOINT="tool") == (0, "from tool x\n", "")


# ---- outputs ----

WRITES = "import os\nos.makedirs('out/deep', exist_ok=True)\nopen('out/deep/f', 'w').write('data')\nos.chdir('/')\n"


@pytest.mark.parametrize("form", ["{}", "file://{}", "$PLACE/saved", "file://${{PLACE}}/saved"])
@pytest.mark.parametrize("end", ["", "raise SystemExit(0)"])
def test_outputs_are_copied(job, tmp_path, form, end):
    uri = form.format(tmp_path / "saved")
    assert job.python(WRITES + end, OUTPUT_DIR="out", OUTPUT_URI=uri, PLACE=str(tmp_path)) == (0, "", "")
    assert (tmp_path / "saved/deep/f").read_text() == "data"


def test_outputs_of_a_thread_are_copied(job, tmp_path):
    text = WRITES + "import threading, time\nd = '%s'\nthreading.Thread(target=lambda: (time.sleep(0.3), open(d, 'w').write('late'))).start()\n"
    job.python(text % (job.code / "out/late"), OUTPUT_DIR="out", OUTPUT_URI=str(tmp_path / "saved"))
    assert (tmp_path / "saved/late").read_text() == "late"


def test_outputs_are_merged_and_links_kept(job, tmp_path):
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved/old").write_text("old")
    text = WRITES + "os.symlink('deep/f', '%s')\n" % (job.code / "out/link")
    assert job.python(text, OUTPUT_DIR="out", OUTPUT_URI=str(tmp_path / "saved"))[0] == 0
    assert (tmp_path / "saved/old").read_text() == "old" and os.readlink(str(tmp_path / "saved/link")) == "deep/f"


def test_outputs_stay_after_a_failure(job, tmp_path):
    assert job.python(WRITES + "raise SystemExit(3)", OUTPUT_DIR="out", OUTPUT_URI=str(tmp_path / "saved"))[0] == 3
    assert not (tmp_path / "saved").exists() and (job.code / "out/deep/f").exists()


@pytest.mark.parametrize("uri, says", [
    ("oci://bucket@namespace/prefix", "neither the module ocifs nor oci"),
    ("s3://bucket/x", "s3://bucket/x is not supported"),
    ("file://relative", "absolute path"),
])
def test_impossible_destinations_are_refused_before_the_code_runs(job, uri, says):
    status, out, err = job.python("print('ran')\n", OUTPUT_DIR="out", OUTPUT_URI=uri)
    assert (status, out) == (64, "") and says in err


def test_object_storage_by_the_jobs_own_module(job, tmp_path):
    """A stand-in for ocifs that writes to a folder."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/ocifs.py").write_text(
        "class OCIFileSystem:\n    def put_file(self, path, uri): print(uri, open(path).read())\n")
    status, out, err = job.python(WRITES, OUTPUT_DIR="out", OUTPUT_URI="oci://b@n/runs/", PYTHONPATH=str(tmp_path / "site"))
    assert (status, out, err) == (0, "oci://b@n/runs/deep/f data\n", "")


def test_outputs_that_cannot_be_copied_are_a_failure(job, tmp_path):
    (tmp_path / "file").write_text("")
    status, _, err = job.python(WRITES, OUTPUT_DIR="out", OUTPUT_URI=str(tmp_path / "file" / "below"))
    assert status == 74 and "outputs could not be copied" in err


def test_missing_output_folder_is_said(job, tmp_path):
    status, _, err = job.python("pass", OUTPUT_DIR="out", OUTPUT_URI=str(tmp_path / "saved"))
    assert status == 0 and "does not exist: nothing is copied" in err


# ---- driver_notebook ----


def have_nbclient():
    return subprocess.call([PYTHON, "-c", "import nbclient, nbformat, ipykernel"], stderr=subprocess.DEVNULL) == 0


needs_notebooks = pytest.mark.skipif(not have_nbclient(), reason="needs jupyter-nbconvert and python3-ipykernel")


def notebook(*cells):
    """Cells: source, or (source, tags)."""
    cells = [cell if isinstance(cell, tuple) else (cell, []) for cell in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {"kernelspec": {"name": "conda-env-gone", "display_name": "x"}}, "cells": [
        {"cell_type": "code", "execution_count": None, "metadata": {"tags": tags}, "outputs": [], "source": source}
        for source, tags in cells]}, ensure_ascii=False)


def executed(path):
    return [cell["outputs"] for cell in json.loads(path.read_text())["cells"]]


@needs_notebooks
def test_a_notebook_runs_and_is_kept(job, tmp_path):
    job.write("nb/report.ipynb", notebook("print('h\u00e9llo')", ("print('skipped')", ["skip", "x"]), "import sys; print('e', file=sys.stderr)", "6 * 7"))
    status, out, err = job.run("driver_notebook.py", JOB_RUN_NOTEBOOK="nb/report.ipynb", NOTEBOOK_EXCLUDE_TAGS='["skip"]',
                               OUTPUT_DIR=str(tmp_path / "out"), OUTPUT_URI="file://" + str(tmp_path / "saved"))
    assert (status, out) == (0, "h\u00e9llo\n42\n") and err == "e\n"
    outputs = executed(tmp_path / "saved/report.ipynb")
    assert outputs[0][0]["text"] == ["h\u00e9llo\n"] and outputs[1] == [] and outputs[3][0]["data"]["text/plain"] == ["42"]


@needs_notebooks
def test_a_failing_notebook_is_kept_too(job, tmp_path):
    job.write("n.ipynb", notebook("print('before')", "1 / 0", "print('after')"))
    status, out, err = job.run("driver_notebook.py", JOB_RUN_NOTEBOOK="n.ipynb", OUTPUT_DIR=str(tmp_path / "out"), OUTPUT_URI=str(tmp_path / "saved"))
    assert (status, out) == (1, "before\n")
    assert err.count("ZeroDivisionError: division by zero") == 1 and "\x1b" not in err and "driver" not in err
    outputs = executed(tmp_path / "saved/n.ipynb")
    assert outputs[1][0]["ename"] == "ZeroDivisionError" and outputs[2] == []


@needs_notebooks
@pytest.mark.parametrize("code", [0, 3])
def test_a_notebook_says_its_exit_code(job, code):
    job.write("n.ipynb", notebook("import sys; sys.exit(%d)" % code, "print('after')"))
    status, out, err = job.run("driver_notebook.py", JOB_RUN_NOTEBOOK="n.ipynb")
    assert (status, out) == (code, "") and "Traceback" not in err


@needs_notebooks
def test_notebook_output_comes_while_the_cell_runs_and_sigterm_keeps_it(job):
    path = job.write("n.ipynb", notebook("import time\nprint('started', flush=True)\ntime.sleep(60)"))
    process = job.popen("driver_notebook.py", JOB_RUN_NOTEBOOK="n.ipynb")
    assert process.stdout.readline() == "started\n"
    process.terminate()
    process.communicate()
    assert process.returncode == -signal.SIGTERM
    assert executed(path)[0][0]["text"] == ["started\n"]


@needs_notebooks
def test_a_dead_kernel_is_a_failure(job):
    job.write("n.ipynb", notebook("import os; os.kill(os.getpid(), 9)"))
    status, _, err = job.run("driver_notebook.py", JOB_RUN_NOTEBOOK="n.ipynb")
    assert status == 1 and "runlet: the notebook ended: Kernel died" in err


@needs_notebooks
def test_notebook_encoding(job):
    (job.code / "n.ipynb").write_bytes(notebook("print('h\u00e9llo')").encode("latin-1"))
    assert job.run("driver_notebook.py", JOB_RUN_NOTEBOOK="n.ipynb", NOTEBOOK_ENCODING="latin-1")[:2] == (0, "h\u00e9llo\n")
    status, _, err = job.run("driver_notebook.py", JOB_RUN_NOTEBOOK="n.ipynb", NOTEBOOK_ENCODING="ascii")
    assert status == 64 and "is not a notebook in ascii" in err


@needs_notebooks
def test_a_notebook_as_python_entrypoint(job):
    job.write("n.ipynb", notebook("print(1)"))
    assert job.run("driver_python.py", CODE_ENTRYPOINT="n.ipynb")[:2] == (0, "1\n")


@pytest.mark.parametrize("env, status, says", [
    ({}, 64, "JOB_RUN_NOTEBOOK is not set"),
    ({"JOB_RUN_NOTEBOOK": "no.ipynb"}, 66, "no.ipynb cannot be read"),
    ({"JOB_RUN_NOTEBOOK": "bad.ipynb"}, 64, "is not a notebook"),
    ({"JOB_RUN_NOTEBOOK": "bad.ipynb", "NOTEBOOK_EXCLUDE_TAGS": "skip"}, 64, "must be a JSON list"),
])
@needs_notebooks
def test_wrong_notebook_settings(job, env, status, says):
    job.write("bad.ipynb", "not json")
    got, _, err = job.run("driver_notebook.py", **env)
    assert got == status and says in err and err.count("\n") == 1


def test_without_notebook_modules(job, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/nbclient.py").write_text("raise ImportError('none')\n")
    job.write("n.ipynb", notebook("print(1)"))
    status, out, err = job.run("driver_notebook.py", JOB_RUN_NOTEBOOK="n.ipynb", PYTHONPATH=str(tmp_path / "site"))
    assert (status, out) == (78, "") and "jupyter-nbconvert" in err and err.count("\n") == 1


# ---- driver_git ----


@pytest.fixture
def repository(tmp_path):
    """A bare repository: main says 1, branch `other` says 2; .first is main's first commit, which says 0."""
    if shutil.which("git") is None:
        pytest.skip("no git")
    work, bare = tmp_path / "work", tmp_path / "project.git"
    env = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null", HOME=str(tmp_path))
    for role in ("AUTHOR", "COMMITTER"):
        env["GIT_%s_NAME" % role] = "t"
        env["GIT_%s_EMAIL" % role] = "t@example.org"

    def git(*args):
        return subprocess.run(["git"] + list(args), cwd=str(work), env=env, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout.strip()

    def commit(say):
        (work / "pkg").mkdir(exist_ok=True)
        (work / "pkg/main.py").write_text("import sys, os, top\nprint(%d, sys.argv[1:], os.getcwd())\n" % say)
        (work / "top.py").write_text("")
        git("add", ".")
        git("commit", "-q", "-m", "say %d" % say)
        return git("rev-parse", "HEAD")

    work.mkdir()
    git("init", "-q", "-b", "main")
    first = commit(0)
    commit(1)
    git("checkout", "-q", "-b", "other")
    commit(2)
    git("checkout", "-q", "main")
    git("clone", "-q", "--bare", str(work), str(bare))

    class Repository:
        pass

    result = Repository()
    result.url, result.first = str(bare), first
    return result


def test_git_default_branch(job, repository):
    status, out, err = job.run("driver_git.py", "a", GIT_URL=repository.url, GIT_ENTRYPOINT="pkg/main.py")
    assert (status, err) == (0, "") and out == "1 ['a'] %s\n" % (job.home / "Code/project")


def test_git_branch_commit_and_folder(job, repository):
    env = {"GIT_URL": repository.url, "CODE_ENTRYPOINT": "pkg/main.py", "CODE_DIR": "~/here", "WORKING_DIR": "pkg"}
    assert job.run("driver_git.py", GIT_BRANCH="other", **env)[:2] == (0, "2 [] %s\n" % (job.home / "here/pkg"))
    status, out, err = job.run("driver_git.py", GIT_BRANCH="other", GIT_COMMIT=repository.first, **env)
    assert (status, out) == (0, "0 [] %s\n" % (job.home / "here/pkg"))
    assert "was there already" in err and len(list(job.home.glob("here_*"))) == 1


@pytest.mark.parametrize("change, status, says", [
    ({"GIT_URL": ""}, 64, "GIT_URL is not set"),
    ({"GIT_URL": "file:///no/such.git"}, 69, "file:///no/such.git could not be cloned"),
    ({"GIT_URL": "https://user:secret@127.0.0.1:1/x.git"}, 69, "runlet: https://127.0.0.1:1/x.git could not be cloned"),
    ({"GIT_URL": "--upload-pack=touch x"}, 64, "GIT_URL must not start with '-'"),
    ({"GIT_BRANCH": "none"}, 66, "has no branch none"),
    ({"GIT_COMMIT": "0" * 40}, 66, "has no commit 000"),
    ({"GIT_ENTRYPOINT": "no.py"}, 66, "the entrypoint no.py is not in"),
    ({"GIT_SECRET_OCID": "ocid1.vaultsecret"}, 64, "GIT_SECRET_OCID"),
])
def test_git_failures(job, repository, change, status, says):
    env = dict({"GIT_URL": repository.url, "GIT_ENTRYPOINT": "pkg/main.py"}, **change)
    got, out, err = job.run("driver_git.py", **env)
    assert (got, out) == (status, "") and says in err


# ---- pyTorchDistributed ----

@pytest.mark.parametrize("command, arguments, entrypoint, gpus, launched", [
    ("torchrun a.py", [], None, 0, "torchrun --nnodes=1 --nproc_per_node=1 RDZV a.py"),
    ("torchrun --nnode 1 --nproc_per_node=2 a.py", [], None, 4, "torchrun RDZV --nnode 1 --nproc_per_node=2 a.py"),
    ("torchrun --rdzv-backend=static a.py", [], None, 8, "torchrun --nnodes=1 --nproc_per_node=8 --rdzv-backend=static a.py"),
    (None, [], "dir/a b.py", 2, "torchrun --nnodes=1 --nproc_per_node=2 RDZV 'dir/a b.py'"),
    ("a.py", ["torchrun", "--log_dir", "x y"], None, 0, "torchrun --nnodes=1 --nproc_per_node=1 RDZV --log_dir 'x y' a.py"),
    ("accelerate launch --num_processes 4 a.py", [], None, 8,
     "accelerate launch --num_machines 1 --machine_rank 0 --main_process_ip 127.0.0.1 --main_process_port 29400 --num_processes 4 a.py"),
    ("deepspeed --num_gpus 2 a.py", [], None, 2, "deepspeed --num_gpus 2 a.py"),
    ("python a.py && echo done", [], None, 0, "python a.py && echo done"),
    (None, [], None, 0, None),
])
def test_the_command_that_launches_a_training(command, arguments, entrypoint, gpus, launched):
    text = "import driver_pytorch as d\nprint(d.launch_command(%r, %r, %r, %r, '600'))" % (command, arguments, entrypoint, gpus)
    done = subprocess.run([PYTHON, "-B", "-c", text], cwd=str(ENTRY), stdout=subprocess.PIPE, universal_newlines=True, check=True)
    rdzv = "--rdzv_backend=c10d --rdzv_endpoint=127.0.0.1:29400 --rdzv_conf=read_timeout=600"
    assert done.stdout.strip() == str(launched).replace("RDZV", rdzv)


@pytest.mark.parametrize("command, host, launched", [
    ("torchrun a.py", "10.0.0.5", "torchrun --nnodes=3 --nproc_per_node=2 --rdzv_backend=c10d --rdzv_endpoint=10.0.0.5:4000 --rdzv_conf=read_timeout=600 a.py"),
    ("torchrun a.py", "fd00::5", "torchrun --nnodes=3 --nproc_per_node=2 --rdzv_backend=c10d --rdzv_endpoint=[fd00::5]:4000 --rdzv_conf=read_timeout=600 a.py"),
    ("accelerate launch a.py", "10.0.0.5",
     "accelerate launch --num_processes 6 --num_machines 3 --machine_rank 1 --main_process_ip 10.0.0.5 --main_process_port 4000 a.py"),
])
def test_the_command_on_one_node_of_several(command, host, launched):
    text = "import driver_pytorch as d\nprint(d.launch_command(%r, [], None, 2, '600', d.Nodes(3, 1, %r, 4000)))" % (command, host)
    done = subprocess.run([PYTHON, "-B", "-c", text], cwd=str(ENTRY), stdout=subprocess.PIPE, universal_newlines=True, check=True)
    assert done.stdout.strip() == launched


@pytest.mark.parametrize("text", ["", "[", "{}", "[]", '[{"Rank": 0}]'])
def test_a_list_of_nodes_that_is_none(job, tmp_path, text):
    path = tmp_path / "nodes.json"
    path.write_text(text)
    got, out, err = job.run("driver_pytorch.py", CLUSTER_NODES_METADATA_FILE=str(path), NODE_RANK="0", OCI__LAUNCH_CMD="torchrun a.py")
    assert (got, out) == (78, "") and "does not say who the nodes are" in err, (got, err)
