"""Limits in the groups that the service manager leaves to each run's unit: control groups of version 2, delegated."""
import io
import json
import lzma
import os
import tarfile

import pytest

from guest import Guest

WAIT = "echo begun\nwhile [ ! -e /tmp/stop ]; do sleep 0.1; done\n"
EAT = "echo begun\nexec python3 -c 'd = []\nwhile True: d.append(bytearray(4 << 20))'\n"
FILL = "dd if=/dev/zero of=fill bs=1M 2>/dev/null && echo no limit\nstat -c %s fill\n"
RUNS_SLICE = "/sys/fs/cgroup/runlet.slice/runlet-runs.slice"


@pytest.fixture
def guest(vm):
    guest = Guest(vm)
    guest.start("concurrency: 2\n")
    return guest


def submit(guest, script, **limits):
    job = {"jobConfigurationDetails": {"jobType": "DEFAULT"}, "x-runlet": {"limits": limits}}
    guest.vm.push({"/root/limits.json": json.dumps(job)})
    return guest.submit(script, "--job", "/root/limits.json")


def wide_archive():
    """32 MiB that repeat after a MiB: a small archive whose unpacking needs a window as large as all of them."""
    packed = io.BytesIO()
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 48 << 20}]
    with lzma.open(packed, "wb", filters=filters) as out, tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in (("run.sh", b"echo ran\n"), ("data", os.urandom(1 << 20) * 32)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def group_of(vm, pid):
    return "/sys/fs/cgroup" + vm.read("/proc/%d/cgroup" % pid).split("::")[1].strip()


def contained(guest, run):
    return {f["name"]: (f["state"], f["value"], f["by"]) for f in guest.facts(run, "contained")}


def test_each_run_is_limited_below_its_unit_beside_its_supervisor(guest, vm):
    runs = [submit(guest, WAIT, memory=memory, pids=50, cpu="0.5", cpuWeight=50) for memory in ("64M", "96M")]
    groups = []
    for run, memory in zip(runs, (64, 96)):
        guest.await_output(run, "begun")
        group = group_of(vm, guest.facts(run, "running")[0]["pid"])
        groups.append(group)
        assert group.startswith(RUNS_SLICE) and group.endswith("/runlet." + run), group
        assert int(vm.read(group + "/memory.max")) == memory << 20
        assert (vm.read(group + "/pids.max"), vm.read(group + "/cpu.max")) == ("50\n", "50000 100000\n")
        assert vm.read(group + "/memory.oom.group") == "0\n"
        got = contained(guest, run)
        assert all(got[name][0] == "applied" and got[name][2] == "cgroup-v2" for name in ("memory", "pids", "cpu", "cpuWeight")), got
        helpers = group.rpartition("/")[0] + "/runlet-helpers." + run
        assert (vm.read(helpers + "/memory.max"), vm.read(helpers + "/pids.max")) == ("%d\n" % (1 << 30), "256\n")
        assert got["helpers' memory"] == ("applied", "1G", "cgroup-v2") and got["supervisor: capabilities"][0] == "applied", got
        supervisor = group_of(vm, guest.facts(run, "accepted")[0]["pid"])
        assert supervisor == group.rpartition("/")[0] + "/supervisor"
        assert vm.read(supervisor + "/cpu.weight") == "1000\n"
    assert len(set(groups)) == 2
    for run in runs:
        vm.run("runlet", "cancel", run)
        guest.wait(run)
    vm.until("nothing of the units is left", "[ -z \"$(find %s -mindepth 1 -type d)\" ]" % RUNS_SLICE)


def test_a_job_over_its_memory_goes_and_its_supervisor_tells(guest, vm):
    run = submit(guest, EAT, memory="64M")
    assert guest.wait(run) == 137
    seen = guest.view(run)
    assert (seen["cause"], seen["lifecycleState"]) == ("oom-killed", "FAILED"), seen
    assert vm.run("systemctl", "--failed", "--no-legend").out == ""


def test_an_archive_over_the_memory_of_helpers_is_rejected(guest, vm):
    vm.sh("echo 'limits: {helperMemory: 16M}' >> /etc/runlet/runlet.yaml && systemctl restart runletd")
    vm.push({"/root/wide.tar.xz": wide_archive()})
    run = vm.run("runlet", "submit", "/root/wide.tar.xz", "--entrypoint", "run.sh").out.strip()
    guest.wait(run)
    seen = guest.view(run)
    assert seen["cause"] == "artifact-rejected" and "limits.helperMemory" in seen["lifecycleDetails"], seen
    vm.until("nothing of the units is left", "[ -z \"$(find %s -mindepth 1 -type d)\" ]" % RUNS_SLICE)


def test_a_disk_of_its_own_in_a_unit(guest, vm):
    run = submit(guest, FILL, scratch="32M")
    assert guest.wait(run) == 0
    size = int(guest.output(run).split()[0])
    assert 16 << 20 < size <= 32 << 20
    assert contained(guest, run)["scratch"] == ("applied", "32M", "home.img")
    vm.until("the loop device is free", "! losetup -n -O BACK-FILE | grep -q %s" % run)
    assert run not in vm.read("/proc/self/mountinfo")
