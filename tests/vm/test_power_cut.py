"""The power fails at any moment: whatever runlet had said is still true afterwards.

The state directory lies on a disk whose every write and flush is recorded while runs are submitted and end. Then the disk is rebuilt as it
could have been at hundreds of moments, and read. The same without fsync shows that the reading finds what is lost.
"""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from guest import Guest
from write_log import WriteLog

HERE = pathlib.Path(__file__).resolve().parent
DISK_MIB, SYSTEM_MIB = 1024, 1000  # the rest is for marks
RUNS = 8
CUTS, CONTROL_CUTS = 200, 40


# ---- recording ----


def empty_disk(path):
    with open(path, "wb") as disk:
        disk.truncate(DISK_MIB << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-N", "4096", "-J", "size=8", "-E", "lazy_itable_init=0,lazy_journal_init=0",
                    str(path), "%dM" % SYSTEM_MIB], check=True, timeout=60)


def record(vm, folder, before=None):
    """Has the machine do its work on a recorded disk, up to its power cut; the log of writes."""
    disk, copy, log = folder / "disk", folder / "base", folder / "log"
    empty_disk(disk)
    subprocess.run(["cp", "--sparse=always", str(disk), str(copy)], check=True, timeout=60)
    vm.attach("state", disk, write_log=log)
    # The file system does what it must and no more: no early commit, no help for renames without fsync.
    vm.sh("mount -o noatime,noauto_da_alloc,commit=60 /dev/disk/by-id/virtio-state /var/lib/runlet && systemd-tmpfiles --create")
    if before:
        before()
    Guest(vm).start("concurrency: 2\n")
    vm.push({"/root/load.py": (HERE / "power_cut_load.py").read_bytes()})
    vm.run("python3", "/root/load.py", "/dev/disk/by-id/virtio-state", str(SYSTEM_MIB << 20), str(RUNS), patience=300)
    vm.power_cut()
    return WriteLog(log)


def marks_of(log):
    """{run: {"submit": entry, "end": entry, "number": n, "status": exit status}}: when each promise was made."""
    runs = {}
    for index, entry in enumerate(log.entries):
        if entry.offset >= SYSTEM_MIB << 20 and entry.size:
            for line in log.data(entry).split(b"\0", 1)[0].decode().splitlines():
                _, what, run, value = line.split()
                runs.setdefault(run, {})[what] = index
                runs[run]["number" if what == "submit" else "status"] = int(value)
    return runs


# ---- reading what a cut left ----


@contextlib.contextmanager
def mounted(disk, folder):
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop,noatime", str(disk), str(folder)], check=True, timeout=60)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True, timeout=60)


def expected_output(number):
    return "".join("%d line %d\n" % (number, i) for i in range(1, 41)).encode()


def violations(state, promised, number_of, cut, status):
    """What is not as it should be in a state directory after a cut at that entry."""
    wrong = []
    for run, marks in promised.items():
        taken = state / "agent" / run / "assignment.json"
        queued = state / "queue" / run / "assignment.json"
        if marks["submit"] < cut:
            there = [p for p in (taken, queued) if p.exists()]
            if not there:
                wrong.append("%s was acknowledged and is lost" % run)
            elif not _is_json(there[0]):
                wrong.append("%s: its assignment is torn" % run)
        if marks["end"] < cut and not (state / "runs" / run / "exit").exists():
            wrong.append("the end of %s was told and is lost" % run)
    for run in _folders(state / "runs"):
        wrong += _record_violations(run, number_of.get(run.name))
    shown = status()
    wrong += ["runlet status does not show %s" % run.name for run in _folders(state / "agent") if run.name not in shown]
    return wrong


def _folders(path):
    return [p for p in path.iterdir() if not p.name.startswith(".")] if path.is_dir() else []


def _is_json(path):
    try:
        json.loads(path.read_bytes())
        return True
    except ValueError:
        return False


def _record_violations(run, number):
    """An exit record is whole, and so is the output that it speaks of."""
    path = run / "exit"
    if not path.exists():
        return []
    text = path.read_bytes()
    try:
        record = json.loads(text)
    except ValueError:
        return ["%s: its exit record is torn: %r" % (run.name, text[:80])]
    if not text.endswith(b"\n"):
        return ["%s: its exit record has no end" % run.name]
    if record.get("status") != 3 or record.get("main") != "exited":
        return ["%s: its exit record is wrong: %r" % (run.name, text)]
    output = (run / "log" / "output.log").read_bytes() if (run / "log" / "output.log").exists() else b""
    return [] if output == expected_output(number) else ["%s: %d bytes of its output are there" % (run.name, len(output))]


def replay(log, folder, runlet, cuts):
    """Rebuilds the disk at that many moments; {cut: what is wrong}, and the number of moments."""
    promised = marks_of(log)
    assert len(promised) == RUNS and all("end" in m and m["status"] == 3 for m in promised.values()), promised
    number_of = {run: marks["number"] for run, marks in promised.items()}
    durable, torn, point = folder / "base", folder / "torn", folder / "mnt"
    config = folder / "runlet.yaml"
    config.write_text("directories:\n  state: %s\n  run: %s/run\nagent:\n  user: %s\n  group: %s\n"
                      % (point, folder, "nobody", "nogroup"))

    def status():
        """The runs that runlet itself finds there."""
        done = subprocess.run([str(runlet), "--config", str(config), "status", "--json"], stdout=subprocess.PIPE, timeout=60, check=False)
        return [run["id"] for run in json.loads(done.stdout)] if done.returncode == 0 else []

    begin = min(marks["submit"] for marks in promised.values())
    moments = sorted({begin + (len(log) - begin) * i // (cuts - 1) for i in range(cuts)})
    bad, applied = {}, 0
    for cut in moments:
        flushed = log.flushed(cut)
        with open(durable, "r+b") as disk:
            log.apply(disk, applied, flushed)
        applied = max(applied, flushed)
        # A file of its own for each: the loop device of the last one may still be there, with what it has cached.
        torn.unlink(missing_ok=True)
        subprocess.run(["cp", "--sparse=always", str(durable), str(torn)], check=True, timeout=60)
        with open(torn, "r+b") as disk:
            log.apply_torn(disk, flushed, cut, seed=cut)
        with mounted(torn, point) as state:
            wrong = violations(state, promised, number_of, cut, status)
        if wrong:
            bad[cut] = wrong
    return bad, len(moments)


# ---- the stories ----


@pytest.fixture
def folder():
    """In memory where there is room: hundreds of disks are written, and their journals recovered."""
    memory = "/dev/shm"
    roomy = os.path.isdir(memory) and shutil.disk_usage(memory).free > 1 << 30
    path = pathlib.Path(tempfile.mkdtemp(prefix="vm.", dir=memory if roomy else None))
    path.chmod(0o755)
    yield path
    subprocess.run(["rm", "-rf", "--one-file-system", str(path)], check=True)


@pytest.fixture(autouse=True)
def loop_devices():
    if not os.path.exists("/dev/loop-control"):
        pytest.skip("needs loop devices to read the disks")


def test_nothing_that_was_said_is_lost(vm, folder, release):
    log = record(vm, folder)
    bad, count = replay(log, folder, release / "bin" / "runlet", CUTS)
    log.close()
    print("%d writes and flushes, %d cuts" % (len(log), count))
    assert count >= CUTS // 2 and bad == {}


def test_without_fsync_it_would_be(vm, folder, release):
    """The control: the same reading finds the losses of a machine that syncs nothing."""
    library = folder / "nosync.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(HERE / "nosync.c")], check=True, timeout=60)

    def forget_to_sync():
        vm.push({"/usr/lib/nosync.so": library.read_bytes()}, mode=0o755)
        vm.push({"/etc/ld.so.preload": "/usr/lib/nosync.so\n"})

    log = record(vm, folder, forget_to_sync)
    bad, count = replay(log, folder, release / "bin" / "runlet", CONTROL_CUTS)
    log.close()
    assert len(bad) > count // 2, "only %d of %d cuts lost something" % (len(bad), count)
