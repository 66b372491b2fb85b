"""What a control plane knows: nodes, runs, leases, and what was told of each run. No network in here."""
import base64
import json
import threading
import time

ENDS = ("SUCCEEDED", "FAILED", "CANCELED", "NEEDS_ATTENTION")


class Refusal(Exception):
    """An answer with an error body."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def stale(message):
    return Refusal(409, "StaleEpoch", message)


def unknown(what):
    return Refusal(404, "NotAuthorizedOrNotFound", "there is no such " + what)


def script_documents(run_id, text, name="job.sh", job=None, run=None):
    """The assignment of a shell script that stands in the document itself."""
    part = {"form": "file", "name": name, "into": "", "content": base64.b64encode(text.encode()).decode()}
    return {"job": dict({"id": "job.1", "displayName": "j", "jobConfigurationDetails": {"jobType": "DEFAULT"}}, **(job or {})),
            "jobRun": dict({"id": run_id, "jobId": "job.1", "displayName": "r"}, **(run or {})),
            "artifact": {"fileName": name, "parts": [part]}, "runtime": "artifact"}


class Run:
    def __init__(self, documents, node=None, lease=60):
        self.id, self.documents, self.lease = documents["jobRun"]["id"], documents, lease
        self.wanted_node = node  # None: any
        self.state = "waiting"   # waiting, offered, leased, ended
        self.epoch = self.attempt = 0
        self.node = None
        self.expires = 0.0
        self.statuses = []       # as they were taken, in their order
        self.told = {}           # (epoch, sequence) -> body
        self.ends = {}           # epoch -> body
        self.released = []
        self.renewals = 0


class Ledger:
    """Everything is under one condition, which is notified with each change."""

    def __init__(self, heartbeat=60, clock=time.monotonic):
        self.changed = threading.Condition()
        self.clock, self.heartbeat = clock, heartbeat
        self.nodes, self.runs, self.tokens, self.exchanges = {}, {}, {}, {}
        self.directives, self.versions = {}, {}
        self.epochs = 0
        self.contradictions = []  # ends told in two ways, and what else must never happen

    # ---- who asks for runs ----

    def submit(self, documents, node=None, lease=60):
        with self.changed:
            run = self.runs[documents["jobRun"]["id"]] = Run(documents, node, lease)
            self.changed.notify_all()
        return run

    def want(self, node, **directive):
        """Adds a directive to the node's list."""
        with self.changed:
            items = self.directives.setdefault(node, [])
            self.versions[node] = self.versions.get(node, 0) + 1
            items.append(dict({"id": "d%d" % self.versions[node]}, **directive))
            self.changed.notify_all()

    def take_away(self, run_id, node=None):
        """The run goes back to the queue, for `node` if one is named: whoever has it has lost it."""
        with self.changed:
            self.runs[run_id].wanted_node = node
            self._requeue(self.runs[run_id])
            self.changed.notify_all()

    def forget(self, node):
        with self.changed:
            self.nodes.pop(node, None)
            self.changed.notify_all()

    def offer_again(self, run_id):
        """The assignment is offered once more, though the node has it."""
        with self.changed:
            self.runs[run_id].state = "offered"
            self.changed.notify_all()

    # ---- leases ----

    def _requeue(self, run):
        run.state, run.node = "waiting", None
        self.epochs += 1
        run.epoch = self.epochs  # whoever comes with the former one is late

    def _expire(self):
        for run in self.runs.values():
            if run.state in ("offered", "leased") and run.expires < self.clock():
                self._requeue(run)

    def _current(self, run_id, body):
        run = self.runs.get(run_id)
        if run is None:
            raise unknown("run")
        if run.epoch != body["epoch"] or run.node != body["nodeId"] or run.attempt != body["attempt"]:
            raise stale("epoch %d is over" % body["epoch"])
        return run

    # ---- what nodes ask for ----

    def bootstrap(self, key, body):
        """A token is good for one exchange, which may be repeated under its key."""
        with self.changed:
            if body["token"] not in self.tokens:
                raise Refusal(401, "NotAuthenticated", "this token is not known")
            node, credential = self.tokens[body["token"]]
            used = self.exchanges.setdefault(body["token"], (key, body))
            if used != (key, body):
                raise Refusal(401, "NotAuthenticated", "this token was used")
            node = body.get("nodeId", node)
            if body.get("runId") in self.runs:
                self.runs[body["runId"]].wanted_node = node
            return {"nodeId": node, "nodeToken": credential}

    def register(self, node, body):
        with self.changed:
            self.nodes[node] = body
            self.changed.notify_all()
        return {"heartbeatSeconds": self.heartbeat, "leaseSeconds": 60}

    def _offered(self, node):
        for run in self.runs.values():
            if run.state == "offered" and run.node == node:
                return run
        for run in self.runs.values():
            if run.state == "waiting" and run.wanted_node in (None, node):
                self.epochs += 1
                run.state, run.node, run.epoch, run.attempt = "offered", node, self.epochs, run.attempt + 1
                run.expires = self.clock() + run.lease
                return run
        return None

    def assignment(self, node, wait, alive):
        """The next assignment as a document, or None. alive(): whether whoever asks is still there."""
        end = self.clock() + wait
        with self.changed:
            while True:
                if node not in self.nodes:
                    raise unknown("node")
                self._expire()
                run = self._offered(node) if alive() else None
                if run is not None:
                    return dict(run.documents, epoch=run.epoch, attempt=run.attempt, lease={"seconds": run.lease})
                left = end - self.clock()
                if left <= 0 or not alive():
                    return None
                self.changed.wait(min(left, 0.5))

    def wanted(self, node, known, wait, alive):
        """(version, items), or None when `known` is the version still."""
        end = self.clock() + wait
        with self.changed:
            while True:
                if node not in self.nodes:
                    raise unknown("node")
                version = '"%d"' % self.versions.get(node, 0)
                if version != known:
                    return version, list(self.directives.get(node, []))
                left = end - self.clock()
                if left <= 0 or not alive():
                    return None
                self.changed.wait(min(left, 0.5))

    def renew(self, run_id, body):
        """A lease that ran out may be renewed as long as nobody else was given the run."""
        with self.changed:
            run = self._current(run_id, body)
            run.renewals += 1
            if run.state == "offered":
                run.state = "leased"
            run.expires = self.clock() + run.lease
            self.changed.notify_all()
            return {"seconds": run.lease}

    def release(self, run_id, body):
        with self.changed:
            run = self._current(run_id, body)
            run.released.append(body)
            if run.state != "ended":
                self._requeue(run)
                run.wanted_node = run.wanted_node or "nobody"  # it would only come back here
            self.changed.notify_all()

    def status(self, run_id, token, body):
        with self.changed:
            if token != "%s/%d/%d" % (run_id, body["epoch"], body["sequence"]):
                raise Refusal(400, "InvalidParameter", "the token is not of this status")
            run = self.runs.get(run_id)
            if run is None:
                raise unknown("run")
            key = (body["epoch"], body["sequence"])
            if key in run.told:
                if run.told[key] != body:
                    self.contradictions.append("%s told twice, differently: %r %r" % (key, run.told[key], body))
                return
            self._current(run_id, body)
            if body["epoch"] in run.ends:
                self.contradictions.append("%s after the end of %s" % (body, run_id))
                raise stale("it has ended")
            run.told[key] = body
            run.statuses.append(body)
            if body["lifecycleState"] in ENDS:
                run.ends[body["epoch"]] = body
                run.state = "ended"
            elif run.state == "offered":
                run.state = "leased"
            self.changed.notify_all()

    # ---- looking ----

    def await_(self, what, condition, patience=60):
        """Waits until condition() is true, and returns its value. Not all that it may look at notifies."""
        end = self.clock() + patience
        with self.changed:
            while True:
                value = condition()
                if value:
                    return value
                if self.clock() > end:
                    raise AssertionError("waited %gs in vain: %s; %s" % (patience, what, self.describe()))
                self.changed.wait(0.1)

    def await_end(self, run_id, patience=60):
        run = self.runs[run_id]
        self.await_("the end of " + run_id, lambda: run.epoch in run.ends, patience)
        return run.ends[run.epoch]

    def await_state(self, run_id, state, patience=60):
        run = self.runs[run_id]
        self.await_("%s of %s" % (state, run_id), lambda: any(s["lifecycleState"] == state for s in run.statuses), patience)

    def describe(self):
        return json.dumps({r.id: {"state": r.state, "epoch": r.epoch, "attempt": r.attempt, "node": r.node, "renewals": r.renewals,
                                  "statuses": [s["lifecycleState"] for s in r.statuses], "released": r.released}
                           for r in self.runs.values()})
