"""`runlet run` and the run it leaves on disk: bytes in, bytes out, and the checks that every run must pass."""
import fcntl
import json
import os
import pathlib
import subprocess

from node_rig import PATIENCE, Node, facts, until

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
ENDS = ("SUCCEEDED", "FAILED", "CANCELED", "NEEDS_ATTENTION")
PHASES = ["ACCEPTED", "PREPARING", "LAUNCHING", "RUNNING", "CLEANING", "SHIPPING", "REPORTING", "FINISHED"]


class Outcome:
    """How one call of runlet ended; `id` is the run it made, or None."""

    def __init__(self, status, out, err, run_id):
        self.status, self.out, self.err, self.id = status, out, err, run_id

    @property
    def text(self):
        return self.out.decode()

    @property
    def words(self):
        """What runlet and the job said on stderr."""
        return self.err.decode(errors="replace")

    def __repr__(self):
        return "status %d, run %s\n--- stdout\n%s\n--- stderr\n%s" % (
            self.status, self.id, self.out[-3000:].decode(errors="replace"), self.words[-3000:])


class Started:
    """A `runlet run` that goes on in the background; what it writes goes to files."""

    def __init__(self, node, process, before, out, err):
        self.node, self.process, self.before, self.out, self.err = node, process, before, out, err

    def await_id(self):
        return until("the run is there", lambda: self.node.new_id(self.before))

    def await_output(self, text):
        """Waits until the job has written this on stdout."""
        until("the job says %r" % text, lambda: text in self.out.read_bytes() or self._gone())
        assert text in self.out.read_bytes(), self.err.read_bytes()

    def _gone(self):
        return self.process.poll() is not None

    def end(self, timeout=PATIENCE):
        self.process.wait(timeout)
        return Outcome(self.process.returncode, self.out.read_bytes(), self.err.read_bytes(), self.node.new_id(self.before))


class RunNode(Node):
    def __init__(self, bin_dir, **config):
        super().__init__(bin_dir, **config)
        self.started = []

    # ---- running ----

    def environment(self, env):
        return dict({"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, **(env or {}))

    def new_id(self, before):
        new = {name for name in set(self.ids()) - before if "+" not in name}  # not the nodes of a run of several
        assert len(new) < 2, new
        return new.pop() if new else None

    def call(self, verb, *args, env=None, timeout=PATIENCE, cwd=None):
        """Runs a verb to its end, with bytes for output and nothing of the caller's environment."""
        before = set(self.ids())
        done = subprocess.run(self.command(verb, *args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.environment(env), timeout=timeout, cwd=str(cwd or self.work))
        return Outcome(done.returncode, done.stdout, done.stderr, self.new_id(before))

    def run(self, *args, **how):
        return self.call("run", *args, **how)

    def start_run(self, *args, stdin=subprocess.DEVNULL, env=None):
        number = len(self.started)
        out, err = self.work / ("out.%d" % number), self.work / ("err.%d" % number)
        before = set(self.ids())
        with open(out, "wb") as to_out, open(err, "wb") as to_err:
            process = subprocess.Popen(self.command("run", *args), stdin=stdin, stdout=to_out, stderr=to_err,
                                       env=self.environment(env), cwd=str(self.work))
        self.started.append(process)
        return Started(self, process, before, out, err)

    def write(self, name, text):
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text)
        return path

    def python(self, text, *args, name="job.py", **how):
        """Runs a Python text with options and -- arguments."""
        return self.run("-q", self.write(name, text), *args, **how)

    def shell(self, text, *args, name="job.sh", **how):
        return self.run("-q", self.write(name, text), *args, **how)

    # ---- what is known ----

    def status_json(self, run_id):
        done = self.call("status", "--json", run_id)
        assert done.status == 0, done
        return json.loads(done.text)

    def journal(self, run_id):
        return facts(self.state / "agent" / run_id / "agent.journal")

    def phases(self, run_id):
        changes = [f for f in self.journal(run_id) if f["event"] == "phase"]
        return [changes[0]["from"]] + [f["to"] for f in changes] if changes else []

    def logs(self, run_id):
        """What `runlet logs` prints: (stdout, stderr)."""
        done = self.call("logs", run_id)
        assert done.status == 0, done
        return done.out, done.err

    # ---- nothing left (I1) ----

    def locks_held(self):
        held = []
        for path in list(self.state.glob("runs/*/lock")) + list(self.state.glob("agent/*/lock")):
            with open(path) as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    held.append(str(path))
        return held

    def processes_of_runs(self):
        """Processes whose environment names a run of this node, in whatever namespace they are."""
        found, ids = [], [("JOB_RUN_OCID=%s\0" % i).encode() for i in self.ids()]
        for entry in os.listdir("/proc"):
            try:
                environment = pathlib.Path("/proc", entry, "environ").read_bytes() if entry.isdigit() else b""
            except OSError:
                continue
            if any(i in environment for i in ids):
                found.append(int(entry))
        return found

    def mounts_of_runs(self):
        return [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if str(self.root) in line]

    def groups_of_runs(self):
        """Control groups that are named after a run of this node."""
        ids = set(self.ids())
        return [folder for folder, names, _ in os.walk("/sys/fs/cgroup") if any(i in os.path.basename(folder) for i in ids)]

    def leftovers(self):
        """Asserts that nothing of this node's runs is alive, mounted, listening or half made."""
        # The run's end is reported a moment before its starter and supervisor have gone.
        until("this node's programs end: %r" % self.processes(), lambda: not self.processes())
        left = self.locks_held() + self.processes_of_runs() + self.mounts_of_runs() + self.groups_of_runs()
        left += [str(p) for p in self.run_dir.glob("runs/*")]
        for run_id in self.ids():
            left += self.left_behind(run_id)
        assert not left, left

    def check_end(self, outcome, state, cause, exit_code=None, phases=PHASES):
        """Everything that is written about a run agrees: status, exit record, journal, ledger; and nothing is left of it."""
        assert outcome.id, outcome
        status, record = self.status_json(outcome.id), self.record(outcome.id)
        assert (status["lifecycleState"], status["phase"], status["cause"]) == (state, "FINISHED", cause), (status, outcome)
        assert status.get("exitCode") == exit_code, status
        if record is not None:
            assert record["run"] == outcome.id and record["tree-gone"], record
            if exit_code is not None:
                assert (record["main"], record["status"]) == ("exited", exit_code), record
            assert len(facts(self.state / "runs" / outcome.id / "exit")) == 1
            log = self.raw_log(outcome.id)
            assert (record["log-bytes"], status["logBytes"]) == (len(log), len(log))
        assert self.phases(outcome.id) == phases
        end = self.the_end(outcome.id)
        assert (end["lifecycleState"], end["cause"], end.get("exitCode")) == (state, cause, exit_code), end
        assert end["lifecycleDetails"] == status["lifecycleDetails"]
        sequences = [f["sequence"] for f in self.ledger(outcome.id)]
        assert sequences == sorted(set(sequences))
        assert self.ledger(outcome.id)[-1] == end
        self.leftovers()
        return status

    def close(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        super().close()
