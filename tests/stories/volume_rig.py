"""A node whose homes lie on an image that lasts, as they would on a block volume."""
import shutil
import subprocess

import pytest

from node_rig import files_behind_disks
from run_rig import RunNode

MIB = 1 << 20
TOOLS = "/usr/sbin:/usr/bin:/sbin:/bin"


def tool(name):
    """The path of a program for disks, which need not be on a caller's PATH; None when it is not there."""
    return shutil.which(name, path=TOOLS)


def call(name, *args, **how):
    path = tool(name)
    if path is None:
        pytest.skip("%s is not installed" % name)
    return subprocess.run([path] + [str(a) for a in args], check=True, capture_output=True, **how)


class VolumeNode(RunNode):
    """`image` is the volume; nothing is there until somebody makes it."""

    def __init__(self, bin_dir, file_system="ext4", lasting=True, extra="", mib=64):
        super().__init__(bin_dir)
        self.image = self.root / "volume.img"
        device = ", device: %s" % self.image if lasting else ""
        self.configure(extra="volume: {kind: image%s, fileSystem: %s, size: %dM, %s}\n" % (device, file_system, mib, "fsck: auto")
                       + extra)

    def make(self, mib=64):
        with open(self.image, "wb") as file:
            file.truncate(mib * MIB)

    def steps(self, run_id, state="done"):
        """[(step, detail)] of a run's storage."""
        return [(f["step"], f.get("detail", "")) for f in self.supervisor_facts(run_id, "storage") if f["state"] == state]

    def refused(self, outcome):
        """Asserts that the run ended before its job because of storage; returns why."""
        assert outcome.status == 125, outcome
        status = self.status_json(outcome.id)
        assert (status["lifecycleState"], status["cause"]) == ("FAILED", "storage-failed"), status
        self.leftovers()
        return status["lifecycleDetails"]

    def leftovers(self):
        super().leftovers()
        assert not [f for f in files_behind_disks() if str(self.root) in f]
