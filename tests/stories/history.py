"""What happened to the runs of a fleet, and what must not have: a checker over four witnesses that know nothing of each other.

  executions  what the jobs themselves wrote: when they began, that they still lived, how they left (CLOCK_BOOTTIME, one machine)
  reports     which ends the agents say were taken, and of what epoch
  states      every value that a run's state ever had in etcd, in the order of its revisions
  orders      what each run was told to do

check() returns all that is wrong, as sentences; [] is a good history. Reading the witnesses is apart from it (fleet_rig.py), so that the checker itself can be shown bad histories.
"""
import collections
import dataclasses
import json
from typing import Optional

ENDS = ("SUCCEEDED", "FAILED", "CANCELED", "NEEDS_ATTENTION")

# What a job does: it writes a line when it begins, while it lives, and just before it leaves with the status it was told. It leaves
# when it is asked to, so that its last line is about its last moment. Reads the clock without a program: field 1 of /proc/uptime.
JOB = r"""now() { read -r at _ < /proc/uptime; }
say() { now; echo "$1 $at $2" >> "$HOME/history"; }
trap 'say stopped; exit 143' TERM
say start
end=$(( 10#${at/./} * 10 + %(milliseconds)d ))
while [ $(( 10#${at/./} * 10 )) -lt $end ]; do sleep 0.1; say beat; done
say end %(status)d
exit %(status)d
"""


@dataclasses.dataclass
class Order:
    """What a run was told: the status it leaves with, whether two of it may live at a time (onLeaseLost), and what may become of it."""
    run: str
    status: int = 0
    alone: bool = True         # onLeaseLost: stop
    requeued: bool = True      # a lost node's run goes to another one; else it fails
    cancelled: bool = False    # somebody asked for its end


@dataclasses.dataclass
class Execution:
    """One start of a job, as it told it."""
    run: str
    attempt: int
    epoch: int
    node: str
    begun: list                # times of its "start" lines: more than one is a job that was started twice
    last: float                # the last sign of life
    status: Optional[int] = None  # what it was about to leave with; None: it was ended, or stopped


@dataclasses.dataclass
class Report:
    """An end that an agent says the control plane has taken."""
    run: str
    epoch: int
    node: str
    state: str
    exit_code: Optional[int]


@dataclasses.dataclass
class State:
    """A value of the run's state in etcd."""
    run: str
    epoch: int
    state: str
    cause: str
    exit_code: Optional[int]


def read_execution(text, run, attempt, epoch, node):
    """The execution that a job's file tells of, or None while there is no whole line."""
    begun, last, status = [], None, None
    for line in text.split("\n")[:-1]:
        words = line.split()
        if len(words) < 2 or words[0] not in ("start", "beat", "end", "stopped"):
            raise ValueError("a job wrote %r" % line)
        last = float(words[1])
        if words[0] == "start":
            begun.append(last)
        elif words[0] == "end":
            status = int(words[2])
    return None if last is None else Execution(run, attempt, epoch, node, begun, last, status)


def _by_run(things):
    found = collections.defaultdict(list)
    for thing in things:
        found[thing.run].append(thing)
    return found


def _lives(execution):
    return "%s's attempt %d on %s, epoch %d (%.2f to %.2f)" % (execution.run, execution.attempt, execution.node, execution.epoch,
                                                               execution.begun[0] if execution.begun else execution.last,
                                                               execution.last)


def _overlap(a, b):
    return a.begun[0] <= b.last and b.begun[0] <= a.last


def _executions(order, executions):
    wrong = []
    for e in executions:
        if len(e.begun) != 1:
            wrong.append("%s began %d times in one execution" % (_lives(e), len(e.begun)))
    whole = [e for e in executions if e.begun]
    for i, a in enumerate(whole):
        for b in whole[i + 1:]:
            if a.epoch == b.epoch:
                wrong.append("two executions of one epoch: %s and %s" % (_lives(a), _lives(b)))
            elif order.alone and _overlap(a, b):
                wrong.append("two live executions at one time: %s and %s" % (_lives(a), _lives(b)))
    return wrong


def _end(order, states):
    """(the one end or None, what is wrong with the states)"""
    wrong, end, epoch = [], None, 0
    for s in states:
        if end is not None and s != end:
            wrong.append("%s ended as %s and was %s later" % (order.run, end, s))
        if 0 < s.epoch < epoch:  # 0: no report of this execution has come yet
            wrong.append("%s went back from epoch %d to %d" % (order.run, epoch, s.epoch))
        epoch = max(epoch, s.epoch)
        if end is None and s.state in ENDS:
            end = s
    if end is None:
        wrong.append("%s has no end: %s" % (order.run, states[-1] if states else "nothing is known of it"))
    return end, wrong


def _truth(order, end, executions):
    """Whether the end is what happened."""
    of_epoch = [e for e in executions if e.epoch == end.epoch]
    if end.cause == "exited":
        left = [e.status for e in of_epoch]
        if (end.state == "SUCCEEDED") != (end.exit_code == 0):
            return ["%s is %s with exit code %s" % (order.run, end.state, end.exit_code)]
        if end.exit_code not in left:
            return ["%s ended with exit code %s in epoch %d, but the job left with %s" % (order.run, end.exit_code, end.epoch, left)]
        if end.exit_code != order.status:
            return ["%s was told to exit with %d and its end says %s" % (order.run, order.status, end.exit_code)]
        return []
    if end.state == "SUCCEEDED":
        return ["%s succeeded by the cause %s" % (order.run, end.cause)]
    if end.state == "CANCELED" or end.cause == "cancelled":
        return [] if order.cancelled else ["%s was cancelled and nobody asked for it" % order.run]
    if end.cause == "lease-lost":
        return ["%s ended by a lost lease, but was to be tried again" % order.run] if order.requeued else []
    return ["%s ended by %s, which nothing in this fleet does" % (order.run, end.cause)]


def _reports(order, end, reports):
    wrong = []
    if len({(r.epoch, r.state, r.exit_code) for r in reports}) > 1:
        wrong.append("different ends of %s were taken: %s" % (order.run, reports))
    for r in reports:
        if end is not None and (r.epoch, r.state, r.exit_code) != (end.epoch, end.state, end.exit_code):
            wrong.append("%s says that its end of %s was taken (%s), and etcd has %s" % (r.node, order.run, r, end))
    return wrong


def check(orders, executions, reports, states):
    """Everything that is wrong with the history."""
    wrong = []
    executions, reports, states = _by_run(executions), _by_run(reports), _by_run(states)
    for stranger in (set(executions) | set(reports) | set(states)) - {o.run for o in orders}:
        wrong.append("nobody asked for %s" % stranger)
    for order in orders:
        wrong += _executions(order, executions[order.run])
        end, more = _end(order, states[order.run])
        wrong += more
        if end is not None:
            wrong += _truth(order, end, executions[order.run])
        wrong += _reports(order, end, reports[order.run])
    return wrong


def summary(orders, executions, states):
    """Numbers of a history, for people."""
    ends = collections.Counter()
    for s in [[s for s in found if s.state in ENDS][:1] for found in _by_run(states).values()]:
        ends.update("%s/%s" % (e.state, e.cause) for e in s)
    again = sum(1 for found in _by_run(executions).values() if len(found) > 1)
    return json.dumps({"runs": len(orders), "executions": len(executions), "runs executed more than once": again, "ends": dict(ends)},
                      sort_keys=True)
