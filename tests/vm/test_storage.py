"""Volumes and file storage with a real block device and a real NFS server."""
import json
import os
import pathlib
import subprocess
import tempfile
import time

import pytest

import machine
from guest import Guest
from write_log import WriteLog

MIB = 1 << 20
DEVICE = "/dev/disk/by-id/virtio-vol"
CONFIG = "volume: {kind: block, device: '%s*', wait: 2s}\nnfs: {timeout: 6s%s}\nstop: {grace: 2s}\n"
KEEP = "echo \"was: $(ls)\"\n[ -w . ] && date >kept\nstat -f -c 'blocks %b of %S' .\ngrep ' /home/datascience ' /proc/self/mountinfo\n"
JOB = """kind: job
spec:
  name: mounting
  infrastructure:
    type: dataScienceJob
    spec:
      storageMount: [{src: '127.0.0.1:/srv/data', dest: data%s}]
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: /root/%s.sh
"""


@pytest.fixture
def guest(vm):
    return Guest(vm)


@pytest.fixture
def disks(vm):
    """Plugs in an image as the volume, in place of the one before."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vm."))
    plugged = []

    def plug(image, **how):
        while plugged:
            vm.detach(plugged.pop())
        if image is not None:
            vm.attach("vol", image, **how)
            plugged.append("vol")
    plug.folder = folder
    yield plug
    subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=True)


def blank(folder, name, mib=64):
    path = folder / name
    with open(path, "wb") as file:
        file.truncate(mib * MIB)
    return path


def submit_mounting(guest, vm, script, name, more=""):
    vm.push({"/root/%s.sh" % name: script, "/root/%s.yaml" % name: JOB % (more, name)})
    return vm.run("runlet", "submit", "/root/%s.yaml" % name).out.strip()


def steps(guest, run):
    return [f["step"] for f in guest.facts(run, "storage") if f["state"] == "done"]


def why(guest, run):
    view = guest.view(run)
    assert (view["lifecycleState"], view["cause"]) == ("FAILED", "storage-failed"), view
    return view["lifecycleDetails"]


def clean(vm):
    """The machine shows nothing of any run."""
    vm.until("no process of storage is left", "! ps -eo comm= | grep -E '^(runlet-storage|mount.nfs|e2fsck|mkfs|umount)'")
    assert vm.sh("grep -E 'runlet/runs|/srv/data |nfs4? ' /proc/mounts | grep -v nfsd", check=False).out == ""
    assert vm.sh("losetup -a").out == ""


def test_a_block_volume(guest, vm, disks):
    guest.start(CONFIG % (DEVICE, ""))
    # Missing.
    assert DEVICE in why(guest, _ended(guest, KEEP))
    # Blank, and then what it was formatted with.
    image = blank(disks.folder, "blank")
    disks(image)
    first = _ended(guest, KEEP, 0)
    assert steps(guest, first) == ["find", "look", "format", "mount"]
    second = _ended(guest, KEEP, 0)
    assert "kept" in guest.output(second) and steps(guest, second)[:3] == ["find", "look", "check"]
    assert "rw,nosuid,nodev" in guest.output(second), "in the job's view it is the home"
    # Grown.
    disks(None)
    os.truncate(image, 256 * MIB)
    disks(image)
    third = _ended(guest, KEEP, 0)
    assert "grow" in steps(guest, third) and "kept" in guest.output(third)
    blocks = [int(guest.output(r).split("blocks ")[1].split()[0]) * int(guest.output(r).split(" of ")[1].split()[0])
              for r in (second, third)]
    assert blocks[1] - blocks[0] > 150 * MIB, blocks
    # In use by the machine.
    vm.sh("mount %s /mnt" % DEVICE)
    assert "in use" in why(guest, _ended(guest, KEEP))
    vm.sh("umount /mnt")
    # Too small, and somebody else's.
    disks(blank(disks.folder, "small", 16))
    assert "needs 32" in why(guest, _ended(guest, KEEP))
    foreign = blank(disks.folder, "foreign")
    subprocess.run(["mkswap", str(foreign)], check=True, stdout=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"})
    before = foreign.read_bytes()
    disks(foreign)
    assert "swap" in why(guest, _ended(guest, KEEP))
    disks(None)
    assert foreign.read_bytes() == before
    clean(vm)


def _ended(guest, script, status=None):
    run = guest.submit(script)
    code = guest.wait(run)
    assert status is None or code == status, guest.view(run)
    return run


def test_a_power_cut_during_mkfs(guest, vm, disks, release):
    """Wherever the power fails while a volume is formatted, the next run gets a volume: none is taken for good half made, and none
    is given up."""
    if not os.path.exists("/dev/loop-control"):
        pytest.skip("needs loop devices to read the disks")
    guest.start(CONFIG % (DEVICE, ""))
    image, log = blank(disks.folder, "blank"), disks.folder / "log"
    disks(image, write_log=log)
    _ended(guest, KEEP, 0)
    vm.power_cut()
    log = WriteLog(log)
    config = disks.folder / "runlet.yaml"
    disks.folder.chmod(0o755)
    job = disks.folder / "job.sh"
    job.write_text("touch ran\n")
    asked = 0
    for cut in sorted({len(log) * i // 11 for i in range(1, 12)}):
        torn = blank(disks.folder, "torn-%d" % cut)
        with open(torn, "r+b") as disk:
            log.apply(disk, 0, log.flushed(cut))
            log.apply_torn(disk, log.flushed(cut), cut, seed=cut)
        config.write_text("directories: {state: %s/state, run: %s/run}\nagent: {user: nobody, group: nogroup}\n"
                          "volume: {kind: image, device: %s, size: 64M}\n" % (disks.folder, disks.folder, torn))
        done = subprocess.run([str(release / "bin" / "runlet"), "--config", str(config), "run", "-q", str(job)], timeout=120, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, "after entry %d of %d: %s" % (cut, len(log), done.stdout.decode())
        torn.unlink()
        asked += 1
    log.close()
    assert asked >= 8


# Nobody has anything to reclaim from a server that has just started, so nobody need wait a minute and a half for that.
SERVE = ("mkdir -p /etc/nfs.conf.d && printf '[nfsd]\\ngrace-time=10\\nlease-time=10\\n' >/etc/nfs.conf.d/short.conf && "
         "mkdir -p /srv/data && chmod 777 /srv/data && echo from-the-server >/srv/data/here && "
         "echo '/srv/data 127.0.0.1(rw,no_subtree_check,insecure,fsid=1)' >/etc/exports && systemctl start nfs-server && "
         "exportfs -ra && rpcinfo -p >/dev/null")
CUT = "nft add table inet gone && nft 'add chain inet gone in { type filter hook input priority 0; }' && " \
      "nft add rule inet gone in tcp dport '{111,2049}' drop && nft add rule inet gone in tcp sport 2049 drop && " \
      "nft add rule inet gone in udp dport '{111,2049}' drop"
HEAL = "nft delete table inet gone"
USE = "set -e\ncat /mnt/data/here\necho hello >/mnt/data/written\ngrep ' /mnt/data ' /proc/self/mountinfo\nls -ld /mnt\n"
WRITE_ON = "set -e\ni=0\nwhile :; do i=$((i+1)); echo line $i >>/mnt/data/lines; echo wrote $i; sleep 0.2; done\n"


@pytest.fixture
def served(vm):
    vm.sh(SERVE)


def test_file_storage(guest, vm, served):
    for version, options in (("4", ""), ("3", ", options: 'vers=3,nolock'")):
        vm.push({"/etc/runlet/runlet.yaml": "nfs: {timeout: 20s%s}\n" % options})
        vm.sh("systemctl enable --quiet runletd.service; systemctl restart runletd.service")
        run = submit_mounting(guest, vm, USE, "use" + version)
        assert guest.wait(run) == 0, guest.view(run)
        text = guest.output(run)
        assert "from-the-server" in text and "nosuid,nodev" in text and "vers=" + version in text, text
        assert steps(guest, run) == ["mount"]
        assert vm.read("/srv/data/written") == "hello\n"
        vm.run("rm", "/srv/data/written")
        clean(vm)
    run = submit_mounting(guest, vm, "cat /mnt/data/here\necho no >/mnt/data/written\n", "read-only", ", readOnly: true")
    assert guest.wait(run) != 0 and guest.output(run).startswith("from-the-server"), guest.view(run)
    assert vm.sh("ls /srv/data").out == "here\n"
    assert vm.sh("ls -A /mnt").out == ""


def test_a_server_that_is_gone(guest, vm, served):
    """Before, during and after a run: nobody else waits, and nothing stays."""
    guest.start("concurrency: 2\nnfs: {timeout: 6s, onLost: fail}\nstop: {grace: 1s}\n")
    # Before.
    vm.sh(CUT)
    run = submit_mounting(guest, vm, USE, "before")
    other = guest.submit("echo not touched\n")
    assert guest.wait(other) == 0
    assert guest.wait(run) == 125
    text = why(guest, run)
    assert "mount 127.0.0.1:/srv/data on /mnt/data" in text and "did not answer within 6 s" in text and "security list" in text, text
    vm.sh(HEAL)
    clean(vm)
    # During: the run that writes to it is ended, and its processes with it.
    run = submit_mounting(guest, vm, WRITE_ON, "during")
    guest.await_output(run, "wrote")
    vm.until("the server has the lines", "grep -q line /srv/data/lines")
    vm.sh(CUT)
    other = guest.submit("echo not touched\n")
    assert guest.wait(other) == 0
    guest.wait(run)
    assert "has not answered" in why(guest, run)
    assert [f["state"] for f in guest.facts(run, "storage")] == ["done", "lost"]
    assert vm.sh("runlet status").code == 0
    vm.until("its processes have gone", "! pgrep -u 1000")
    clean(vm)
    vm.sh(HEAL)
    # After: it is gone when the run ends by itself.
    run = submit_mounting(guest, vm, "cat /mnt/data/here\nuntil [ -e go ]; do sleep 0.1; done\n", "after")
    guest.await_output(run, "from-the-server")
    vm.sh(CUT)
    vm.run("touch", guest.home(run, "go"))
    assert guest.wait(run) == 0, guest.view(run)
    vm.until("its unit has gone", "! systemctl list-units --plain --no-legend 'runlet-supervisor@*' | grep -q .")
    clean(vm)
    vm.sh(HEAL)
