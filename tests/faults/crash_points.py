#!/usr/bin/env python3
"""Kills each program at each of its crash points in turn (common/base/crash_point.h), starts what a machine would start again, and
checks what must hold whatever crashed: I1 nothing is left, I2 no false end, I3 one end, I9 the agent's death changes nothing.

  tests/faults/crash_points.py                              first, second and last occurrence of every point
  tests/faults/crash_points.py --all                        every occurrence
  tests/faults/crash_points.py --list                       what there is
  tests/faults/crash_points.py --only submit/supervisor/record-renamed/1
"""
import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "stories"))
from fetch_rig import Server  # noqa: E402
from node_rig import can_make_disks, facts, files_behind_disks, until  # noqa: E402
from run_rig import RunNode  # noqa: E402

PATIENCE = 60.0
LINES = 20
STATUS = 3
# A mark for each execution, numbered lines, a child that is left behind, and a status that nothing else gives.
COUNTING = """echo started >> "$HOME/starts"
sleep 1000 &
for i in $(seq 1 %d); do echo "out $i"; [ "$i" != 10 ] || sleep 0.1; done
exit %d
""" % (LINES, STATUS)
FOREVER = """echo started >> "$HOME/starts"
sleep 1000 &
for i in $(seq 1 %d); do echo "out $i"; done
while :; do sleep 0.05; done
""" % LINES
# What is honestly not known, or did not begin, when one of the run's own processes was killed.
UNKNOWN = ("supervisor-lost", "launch-failed", "unknown")

Point = collections.namedtuple("Point", "scenario role name occurrence")


class CrashFile:
    """The file that the programs map: struct crash_file of common/base/crash_point.c."""

    HEADER = struct.Struct("<IIII16s64s")
    SLOT = struct.Struct("<16s64sII")
    SLOTS = 8192

    def __init__(self, path, point=None):
        self.path = path
        role, name, occurrence = (point.role, point.name, point.occurrence) if point else ("", "", 0)
        with open(path, "wb") as f:
            f.write(self.HEADER.pack(0, 0, occurrence, 0, role.encode(), name.encode()))
            f.truncate(self.HEADER.size + self.SLOTS * self.SLOT.size)
        os.chmod(path, 0o666)

    def fired(self):
        return self.HEADER.unpack(self.path.read_bytes()[:self.HEADER.size])[1] == 1

    def passed(self):
        """{(role, name): the most occurrences in one process}, in the order of their first."""
        data = self.path.read_bytes()
        count = min(self.HEADER.unpack_from(data)[0], self.SLOTS)
        assert count < self.SLOTS, "the crash file is full"
        found = {}
        for i in range(count):
            role, name, occurrence, written = self.SLOT.unpack_from(data, self.HEADER.size + i * self.SLOT.size)
            if written:
                key = (role.rstrip(b"\0").decode(), name.rstrip(b"\0").decode())
                found[key] = max(found.get(key, 0), occurrence)
        return found


def has_points(bin_dir):
    """Whether the programs were built with RUNLET_CRASH_POINTS."""
    return b"RUNLET_CRASH_FILE" in (bin_dir / "runletd").read_bytes()


class Violation(AssertionError):
    pass


def demand(what, condition):
    if not condition:
        raise Violation(what)


class Case:
    """One life of a node, with one death in it."""

    def __init__(self, bin_dir, scenario, point=None):
        self.scenario, self.point = scenario, point
        self.role = point.role if point else None
        self.node = RunNode(bin_dir, folder=tempfile.mkdtemp(prefix="rl.crash."))
        self.node.config.write_text(self.node.config.read_text().replace("grace: 5s", "grace: 2s"))
        self.crash = CrashFile(self.node.root / "crash", point)
        # Of its own: control groups of other nodes on this machine are named after their runs, too.
        self.wanted = "run." + self.node.root.name[3:].replace("_", "-").lower()
        self.run_id = None
        self.limits, self.retry = {}, {}
        self.server = None

    # ---- programs ----

    def environment(self, crashing):
        # The leak checker would cost more than all the rest.
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "ASAN_OPTIONS": "detect_leaks=0"}
        if crashing:
            env["RUNLET_CRASH_FILE"] = str(self.crash.path)
        return env

    def daemon(self, crashing=False):
        with open(self.node.log, "ab") as log:
            self.node.daemon = subprocess.Popen([str(self.node.bin / "runletd"), "--config", str(self.node.config)],
                                                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.node.work,
                                                env=self.environment(crashing))
        self.node.daemons.append(self.node.daemon)

    def command(self, *args, crashing=False):
        return subprocess.run(self.node.command(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=PATIENCE, cwd=self.node.work, env=self.environment(crashing))

    def handed_in(self):
        return any((self.node.state / folder / self.wanted).exists() for folder in ("queue", "agent"))

    def keep_daemon(self):
        """As a service manager: one that ended is started again, and no longer crashes."""
        if self.node.daemon.poll() is None:
            return
        demand("runletd ended by itself", self.crash.fired())
        demand("runletd ends again and again", len(self.node.daemons) < 4)
        self.daemon()

    def await_run(self, what, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            self.keep_daemon()
            demand("%s: waited in vain" % what, time.monotonic() < end)
            time.sleep(0.02)

    def submit(self, text, crashing):
        arguments = self.node.submission(text, self.wanted)
        job = json.loads((self.node.work / "j.json").read_text())
        job["x-runlet"] = {"limits": self.limits, "retry": self.retry}
        if self.server is not None:
            self.server.add("/job.sh", text.encode(), break_after=len(text) // 2)
            job["x-runlet"]["artifact"] = {"uri": self.server.url + "/job.sh"}
            arguments.pop()
        (self.node.work / "j.json").write_text(json.dumps(job))
        self.run_id = self.wanted
        done = self.command(*arguments, crashing=crashing)
        if done.returncode == 0:
            return
        demand("submit failed: " + done.stdout, self.crash.fired())
        # Whoever was not told that it is handed in hands it in again.
        again = self.command(*arguments)
        demand("submitted again: " + again.stdout, again.returncode == 0 or self.handed_in())

    # ---- the scenarios ----

    def drive_submit(self):
        self.daemon(crashing=True)
        self.submit(COUNTING, crashing=True)
        self.await_run("the run's end", lambda: self.node.finished(self.wanted))

    def drive_disk(self):
        """The home and the temporary folders are on a disk of the run's own."""
        self.limits = {"scratch": "16M"}
        self.drive_submit()

    def drive_volume(self):
        """The home is on a volume of the run's own, which is blank."""
        self.node.config.write_text(self.node.config.read_text() + "volume: {kind: image, size: 64M}\n")
        self.drive_submit()

    def drive_retry(self):
        """It is executed again: the next attempt is made once, whenever the agent dies."""
        self.retry = {"attempts": 2, "delay": "0s", "on": ["exited"]}
        self.drive_submit()
        again = self.wanted + "~2"
        followed = self.node.ends(self.wanted)[0]["cause"] == "exited"
        if followed:
            self.await_run("the second attempt's end", lambda: self.node.finished(again))
            ends = self.node.ends(again)
            demand("I3: %d ends of the second attempt" % len(ends), len(ends) == 1)
            demand("there is a third attempt", "retriedAs" not in ends[0])
            demand("the first does not say what followed", self.node.ends(self.wanted)[0].get("retriedAs") == again)
            demand("the second was executed more than once", len(self.node.supervisor_facts(again, "running")) <= 1)
        demand("attempts: %r" % self.node.ids(), self.node.ids() == [self.wanted] + [again] * followed)

    def drive_fetch(self):
        """The artifact comes over the network, in two pieces."""
        self.server = Server()
        self.node.config.write_text(self.node.config.read_text() + "fetch:\n  retryDelay: 5ms\n")
        self.drive_submit()
        for path in (self.node.state / "cache" / "objects").iterdir():
            digest, _, size = path.name.partition(".")
            data = path.read_bytes()
            demand("the cache holds something else than it says", (hashlib.sha256(data).hexdigest(), str(len(data))) == (digest, size))

    def drive_cancel(self):
        self.daemon(crashing=True)
        self.submit(FOREVER, crashing=False)
        self.await_run("the run runs", lambda: self.node.supervisor_facts(self.wanted, "running") or self.node.finished(self.wanted))
        if self.node.supervisor_facts(self.wanted, "running"):
            self.await_run("the job has written",
                           lambda: len(self.node.raw_log(self.wanted).split(b"\n")) > LINES or self.node.finished(self.wanted) or self.node.record(self.wanted)
                           or self.crash.fired())
        done = self.command("cancel", self.wanted, crashing=True)
        if done.returncode != 0 and not self.node.finished(self.wanted):
            demand("cancel failed: " + done.stdout, self.crash.fired())
            self.await_run("cancel is taken", lambda: self.command("cancel", self.wanted).returncode == 0 or self.node.finished(self.wanted))
        self.await_run("the run's end", lambda: self.node.finished(self.wanted))

    def drive_run(self):
        script = self.node.script(COUNTING)
        done = self.command("run", script, crashing=True)
        demand("runlet run says that all is well", done.returncode != 0)
        demand("runlet run gave %d: %s" % (done.returncode, done.stdout), self.crash.fired() or done.returncode == STATUS)
        ids = self.node.ids()
        demand("more than one run", len(ids) < 2)
        if not ids:
            demand("there is no run", self.crash.fired())
            return
        self.run_id = ids[0]
        if not self.node.finished(self.run_id):
            self.daemon()
            self.await_run("the run's end", lambda: self.node.finished(self.run_id))

    # ---- what must hold ----

    def check_end(self):
        """I2 and I3."""
        ends = self.node.ends(self.run_id)
        demand("I3: %d ends were reported" % len(ends), len(ends) == 1)
        finals = [f for f in facts(self.node.state / "agent" / self.run_id / "outbox") if f.get("final")]
        demand("I3: %d final statuses in the outbox" % len(finals), len(finals) == 1)
        end = ends[0]
        got = (end["lifecycleState"], end["cause"], end.get("exitCode"))
        demand("I2: the end is %r, expected one of %r" % (got, self.allowed()), got in self.allowed())
        records = facts(self.node.state / "runs" / self.run_id / "exit")
        demand("I3: %d exit records" % len(records), len(records) == 1 or (end["cause"] == "cancelled" and not records))
        demand("I1: the record says that something is left", not records or records[0]["tree-gone"])
        return end

    def allowed(self):
        true_end = ("CANCELED", "cancelled", None) if self.scenario == "cancel" else ("FAILED", "exited", STATUS)
        ends = [true_end]
        if self.role == "runlet" and self.scenario == "run":
            ends.append(("CANCELED", "cancelled", None))
        if self.role in ("supervisor", "init", "job", "helper", "unpack", "program"):
            ends += [("FAILED", cause, None) for cause in UNKNOWN]
        if self.role == "program":
            ends.append(("FAILED", "limit-not-applied", None))
        if self.role in ("storage", "program", "helper", "probe"):
            ends.append(("FAILED", "storage-failed", None))
        if self.role == "starter" and self.scenario == "run":
            ends.append(("FAILED", "launch-failed", None))
        if self.role == "job":
            ends.append(("FAILED", "signaled", None))
        return ends

    def check_execution(self, end):
        """Never twice; what is in the log is what was said, from its beginning; and with the agent's death all of it (I9)."""
        starts = self.node.home(self.run_id) / "starts"
        on_disk = self.scenario in ("disk", "volume")  # then the home went out of sight with its mount
        count = len(starts.read_text().splitlines()) if starts.exists() else 0
        running = self.node.supervisor_facts(self.run_id, "running")
        demand("it was executed %d times" % count, count <= 1 and len(running) <= 1)
        whole = b"".join(b"out %d\n" % i for i in range(1, LINES + 1))
        log = self.node.raw_log(self.run_id)
        demand("the log is not what the job said: %r" % log, whole.startswith(log))
        if self.role in (None, "runlet", "runletd", "starter") and end["cause"] == "exited":
            demand("I9: the log lacks lines: %r" % log, log == whole)
            demand("I9: it was executed %d times" % count, count == 1 or on_disk)
            demand("I9: the record's bytes", self.node.record(self.run_id)["log-bytes"] == len(log))
            demand("I9: the record says that lines may be missing", self.node.record(self.run_id)["log-complete"])
        record = self.node.record(self.run_id)
        if end["cause"] == "exited":
            demand("the log is said to be complete and lacks lines: %r" % log, log == whole or not record["log-complete"])
        if end["cause"] == "cancelled" and not running:
            demand("it was cancelled before it ran, and ran", log == b"" or self.role != "runlet")

    def folders_aside(self):
        """But for submissions of a run that was accepted before: they are kept for a day."""
        return [str(p) for folder in ("queue", "agent", "runs") for p in (self.node.state / folder).glob(".*")
                if not p.name.startswith(".duplicate.")]

    def check_nothing_left(self):
        """I1. What a crash left under a name that nobody looks at goes at the next start."""
        if self.folders_aside():
            if self.node.daemon is not None and self.node.daemon.poll() is None:
                self.node.stop(signal.SIGTERM)
            self.daemon()
            until("folders that were put aside go: %r" % self.folders_aside(), lambda: not self.folders_aside(), patience=10)
        if self.node.daemon is not None and self.node.daemon.poll() is None:
            status = self.node.stop(signal.SIGTERM)
            dying = self.role in ("runletd", "starter") and self.crash.fired() and len(self.node.daemons) == 1
            demand("runletd ended with %d" % status, status == 0 or dying)
        self.node.leftovers()
        until("the run's disk is let go", lambda: not any(str(self.node.root) in f for f in files_behind_disks()), patience=10)

    def run(self):
        """Drives and checks. Returns whether the point was reached."""
        try:
            getattr(self, "drive_" + self.scenario)()
            fired = self.crash.fired()
            if self.run_id is not None:
                self.check_execution(self.check_end())
            self.check_nothing_left()
            return fired
        except Violation as e:
            raise Violation("%s\n%s" % (e, self.node.tail())) from e
        finally:
            self.node.close()
            if self.server is not None:
                self.server.close()


SCENARIOS = ("submit", "run", "cancel", "fetch", "retry") + (("disk", "volume") if can_make_disks() else ())
AGAIN = 3


def trace(bin_dir, scenario):
    case = Case(bin_dir, scenario)
    passed = {}
    original = case.check_nothing_left

    def look():
        original()
        passed.update(case.crash.passed())

    case.check_nothing_left = look
    case.run()
    return passed


def all_points(bin_dir):
    """Every point of every scenario, traced twice: a name that one run happens not to pass the other may. How often a loop comes by
    differs; what both did another will do."""
    points, seen = [], set()
    for scenario in SCENARIOS:
        most = {}
        for _ in range(2):
            for key, count in trace(bin_dir, scenario).items():
                most[key] = min(most.get(key, count), count)
        if scenario in ("fetch", "retry", "volume"):  # all else of it is that of a run that was handed in with its artifact
            most = {key: count for key, count in most.items() if key not in seen}
        seen.update(most)
        points += [Point(scenario, role, name, i) for (role, name), count in most.items() for i in range(1, count + 1)]
    return points


def choose(points):
    """The first, the second and the last occurrence of each, once for all scenarios: the command line's own are other programs in each."""
    last = {}
    for p in points:
        last[p[:3]] = max(last.get(p[:3], 0), p.occurrence)
    chosen, seen = [], set()
    for p in points:
        key = (p.scenario if p.role == "runlet" else None,) + p[1:]
        if p.occurrence in (1, 2, last[p[:3]]) and key not in seen:
            seen.add(key)
            chosen.append(p)
    return chosen


def try_point(bin_dir, point):
    """'killed', 'missed', or the words of a violation."""
    try:
        for _ in range(AGAIN):
            if Case(bin_dir, point.scenario, point).run():
                return "killed"
        return "missed"
    except (AssertionError, subprocess.TimeoutExpired) as e:
        return "VIOLATION %s\n%s" % ("/".join(str(x) for x in point), e)


def run_all(bin_dir, points, jobs, say):
    """Kills at each point. Returns (killed, missed, violations)."""
    killed, missed, violations = [], [], []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        started = [pool.submit(try_point, bin_dir, p) for p in points]
        for point, future in zip(points, started):
            try:
                result = future.result()
            except KeyboardInterrupt:
                pool.shutdown(cancel_futures=True)
                raise
            if result == "killed":
                killed.append(point)
            elif result == "missed":
                missed.append(point)
                say("missed " + "/".join(str(x) for x in point))
            else:
                violations.append(result)
                say(result)
    return killed, missed, violations


def summary(points, killed, missed, violations):
    return "crash points: %d of %d points, %d scenarios, %d not reached again, %d violations" % (
        len(killed) + len(violations), len(points), len({p.scenario for p in points}), len(missed), len(violations))


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path(os.environ.get("RUNLET_BIN_DIR", root / "build/dev/bin")))
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--only", default="", help="chosen points whose SCENARIO/ROLE/NAME/OCCURRENCE begins so")
    options = parser.parse_args()
    bin_dir = options.bin.resolve()
    if not has_points(bin_dir):
        parser.error("the programs in %s were built without RUNLET_CRASH_POINTS" % bin_dir)
    points = all_points(bin_dir)
    chosen = points if options.all else choose(points)
    chosen = [p for p in chosen if "/".join(str(x) for x in p).startswith(options.only)]
    if options.list:
        for p in chosen:
            print("/".join(str(x) for x in p))
        print("%d of %d points" % (len(chosen), len(points)))
        return 0
    killed, missed, violations = run_all(bin_dir, chosen, options.jobs, lambda text: print(text, flush=True))
    print(summary(points, killed, missed, violations))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
