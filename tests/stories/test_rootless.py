"""`runlet run` as an ordinary user: contained by what the kernel gives without root, and saying what is missing."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import zipfile

import pytest

from node_rig import PATIENCE, facts, until

UID, GID = 54321, 54322


class Person:
    """An ordinary user with a home, and no part in any node."""

    def __init__(self, bin_dir):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="rl."))
        self.root.chmod(0o755)
        # The programs have to be in the reach of one who may not enter the folder of a checkout.
        self.bin = self.root / "bin"
        shutil.copytree(bin_dir, self.bin)
        self.home = self.root / "home"
        self.home.mkdir()
        os.chown(self.home, UID, GID)
        self.state = self.home / ".local/state/runlet"

    def command(self, *args):
        return ["setpriv", "--reuid", str(UID), "--regid", str(GID), "--clear-groups", str(self.bin / "runlet"), *map(str, args)]

    def call(self, *args, **how):
        return subprocess.run(self.command(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=PATIENCE, env={"PATH": os.environ["PATH"], "HOME": str(self.home)}, cwd=self.home, **how)

    def write(self, name, text):
        path = self.home / name
        path.write_text(text)
        os.chown(path, UID, GID)
        return path

    def runs(self):
        return sorted(p for p in (self.state / "runs").glob("*") if not p.name.startswith(".")) if self.state.exists() else []


@pytest.fixture
def person(bin_dir):
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody who is not")
    someone = Person(bin_dir)
    done = subprocess.run(["setpriv", "--reuid", str(UID), "--regid", str(GID), "--clear-groups", "unshare", "--user", "true"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        pytest.skip("this machine has no user namespaces for ordinary users: " + done.stdout.strip())
    yield someone
    shutil.rmtree(someone.root)


LOOK = """
import json, os
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
def refused(path):
    try:
        open(path, "w").close()
        return False
    except OSError:
        return True
print(json.dumps({"ids": [os.getuid(), os.getgid()], "cwd": os.getcwd(), "caps": status["CapEff"].strip(), "seccomp": status["Seccomp"].strip(),
                  "nnp": status["NoNewPrivs"].strip(), "pids": len([p for p in os.listdir("/proc") if p.isdigit()]), "user": os.environ["USER"],
                  "usr": refused("/usr/x"), "home": refused("x"), "others": os.listdir("/home")}))
"""


def test_the_job_is_contained(person):
    done = person.call("run", "-q", person.write("look.py", LOOK))
    assert done.returncode == 0, done
    seen = json.loads(done.stdout)
    assert seen["ids"] == [1000, 100] and seen["user"] == "datascience" and seen["cwd"] == "/home/datascience"
    assert int(seen["caps"], 16) == 0 and seen["seccomp"] == "2" and seen["nnp"] == "1"
    assert seen["pids"] <= 3 and seen["usr"] and not seen["home"] and seen["others"] == ["datascience"]


def test_its_files_are_the_users_and_what_is_missing_is_said(person):
    done = person.call("run", person.write("job.sh", "echo hello; echo data > result; exit 3\n"))
    assert (done.returncode, done.stdout) == (3, "hello\n"), done
    (run,) = person.runs()
    assert (run / "home/result").read_text() == "data\n" and (run / "home/result").stat().st_uid == UID
    assert "runs without metadata" in done.stderr
    status = person.call("status", "--json", run.name)
    assert json.loads(status.stdout)["exitCode"] == 3
    assert "metadata" in person.call("status", run.name).stdout
    assert person.call("logs", run.name).stdout == "hello\n"
    assert "missing" in person.call("why", run.name).stdout


def test_archives_are_unpacked(person):
    path = person.home / "project.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("main.py", "import helper\nprint(helper.WORD)\n")
        archive.writestr("helper.py", "WORD = 'from the archive'\n")
    os.chown(path, UID, GID)
    done = person.call("run", "-q", "--entrypoint", "main.py", path)
    assert (done.returncode, done.stdout) == (0, "from the archive\n"), done


def test_a_limit_that_needs_root_is_refused_and_not_forgotten(person):
    person.write("job.sh", "echo ran\n")
    job = person.write("job.yaml", "kind: job\nspec:\n  name: j\n  runtime:\n    kind: runtime\n    type: script\n    spec:\n"
                       "      scriptPathURI: job.sh\n      x-runlet: {limits: {memory: 64M}}\n")
    done = person.call("run", "-q", job)
    (run,) = person.runs()
    (record,) = facts(run / "exit")
    if record["stop-cause"] == "none":
        assert done.stdout == "ran\n"  # the machine delegates memory to ordinary users
    else:
        assert (done.returncode, done.stdout, record["stop-cause"]) == (125, "", "limit-not-applied"), done
        assert "memory" in done.stderr and "limits.bestEffort" in done.stderr


def test_an_interrupt_ends_everything(person):
    job = person.write("job.sh", "trap '' TERM\nsleep 1000 & sleep 1000 & echo ready; wait\n")
    process = subprocess.Popen(person.command("run", "-q", job), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               env={"PATH": os.environ["PATH"], "HOME": str(person.home)}, cwd=person.home)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 130
    process.stdout.close()

    def users():
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                if f"\nUid:\t{UID}\t" in entry.read_text():
                    found.append(entry)
            except OSError:
                pass
        return found
    until("nothing of it is left", lambda: not users())
