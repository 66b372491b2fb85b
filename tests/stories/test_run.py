"""`runlet run`: its exit status, its signals, its options, and what of the caller reaches the job."""
import json
import os
import pathlib
import pty
import signal
import subprocess

import pytest

from node_rig import PATIENCE, until
from run_rig import PHASES

STOPPED = PHASES[:4] + ["STOPPING"] + PHASES[4:]
SHOW = "import json, os, sys\nprint(json.dumps({'args': sys.argv[1:], 'env': dict(os.environ)}))\n"


def shown(outcome):
    assert outcome.status == 0, outcome
    return json.loads(outcome.text)


# ---- the exit status ----


@pytest.mark.parametrize("code", [0, 1, 2, 61, 124, 125, 126, 127, 128, 255])
def test_the_jobs_exit_code_is_ours(node, code):
    outcome = node.shell("exit %d\n" % code)
    assert (outcome.status, outcome.out, outcome.err) == (code, b"", b"")
    node.check_end(outcome, "FAILED" if code else "SUCCEEDED", "exited", code)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE, signal.SIGUSR1])
def test_a_signal_gives_128_more(node, number):
    outcome = node.shell("kill -%d $$\n" % number)
    assert (outcome.status, outcome.words) == (128 + number, "")
    assert node.check_end(outcome, "FAILED", "signaled")["signal"] == number


def test_the_deadline_gives_124_also_when_the_job_obeys(node):
    outcome = node.shell("trap 'echo bye; exit 0' TERM\necho ready\nwhile :; do sleep 0.05; done\n", "--max-runtime", "1s")
    assert (outcome.status, outcome.text) == (124, "ready\nbye\n"), outcome
    node.check_end(outcome, "FAILED", "deadline-exceeded", exit_code=node.status_json(outcome.id).get("exitCode"), phases=STOPPED)


@pytest.mark.parametrize("arguments, says", [
    ([], "nothing to read"),
    (["nothing.py"], "nothing.py: No such file or directory"),
    (["--wrong", "x"], "unknown option --wrong"),
    (["data.csv"], "not a type of artifact"),
    (["job.sh", "--env", "1A=2"], "--env: '1A' is not the name of a variable"),
    (["job.sh", "--env", "NOT_SET_HERE"], "NOT_SET_HERE has no value here"),
    (["job.sh", "--env-file", "none.env"], "none.env: No such file"),
    (["job.sh", "--env-file", "bad.env"], "bad.env:3: 'no name'"),
    (["job.sh", "--max-runtime", "soon"], "--max-runtime: a time up to 30d"),
    (["job.sh", "--max-runtime", "31d"], "--max-runtime: a time up to 30d"),
    (["job.sh", "--max-runtime", "0s"], "--max-runtime: a time up to 30d"),
    (["job.sh", "--conda", "/nowhere"], "--conda /nowhere: No such file"),
    (["job.sh", "--conda", "/etc"], "--conda /etc is not a conda environment"),
    (["job.sh", "--name", "n" * 300], "--name: at most 255"),
    (["job.sh", "--", b"\xff"], "argument 1 is not UTF-8"),
    (["job.sh", "--", "x" * 4001], "the limit is 4000"),
    (["job.sh", "-e", "A=" + "x" * 20001], "the limit is 20000"),
])
def test_our_own_errors_give_125_and_create_nothing(node, arguments, says):
    node.write("job.sh", "echo ran\n")
    node.write("data.csv", "1,2\n")
    node.write("bad.env", "# a comment\nA=1\nno name\n")
    command = node.command("run")
    done = subprocess.run([a if isinstance(a, bytes) else str(a) for a in command + arguments], cwd=str(node.work),
                          env=node.environment(None), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (125, b""), done
    assert says in done.stderr.decode(errors="replace")
    assert not node.state.exists() and not node.run_dir.exists()


@pytest.mark.parametrize("path, status", [("/nowhere/bash", 127), ("/etc/passwd", 126), ("/etc", 126)])
def test_an_interpreter_that_cannot_be_executed(node, path, status):
    node.configure(extra="bash: %s\n" % path)
    outcome = node.shell("echo never\n")
    assert (outcome.status, outcome.out) == (status, b""), outcome
    assert "execute: %s: " % path in outcome.words
    node.check_end(outcome, "FAILED", "launch-failed", phases=node.phases(outcome.id))


def test_quiet_still_says_why_a_job_could_not_start(node):
    node.write("project/a.sh", "echo hi\n")
    outcome = node.run("-q", "project", "--entrypoint", "b.sh")
    assert (outcome.status, outcome.out) == (125, b"")
    assert "entrypoint 'b.sh' is not a file of the artifact; did you mean 'a.sh'" in outcome.words
    node.check_end(outcome, "FAILED", "artifact-rejected", phases=node.phases(outcome.id))


# ---- signals ----

PATIENT = "trap 'echo asked; exit 7' TERM\ntrap 'echo wrong signal' INT\necho ready\nwhile :; do sleep 0.05; done\n"
DEAF = "trap '' TERM INT HUP\necho ready\nwhile :; do sleep 0.05; done\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_asks_the_job_to_stop(node, number):
    run = node.start_run(node.write("job.sh", PATIENT))
    run.await_output(b"ready\n")
    run.process.send_signal(number)
    outcome = run.end()
    assert (outcome.status, outcome.text) == (7, "ready\nasked\n"), outcome
    assert "runlet: stopping the run; press Ctrl-C again to kill it\n" in outcome.words
    node.check_end(outcome, "CANCELED", "cancelled", exit_code=node.status_json(outcome.id).get("exitCode"), phases=STOPPED)


def test_a_job_that_ends_well_when_asked_was_still_cancelled(node):
    run = node.start_run(node.write("job.sh", PATIENT.replace("exit 7", "exit 0")))
    run.await_output(b"ready\n")
    run.process.send_signal(signal.SIGINT)
    outcome = run.end()
    assert outcome.status == 130, outcome
    node.check_end(outcome, "CANCELED", "cancelled", exit_code=node.status_json(outcome.id).get("exitCode"), phases=STOPPED)


def test_the_second_signal_kills(node):
    run = node.start_run(node.write("job.sh", DEAF), "-q")
    run.await_output(b"ready\n")
    run.process.send_signal(signal.SIGINT)
    until("the stop is asked for", lambda: "STOPPING" in node.phases(run.await_id()))
    run.process.send_signal(signal.SIGINT)
    outcome = run.end()
    assert (outcome.status, outcome.text, outcome.words) == (130, "ready\n", ""), outcome
    assert node.check_end(outcome, "CANCELED", "cancelled", phases=STOPPED)["signal"] == signal.SIGKILL


def test_ctrl_c_at_a_terminal_reaches_only_runlet(node):
    """The terminal sends SIGINT to the whole foreground group: nobody but runlet may take it for itself."""
    job = node.write("job.sh", PATIENT)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(str(node.work))
        command = node.command("run", job)
        os.execve(command[0], command, node.environment(None))
    seen = b""

    def read_until(text):
        nonlocal seen
        while text not in seen:
            try:
                chunk = os.read(terminal, 4096)
            except OSError:  # nobody has it open any more
                break
            seen += chunk
        assert text in seen, seen

    read_until(b"ready\r\n")
    os.write(terminal, b"\x03")
    read_until(b"exit code 7")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.WEXITSTATUS(status) == 7
    assert b"asked\r\n" in seen and b"wrong signal" not in seen
    node.leftovers()


def in_namespace(pid_namespace):
    """The processes of a pid namespace, whatever they call themselves and whoever their parent is."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "ns/pid_for_children") == pid_namespace:
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def test_a_tree_of_a_thousand_is_gone_after_the_kill(node):
    """They fork, double-fork, start sessions, ignore SIGTERM, and half of them scrub their environment."""
    text = ("import os, signal, time\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "for i in range(1000):\n"
            "    if os.fork() == 0:\n"
            "        os.setsid()\n"
            "        if i % 2 and os.fork():\n"
            "            os._exit(0)\n"
            "        os.execve('/bin/sleep', ['kworker/0:1', '3600'], {} if i % 4 < 2 else os.environ)\n"
            "print('ready', flush=True)\n"
            "while True:\n"
            "    time.sleep(1)\n")
    run = node.start_run(node.write("job.py", text), "-q")
    run.await_output(b"ready\n")
    # The last of them may still be about to fork.
    namespace = os.readlink("/proc/%d/ns/pid" % node.status_json(run.await_id())["pid"])
    until("a thousand processes", lambda: len(in_namespace(namespace)) >= 1000)
    run.process.send_signal(signal.SIGINT)
    until("the stop is asked for", lambda: "STOPPING" in node.phases(run.await_id()))
    run.process.send_signal(signal.SIGINT)
    outcome = run.end()
    assert outcome.status == 130, outcome
    node.check_end(outcome, "CANCELED", "cancelled", phases=STOPPED)
    assert in_namespace(namespace) == []


# ---- arguments ----

WORDS = ["", " ", "a b", "'", '"', "it's \"so\"", "\\", "\\n", "$HOME `id` $(id)", "*", "~", "--", "-x", "tab\there", "two\nlines",
         "naïve – 日本語 🦊", "#no comment", "a;b|c&d>e", "\x01"]


def test_arguments_arrive_as_they_were_written(node):
    assert shown(node.python(SHOW, "--", *WORDS))["args"] == WORDS
    outcome = node.shell('for word in "$@"; do printf "%s\\0" "$word"; done\n', "--", *WORDS)
    assert outcome.text == "".join(word + "\0" for word in WORDS)


def test_arguments_of_the_command_line_replace_the_jobs(node):
    node.write("job.py", SHOW)
    yaml = node.write("job.yaml", "kind: job\nspec:\n  runtime:\n    type: script\n    spec:\n      scriptPathURI: job.py\n"
                                  "      args: [from, 'the job']\n")
    assert shown(node.run("-q", yaml))["args"] == ["from", "the job"]
    assert shown(node.run("-q", yaml, "--", "mine"))["args"] == ["mine"]
    assert shown(node.run("-q", yaml, "--"))["args"] == []


# ---- the environment ----


def test_nothing_of_the_callers_environment_leaks(node):
    env = shown(node.python(SHOW, env={"SECRET_OF_THE_CALLER": "x", "LD_PRELOAD": "", "PYTHONPATH": "/nowhere"}))["env"]
    assert not {"SECRET_OF_THE_CALLER", "PYTHONPATH", "LD_PRELOAD"} & set(env)
    assert (env["HOME"], env["USER"], env["LOGNAME"], env["TMPDIR"]) == ("/home/datascience", "datascience", "datascience", "/tmp")


def test_variables_of_the_command_line(node):
    node.write("a.env", "# a comment\nA=file\nB=file with  blanks\nC='quoted'\n\nTAKEN\n")
    env = shown(node.python(SHOW, "--env-file", "a.env", "--env", "A=line", "-e", "EMPTY=", "-e", "EQUALS=a=b", "-e", "UNI=é\nü",
                            "-e", "MINE", env={"MINE": "from here", "TAKEN": "by name"}))["env"]
    assert {k: env[k] for k in ("A", "B", "C", "EMPTY", "EQUALS", "UNI", "MINE", "TAKEN")} == {
        "A": "line", "B": "file with  blanks", "C": "'quoted'", "EMPTY": "", "EQUALS": "a=b", "UNI": "é\nü", "MINE": "from here",
        "TAKEN": "by name"}


def oci(node, job=None, run=None, **more):
    documents = {"job.json": {"id": "ocid.job", "jobConfigurationDetails": dict(jobType="DEFAULT", **(job or {})), **more},
                 "run.json": {"id": "ocid.run", "jobId": "ocid.job", "jobConfigurationOverrideDetails": dict(jobType="DEFAULT", **(run or {}))}}
    for name, document in documents.items():
        node.write(name, json.dumps(document))
    return ["--job", "job.json", "--run", "run.json"]


def test_every_layer_of_variables(node):
    """jobruntime.yaml < job < run < command line; the platform's own above all."""
    node.write("project/show.py", SHOW)
    node.write("project/jobruntime.yaml", "JOB_RUN_ENTRYPOINT: show.py\nFILE: file\nJOB: file\nRUN: file\nLINE: file\nHOME: /nowhere\n"
                                          "JOB_RUN_OCID: file\n")
    documents = oci(node, {"environmentVariables": {"JOB": "job", "RUN": "job", "LINE": "job", "PROJECT_OCID": "job"}},
                    {"environmentVariables": {"RUN": "run", "LINE": "run", "JOB_OCID": "run"}}, projectId="ocid.project")
    outcome = node.run("-q", *documents, "project", "-e", "LINE=line", "-e", "JOB_RUN_OCID=line", "-e", "JOB_ARTIFACT_FILE_NAME=line")
    env = shown(outcome)["env"]
    assert {k: env[k] for k in ("FILE", "JOB", "RUN", "LINE")} == {"FILE": "file", "JOB": "job", "RUN": "run", "LINE": "line"}
    assert (env["JOB_RUN_OCID"], env["JOB_OCID"], env["PROJECT_OCID"]) == (outcome.id, "ocid.job", "ocid.project")
    assert (env["JOB_ARTIFACT_FILE_NAME"], env["NODE_RANK"]) == ("project.zip", "0")


# ---- other options ----


def test_names(node):
    outcome = node.shell("true\n")
    assert node.status_json(outcome.id)["displayName"] == "job.sh"
    outcome = node.shell("true\n", "--name", "a run – with a name")
    assert node.status_json(outcome.id)["displayName"] == "a run – with a name"


def test_json_is_the_runs_end(node):
    outcome = node.shell("echo out >&2; exit 3\n", "--json")
    assert (outcome.status, outcome.words) == (3, "out\n")
    assert json.loads(outcome.text) == node.status_json(outcome.id)


def test_detach_returns_at_once_and_the_run_goes_on(node):
    job = node.write("job.sh", "echo started\nuntil [ -e go ]; do sleep 0.05; done\necho done\nexit 5\n")
    outcome = node.run("--detach", job)
    assert (outcome.status, outcome.text.strip()) == (0, outcome.id), outcome
    until("the job runs", lambda: node.raw_log(outcome.id) == b"started\n")
    assert node.status_json(outcome.id)["lifecycleState"] == "IN_PROGRESS"
    (node.home(outcome.id) / "go").touch()
    node.await_finished(outcome.id)
    node.check_end(outcome, "FAILED", "exited", 5)
    assert node.raw_log(outcome.id) == b"started\ndone\n"


def test_detach_as_json(node):
    outcome = node.run("--detach", "--json", node.write("job.sh", "true\n"))
    assert json.loads(outcome.text) == {"id": outcome.id}
    node.await_finished(outcome.id)
    node.leftovers()


def test_dry_run_shows_everything_and_creates_nothing(node):
    node.write("project/main.py", SHOW)
    options = ["project", "--entrypoint", "main.py", "-e", "COLOR=red", "-e", "MY_PASSWORD=hush", "--max-runtime", "90s", "--dry-run"]
    text = node.run(*options, "--", "a b")
    assert text.status == 0 and text.err == b"", text
    for part in ("/home/datascience/decompressed_artifact", "/usr/bin/python3", "a b", "COLOR=red", "JOB_RUN_OCID=local.", "platform",
                 "1 min 30 s after the start", "SIGTERM", "Nothing was created."):
        assert part in text.text, part
    assert "hush" not in text.text
    done = node.run(*options, "--json", "--", "a b")
    plan = json.loads(done.text)
    assert plan["argv"] == ["/usr/bin/python3", "/home/datascience/decompressed_artifact/main.py", "a b"]
    assert (plan["maximumRuntimeMilliseconds"], plan["maximumRuntimeLayer"], plan["umask"]) == (90000, "run", 0o22)
    assert {"name": "COLOR", "value": "red", "layer": "run", "masked": False} in plan["environment"]
    assert "hush" not in done.text
    assert not node.state.exists() and not node.run_dir.exists()


def test_dry_run_needs_no_root(node):
    node.write("job.sh", "true\n")
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + node.command("run", "-n", "job.sh"),
                          cwd=str(node.work), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + node.command("run", "job.sh"),
                          cwd=str(node.work), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # An ordinary user runs jobs in folders of his own; those of this node are not.
    assert done.returncode == 125 and b"Permission denied" in done.stderr
    assert not node.state.exists()


def test_keep_is_noted(node):
    outcome = node.shell("echo kept > file\n", "--keep")
    assert (node.home(outcome.id) / "file").read_text() == "kept\n"
    assert (node.state / "agent" / outcome.id / "keep").exists()


def test_runs_side_by_side_do_not_wait_for_each_other(node):
    job = node.write("job.sh", "echo ready\nuntil [ -e go ]; do sleep 0.05; done\n")
    first = node.start_run("-q", job)
    first.await_output(b"ready\n")
    assert node.run("-q", node.write("quick.sh", "echo quick\n")).out == b"quick\n"
    (node.home([i for i in node.ids() if node.raw_log(i) == b"ready\n"][0]) / "go").touch()
    assert first.process.wait(PATIENCE) == 0
    node.leftovers()
