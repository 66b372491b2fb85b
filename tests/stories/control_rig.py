"""A node whose runs come from a control plane over HTTP, and that control plane (tests/control_plane)."""
import pathlib
import sys

import run_rig
from node_rig import until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "control_plane"))
import faults  # noqa: E402, F401
from contract import Contract  # noqa: E402, F401
from ledger import Ledger, script_documents  # noqa: E402, F401
from server import ControlPlane  # noqa: E402

SERVER = pathlib.Path(__file__).resolve().parents[1] / "control_plane" / "server.py"
OK = "echo out\n"


class ControlNode(run_rig.RunNode):
    """`plane` is its control plane; the node's id is what it registered as."""

    def __init__(self, bin_dir, plane=None, concurrency=4, extra="", http=""):
        self.plane = plane or ControlPlane()
        self.http = http
        super().__init__(bin_dir, concurrency=concurrency, extra=extra)

    def configure(self, concurrency=1, extra=""):
        super().configure(concurrency, "http:\n  endpoint: %s\n  wait: 5s\n%s%s" % (self.plane.url, self.http, extra))

    def start(self, wait=True, registered=True):
        daemon = super().start(wait)
        if registered:
            self.plane.ledger.await_("the node registers: " + self.tail(), lambda: self.plane.ledger.nodes)
        return daemon

    @property
    def id(self):
        return next(iter(self.plane.ledger.nodes))

    def offer(self, run_id, text=OK, lease=60, **how):
        """Puts a shell script into the control plane's queue."""
        return self.plane.ledger.submit(script_documents(run_id, text, **how), lease=lease)

    def end(self, run_id, patience=60):
        """The one end that the control plane was told, once the run is finished here, too."""
        try:
            end = self.plane.ledger.await_end(run_id, patience)
        except AssertionError as e:
            raise AssertionError("%s\n%s" % (e, self.tail())) from None
        name = run_id if end["attempt"] == 1 else "%s~%d" % (run_id, end["attempt"])
        self.await_finished(name)
        return end

    def judge(self):
        """Nobody broke the contract, and no end was told in two ways."""
        assert not self.plane.problems, self.plane.problems[:5]
        assert not self.plane.ledger.contradictions, self.plane.ledger.contradictions[:5]

    def facts_of(self, run_id, event):
        return [f for f in run_rig.facts(self.state / "agent" / run_id / "agent.journal") if f["event"] == event]

    def says(self, text, patience=60):
        until("runletd says %r: %s" % (text, self.tail()), lambda: text in self.tail(1 << 20), patience)

    def close(self):
        super().close()
        self.plane.close()


def succeeded(end):
    assert (end["lifecycleState"], end["cause"], end.get("exitCode")) == ("SUCCEEDED", "exited", 0), end
    assert end["log"]["complete"], end
