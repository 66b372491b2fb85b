"""A node of its own for a story: folders, configuration, the daemon, and what lies on disk afterwards."""
import grp
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = os.geteuid() == 0
PATIENCE = 60.0


def _known(lookup, *names):
    for name in names:
        try:
            lookup(name)
            return name
        except KeyError:
            continue
    raise KeyError(names)


AGENT_USER = _known(pwd.getpwnam, "runlet", "nobody")
AGENT_GROUP = _known(grp.getgrnam, "runlet", "nogroup")
AGENT_UID = pwd.getpwnam(AGENT_USER).pw_uid
AGENT_GID = grp.getgrnam(AGENT_GROUP).gr_gid


def until(what, condition, patience=PATIENCE, pause=0.01):
    """Waits until condition() is true and returns its value; fails by name when that takes too long."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited %gs in vain: %s" % (patience, what))
        time.sleep(pause)


def facts(path):
    """The whole facts of a journal; a torn last line is none."""
    try:
        text = pathlib.Path(path).read_text()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.split("\n")[:-1]]


def stat_fields(pid):
    """The fields of /proc/PID/stat after the name: [0] is the state, [1] the parent, [19] the start time."""
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def start_time(pid):
    fields = stat_fields(pid)
    return None if fields is None or fields[0] in "ZX" else fields[19]


def can_make_disks():
    return os.path.exists("/dev/loop-control") and any(os.path.exists(p) for p in ("/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"))


def files_behind_disks():
    """The files behind this machine's loop devices."""
    found = []
    for path in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            found.append(path.read_text().strip())
        except OSError:  # it was freed just now
            pass
    return found


def children(pid):
    """Processes whose parent is pid."""
    found = []
    for entry in os.listdir("/proc"):
        fields = stat_fields(int(entry)) if entry.isdigit() else None
        if fields is not None and int(fields[1]) == pid and fields[0] not in "ZX":
            found.append(int(entry))
    return found


def status_of(pid):
    """/proc/PID/status as a dictionary."""
    lines = pathlib.Path("/proc/%d/status" % pid).read_text().splitlines()
    return dict((k, v.strip()) for k, _, v in (line.partition(":") for line in lines))


# A job that goes on until let_go.
HELD = 'echo begin; while [ ! -e "$HOME/go" ]; do sleep 0.05; done; echo end\n'


class Node:
    def __init__(self, bin_dir, folder=None, **config):
        self.bin = bin_dir
        # Short, and open to the agent's user on every level: pytest's own folders are neither.
        self.root = pathlib.Path(folder or tempfile.mkdtemp(prefix="rl."))
        self.root.chmod(0o755)
        self.state, self.run_dir, self.work = self.root / "state", self.root / "run", self.root / "work"
        self.work.mkdir(exist_ok=True)
        self.config = self.root / "runlet.yaml"
        self.daemon = None
        self.daemons = []
        self.prefix = []  # the words before each command of ours
        self.log = self.root / "runletd.log"
        self.configure(**config)

    def configure(self, concurrency=1, extra=""):
        self.config.write_text(
            "concurrency: %d\nagent:\n  user: %s\n  group: %s\n"
            "directories:\n  state: %s\n  run: %s\nstop:\n  grace: 5s\n%s"
            % (concurrency, AGENT_USER, AGENT_GROUP, self.state, self.run_dir, extra))

    # ---- programs ----

    def command(self, *args):
        return [*self.prefix, str(self.bin / "runlet"), "--config", str(self.config)] + [str(a) for a in args]

    def runlet(self, *args, check=None, timeout=PATIENCE, **kwargs):
        """Runs the command line to its end. With check: the exit status it must have."""
        done = subprocess.run(self.command(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=timeout, cwd=self.work, **kwargs)
        if check is not None:
            assert done.returncode == check, (args, done.returncode, done.stdout[-2000:], done.stderr[-2000:], self.tail())
        return done

    def start(self, wait=True):
        """Starts runletd; with wait until it serves."""
        with open(self.log, "ab") as log:
            self.daemon = subprocess.Popen([*self.prefix, str(self.bin / "runletd"), "--config", str(self.config)],
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.work)
        self.daemons.append(self.daemon)
        if wait:
            until("runletd serves: " + self.tail(), self.serves)
        return self.daemon

    def serves(self):
        if self.daemon.poll() is not None:
            raise AssertionError("runletd ended with %s: %s" % (self.daemon.returncode, self.tail()))
        code, node = self.api("GET", "/v1/node", patience=None)
        return code == 200 and node["pid"] == self.daemon.pid

    def stop(self, how=signal.SIGTERM):
        self.daemon.send_signal(how)
        self.daemon.wait(PATIENCE)
        return self.daemon.returncode

    def tail(self, size=3000):
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else ""

    def api(self, method, path, patience=PATIENCE, prefix=()):
        """(HTTP status, decoded body); (0, None) when nobody listens."""
        done = subprocess.run([*prefix, "curl", "-s", "--unix-socket", str(self.run_dir / "api.sock"), "-X", method, "-w",
                               "\n%{http_code}", "-m", str(patience or 2), "http://localhost" + path],
                              stdout=subprocess.PIPE, text=True)
        body, _, code = done.stdout.rpartition("\n")
        return int(code or 0), json.loads(body) if body else None

    def shown(self):
        """What the agent says of its node."""
        return self.api("GET", "/v1/node")[1]

    # ---- jobs ----

    def let_go(self, run_id):
        """Lets a HELD job end."""
        (self.home(run_id) / "go").touch()

    def script(self, text, name="job.sh"):
        path = self.work / name
        path.write_text(text)
        return path

    def submit(self, text, *options, name="job.sh", run_id=None):
        """Hands in a shell script and returns the run's id."""
        if run_id is None:
            return self.runlet("submit", *options, self.script(text, name), check=0).stdout.strip()
        return self.runlet(*self.submission(text, run_id), check=0).stdout.strip()

    def submission(self, text, run_id):
        """The arguments that submit a shell script as the run with that id."""
        job, run = self.work / "j.json", self.work / "r.json"
        job.write_text(json.dumps({"id": "job.1", "displayName": "j", "jobConfigurationDetails": {"jobType": "DEFAULT"}}))
        run.write_text(json.dumps({"id": run_id, "jobId": "job.1", "displayName": "r"}))
        return ["submit", "--job", job, "--run", run, self.script(text)]

    # ---- what is known of a run ----

    def view(self, run_id):
        """runlet status --json, or None while the run is not there."""
        done = self.runlet("status", "--json", run_id)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def ids(self):
        folder = self.state / "agent"
        return sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []

    def finished(self, run_id):
        return (self.state / "agent" / run_id / "finished").exists()

    def await_finished(self, run_id, patience=PATIENCE):
        until("run %s is finished: %s" % (run_id, self.tail()), lambda: self.finished(run_id), patience)

    def supervisor_facts(self, run_id, event=None):
        found = facts(self.state / "runs" / run_id / "supervisor.journal")
        return [f for f in found if event is None or f["event"] == event]

    def await_running(self, run_id):
        """The supervisor's word that the job runs: pid, deadline-boot-ms, ..."""
        return until("run %s runs: %s" % (run_id, self.tail()), lambda: self.supervisor_facts(run_id, "running"))[0]

    def supervisor(self, run_id):
        """The pid of the run's supervisor."""
        return until("supervisor of %s" % run_id, lambda: self.supervisor_facts(run_id, "accepted"))[0]["pid"]

    def record(self, run_id):
        """The exit record, or None."""
        found = facts(self.state / "runs" / run_id / "exit")
        return found[0] if found else None

    def ledger(self, run_id):
        """What the control plane was told."""
        return facts(self.state / "agent" / run_id / "reports.jsonl")

    def ends(self, run_id):
        return [f for f in self.ledger(run_id) if f["lifecycleState"] in ("SUCCEEDED", "FAILED", "CANCELED", "NEEDS_ATTENTION")]

    def the_end(self, run_id):
        """The one end that was reported."""
        ends = self.ends(run_id)
        assert len(ends) == 1, ends
        return ends[0]

    def output(self, run_id):
        """(stdout, stderr) of the job, as runlet logs prints them."""
        done = self.runlet("logs", run_id, check=0)
        return done.stdout, done.stderr

    def raw_log(self, run_id):
        path = self.state / "runs" / run_id / "log" / "output.log"
        return path.read_bytes() if path.exists() else b""

    def home(self, run_id):
        return self.state / "runs" / run_id / "home"

    # ---- nothing left ----

    def processes(self):
        """Everything that executes a program of ours for this node."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                words = pathlib.Path("/proc/%s/cmdline" % entry).read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            # The starter and the supervisors name the node's folders; runlet and runletd its configuration.
            if any(str(self.root).encode() in w for w in words) and re.search(rb"/runlet", words[0]) is not None:
                found.append(int(entry))
        return found

    def left_behind(self, run_id):
        """What should not be there once a run is finished."""
        run = self.state / "runs" / run_id
        left = [str(p) for p in [run / "scratch", self.run_dir / "runs" / (run_id + ".sock"), self.state / "agent" / run_id / "parts"]
                if p.exists()]
        left += [str(p) for p in (self.state / "runs").glob(".new.*")]
        running = self.supervisor_facts(run_id, "running")
        if running and start_time(running[0]["pid"]) == str(running[0]["start-time"]):
            left.append("main process %d" % running[0]["pid"])
        return left

    def close(self):
        """Ends what this node started, by pid, and removes its folder."""
        for daemon in self.daemons:
            if daemon.poll() is None:
                daemon.kill()
            daemon.wait()
        for run_id in self.ids():
            if not self.record(run_id):
                for fact in self.supervisor_facts(run_id, "accepted"):
                    if start_time(fact["pid"]) == str(fact["start-time"]):
                        os.kill(fact["pid"], signal.SIGKILL)
        until("the node's processes end: %r" % self.processes(), lambda: not self.processes(), patience=30)
        shutil.rmtree(self.root, ignore_errors=True)
