"""A fleet under faults: agents on machines of their own, a cluster of etcd whose members die, runs whose jobs write down what they live
through, and the reading of every witness for history.py."""
import base64
import json
import random
import re
import signal
import subprocess
import sys
import threading
import time

import history
from cluster_rig import Cluster
from node_rig import facts, until

LEASE = 4.0
PREFIX = "/runlet"


class Fleet:
    def __init__(self, bin_dir, agents, seed, concurrency=2):
        self.random = random.Random(seed)
        self.cluster = Cluster()
        self.orders, self.faults = [], []
        try:
            extra = "  leaseTime: %ds\n" % LEASE
            self.agents = [self.cluster.node(bin_dir, "agent%d" % i, concurrency, extra) for i in range(1, agents + 1)]
            self.desk = self.cluster.desk(bin_dir)
            for agent in self.agents:
                agent.start(wait=False)
            for agent in self.agents:
                until("runletd serves: " + agent.tail(), agent.serves)
        except BaseException:
            self.close()
            raise

    def close(self):
        self.cluster.close()

    # ---- runs ----

    def order(self, number):
        """The next run: most are short and exit with 0, some fail, some last longer than a lease, some are wanted only once at a time."""
        lot = self.random.random
        order = history.Order("run-%04d" % number, status=0 if lot() < 0.7 else 3, alone=lot() < 0.6, requeued=lot() < 0.8,
                              cancelled=lot() < 0.1)
        milliseconds = int(self.random.uniform(100, 1500) if lot() < 0.8 else self.random.uniform(3000, 2500 * LEASE))
        return order, milliseconds

    def submit(self, number):
        order, milliseconds = self.order(number)
        job, run = self.desk.work / "j.json", self.desk.work / "r.json"
        job.write_text(json.dumps({"id": "job.1", "displayName": "j", "jobConfigurationDetails": {"jobType": "DEFAULT"},
                                   "x-runlet": {"onLeaseLost": "stop" if order.alone else "finish-and-hold", "stopGrace": "1s"}}))
        run.write_text(json.dumps({"id": order.run, "jobId": "job.1", "displayName": order.run}))
        script = self.desk.script(history.JOB % {"milliseconds": milliseconds, "status": order.status})
        lost = ["--on-lost", "requeue", "--attempts", "100"] if order.requeued else []
        self.desk.runlet("submit", "--etcd", "--patience", "60s", *lost, "--job", job, "--run", run, script, check=0, timeout=120)
        self.orders.append(order)

    def cancel_some(self):
        for order in self.orders:
            if order.cancelled:
                self.desk.runlet("cancel", "--etcd", "--patience", "60s", order.run, timeout=120)

    def states(self):
        """{run: its state} as etcd has them now."""
        return {json.loads(v)["run"]: json.loads(v) for v in self.cluster.keys(PREFIX + "/states/").values()}

    def ended(self):
        return sum(1 for s in self.states().values() if s["lifecycleState"] in history.ENDS)

    def held_back(self):
        """Runs that agents have not done with yet."""
        return [(agent.name, name) for agent in self.agents for name in agent.ids() if not agent.finished(name)]

    # ---- witnesses ----

    def executions(self):
        found = []
        for agent in self.agents:
            for name in agent.ids():
                path = agent.home(name) / "history"
                accepted = facts(agent.state / "agent" / name / "agent.journal")[0]
                run, _, attempt = name.partition("~")
                execution = history.read_execution(path.read_text() if path.exists() else "", run, int(attempt or 1), accepted["epoch"],
                                                   agent.name)
                found += [execution] if execution else []
        return found

    def reports(self):
        """The ends that were taken: an agent is done with a run when its end was, or was refused for good, or when the run is
        queued again."""
        found = []
        for agent in self.agents:
            for name in agent.ids():
                journal = facts(agent.state / "agent" / name / "agent.journal")
                told = [f for f in facts(agent.state / "agent" / name / "outbox") if f.get("final")]
                if not agent.finished(name) or not told or any(f["event"] in ("report-refused", "given-back") for f in journal):
                    continue
                record = agent.record(name) or {}
                code = record["status"] if record.get("main") == "exited" else None
                found.append(history.Report(name.partition("~")[0], journal[0]["epoch"], agent.name, told[-1]["state"], code))
        return found

    def every_state(self):
        """Every value that the state of any run has ever had, in the order of revisions."""
        newest = max([kv["mod_revision"] for kv in json.loads(
            self.cluster.etcdctl("get", "--prefix", PREFIX + "/states/", "-w", "json"))["kvs"]])
        watch = subprocess.Popen([*self.cluster.operator.prefix, "etcdctl", "--endpoints", ",".join(self.cluster.endpoints), "watch",
                                  "--prefix", PREFIX + "/states/", "--rev", "1", "-w", "json"], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        timer = threading.Timer(60, watch.kill)
        timer.start()
        found, seen = [], 0
        try:
            for line in watch.stdout:
                for event in json.loads(line)["Events"]:
                    seen = event["kv"]["mod_revision"]
                    s = json.loads(base64.b64decode(event["kv"]["value"]))
                    found.append(history.State(s["run"], s["epoch"], s["lifecycleState"], s.get("cause", "none"), s.get("exitCode")))
                if seen >= newest:
                    break
        finally:
            timer.cancel()
            watch.kill()
            watch.wait()
        assert seen >= newest, "the history of states is not whole: up to %d of %d" % (seen, newest)
        return found

    def check(self):
        """(what is wrong, numbers for people) of the whole history."""
        executions, states = self.executions(), self.every_state()
        wrong = history.check(self.orders, executions, self.reports(), states)
        return wrong, history.summary(self.orders, executions, states)

    def logs_of(self, run):
        """What the agents say of a run, for people who look for the fault."""
        return "\n".join("%s: %s" % (a.name, line) for a in self.agents for line in a.tail(1 << 20).splitlines()
                         if re.search(r"\b%s\b" % re.escape(run), line))


class Chaos(threading.Thread):
    """Faults, one kind after the other, until it is told to stop; then everything is whole again. At most one member is away at a time,
    so that there is a majority, and at most one agent of each kind of fault."""

    def __init__(self, fleet, pause, say):
        super().__init__(daemon=True)
        self.say, self.begun = say, time.monotonic()
        self.fleet, self.pause, self.over, self.failure = fleet, pause, threading.Event(), None
        self.counts = {}

    def note(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1
        self.say("%6.1f s: %s" % (time.monotonic() - self.begun, what))

    def run(self):
        members = threading.Thread(target=self._guard, args=(self._members,), daemon=True)
        members.start()
        self._guard(self._agents)
        members.join()

    def _guard(self, work):
        try:
            while not self.over.is_set():
                work()
        except BaseException as e:  # shown by stop()
            self.failure = e
            self.over.set()

    def _members(self):
        member = self.fleet.random.choice(self.fleet.cluster.members)
        if self.fleet.random.random() < 0.75:
            self.note("members killed")
            member.end()
            self.over.wait(self.pause / 2)
            member.start()
        else:
            self.note("members cut off")
            member.host.partition()
            self.over.wait(self.pause)
            member.host.heal()
        self.fleet.cluster.await_healthy([member])
        self.over.wait(self.pause)

    def _agents(self):
        agent = self.fleet.random.choice(self.fleet.agents)
        lot = self.fleet.random.random()
        if lot < 0.4:
            self.note("agents cut off for longer than a lease")
            agent.host.partition()
            self.over.wait(LEASE * 2)
            agent.host.heal()
        elif lot < 0.6:
            self.note("agents halted for longer than a lease")
            agent.daemon.send_signal(signal.SIGSTOP)
            self.over.wait(LEASE * 2)
            agent.daemon.send_signal(signal.SIGCONT)
        elif lot < 0.8:
            self.note("agents killed and started again")
            agent.stop(signal.SIGKILL)
            agent.start(wait=False)
        else:
            self.note("agents killed for longer than a lease")
            agent.stop(signal.SIGKILL)
            self.over.wait(LEASE * 2)
            agent.start(wait=False)
        self.over.wait(self.pause)

    def stop(self):
        self.over.set()
        self.join(120)
        assert not self.is_alive(), "the faults do not stop"
        if self.failure is not None:
            raise self.failure


def _end(signal_number, frame):
    sys.exit("ended by signal %d" % signal_number)


def stress(bin_dir, agents, runs, seed, pause, patience, say=lambda text: None):
    """Runs that many runs through a fleet under faults. Returns (what is wrong, numbers, the fleet's words about wrong runs)."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _end)  # what was started is ended then as well
    fleet = Fleet(bin_dir, agents, seed)
    begun = time.monotonic()
    try:
        chaos = Chaos(fleet, pause, say)
        chaos.start()
        try:
            for number in range(runs):
                fleet.submit(number)
                if number % 50 == 49:
                    say("%d handed in, %d ended" % (number + 1, fleet.ended()))
            fleet.cancel_some()
            until("half of the runs end: %r" % (chaos.counts,), lambda: fleet.ended() >= runs / 2, patience, 1.0)
        finally:
            chaos.stop()
        fleet.cluster.await_healthy()
        until("all runs end: %r" % [s for s in fleet.states().values() if s["lifecycleState"] not in history.ENDS][:3],
              lambda: fleet.ended() == runs, patience, 1.0)
        until("agents are done with their runs: %r" % fleet.held_back()[:5], lambda: not fleet.held_back(), patience, 1.0)
        wrong, numbers = fleet.check()
        names = {run for run in re.findall(r"run-\d{4}", " ".join(wrong))}
        text = "%s in %.0f s under %s" % (numbers, time.monotonic() - begun, json.dumps(chaos.counts, sort_keys=True))
        return wrong, text, "\n".join(fleet.logs_of(run) for run in sorted(names)[:5])
    finally:
        fleet.close()
