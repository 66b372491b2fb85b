"""A run's home on a volume: blank ones are formatted, ours are mounted, and what is somebody's is never touched."""
import hashlib
import os
import pathlib
import struct
import sys
import zlib

import pytest

from node_rig import can_make_disks, files_behind_disks, until
from volume_rig import MIB, VolumeNode, call, tool

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
from crash_points import CrashFile, Point, has_points  # noqa: E402

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: volumes are mounted"),
    pytest.mark.skipif(not can_make_disks(), reason="this machine has no loop devices or no mkfs.ext4"),
]
needs_xfs = pytest.mark.skipif(tool("mkfs.xfs") is None, reason="xfsprogs is not installed")
KEEP = "import os\nprint(sorted(os.listdir('.')))\nopen('kept', 'a').write('x')\nst = os.stat('.')\nprint(st.st_uid, oct(st.st_mode))\n"
SIZE = "import os\ns = os.statvfs('.')\nprint(s.f_blocks * s.f_frsize >> 20)\n"


def has_xfs():
    return "xfs" in pathlib.Path("/proc/filesystems").read_text().split()


@pytest.fixture
def make_node(bin_dir):
    nodes = []

    def make(**how):
        nodes.append(VolumeNode(bin_dir, **how))
        return nodes[-1]
    yield make
    for node in nodes:
        node.close()


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_run_gets_an_image_as_large_as_its_job_asks(make_node):
    node = make_node(lasting=False, mib=48)
    done = node.python(SIZE)
    assert done.status == 0 and 30 <= int(done.text) <= 48, done
    assert node.steps(done.id) == [("find", node.steps(done.id)[0][1]), ("look", "blank"), ("format", "ext4"), ("mount", "ext4")]
    assert (node.state / "runs" / done.id / "home.img").stat().st_size == 48 * MIB
    node.leftovers()


def test_a_blank_volume_is_formatted_once_and_what_is_on_it_stays(make_node):
    node = make_node()
    node.make()
    first = node.python(KEEP)
    assert first.status == 0 and first.text.splitlines()[1] == "1000 0o40750", first
    second = node.python(KEEP)
    assert second.status == 0 and "'kept'" in second.text.splitlines()[0], second
    assert [s for s, _ in node.steps(first.id)] == ["find", "look", "format", "mount"]
    assert ("look", "ext4") in node.steps(second.id) and "format" not in [s for s, _ in node.steps(second.id)]
    assert b"runlet: this volume was blank" not in node.image.read_bytes()
    node.leftovers()


@needs_xfs
@pytest.mark.skipif(not has_xfs(), reason="this kernel has no XFS")
def test_xfs_is_made_and_grows(make_node):
    node = make_node(file_system="xfs", mib=320)
    first = node.python(KEEP + SIZE)
    assert first.status == 0 and ("format", "xfs") in node.steps(first.id), first
    os.truncate(node.image, 480 * MIB)
    second = node.python(KEEP + SIZE)
    assert second.status == 0 and "'kept'" in second.text, second
    assert int(second.text.splitlines()[-1]) - int(first.text.splitlines()[-1]) > 100, (first, second)
    assert ("grow", "") in node.steps(second.id)
    node.leftovers()


def test_a_file_system_grows_with_its_volume(make_node):
    node = make_node()
    first = node.python(KEEP + SIZE)
    os.truncate(node.image, 192 * MIB)
    second = node.python(KEEP + SIZE)
    assert second.status == 0 and "'kept'" in second.text, second
    assert int(second.text.splitlines()[-1]) - int(first.text.splitlines()[-1]) > 80, (first, second)
    assert [s for s, _ in node.steps(second.id)] == ["find", "look", "check", "grow", "mount", "clear"]
    node.leftovers()


# ---- what is somebody's ----

def luks(image):
    header = b"LUKS\xba\xbe" + struct.pack(">H", 1) + b"aes".ljust(32, b"\0") + b"xts-plain64".ljust(32, b"\0") + b"sha256".ljust(32, b"\0")
    with open(image, "r+b") as file:
        file.write(header + struct.pack(">II", 4096, 64) + bytes(56) + b"01234567-89ab-cdef-0123-456789abcdef".ljust(40, b"\0"))


def lvm(image):
    """A label of LVM2 in the second sector, with its checksum (CRC-32 without the final inversion, from LVM's own start)."""
    body = struct.pack("<I8s", 32, b"LVM2 001") + b"0123456789abcdefghijklmnopqrstuv"
    body = body.ljust(512 - 20, b"\0")
    crc = zlib.crc32(body, 0xf597a6cf ^ 0xffffffff) ^ 0xffffffff
    with open(image, "r+b") as file:
        file.seek(512)
        file.write(b"LABELONE" + struct.pack("<QI", 1, crc) + body)


def raid(image):
    """A superblock of Linux's RAID, version 1.2: magic, version, and the checksum over the first 256 bytes."""
    block = bytearray(256)
    struct.pack_into("<II", block, 0, 0xa92b4efc, 1)
    block[16:32] = bytes(range(16))
    struct.pack_into("<Q", block, 144, 8)  # the superblock's own place, in sectors
    total = sum(struct.unpack("<64I", block))
    struct.pack_into("<I", block, 216, (total & 0xffffffff) + (total >> 32) & 0xffffffff)
    with open(image, "r+b") as file:
        file.seek(4096)
        file.write(block)


def gpt(image):
    call("sfdisk", "-q", image, input=b"label: gpt\n,10M\n")


def dos(image):
    call("sfdisk", "-q", image, input=b"label: dos\n,10M\n")


def swap(image):
    call("mkswap", image)


def vfat(image):
    """A boot sector as mkfs.vfat writes it: enough for it to be known."""
    sector = bytearray(512)
    sector[0:11] = b"\xeb\x3c\x90mkfs.fat"
    struct.pack_into("<HBHBHHBHHHII", sector, 11, 512, 4, 4, 2, 512, 0, 0xf8, 128, 32, 2, 0, 131072)
    struct.pack_into("<BBBI11s8s", sector, 36, 0x80, 0, 0x29, 0x1234, b"NO NAME    ", b"FAT16   ")
    sector[510:512] = b"\x55\xaa"
    with open(image, "r+b") as file:
        file.write(sector)


def data_in_front(image):
    with open(image, "r+b") as file:
        file.seek(MIB - 512)
        file.write(b"important")


def data_at_the_end(image):
    with open(image, "r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(b"important")


@pytest.mark.parametrize("foreign,says", [
    (gpt, "gpt"), (dos, "dos"), (swap, "swap"), (luks, "crypto_LUKS"), (lvm, "LVM2_member"), (raid, "linux_raid_member"),
    (vfat, "vfat"), (data_in_front, "without a known signature"), (data_at_the_end, "without a known signature"),
], ids=lambda v: getattr(v, "__name__", ""))
def test_what_is_somebodys_is_refused_and_not_changed(make_node, foreign, says):
    node = make_node()
    node.make()
    foreign(node.image)
    before = digest(node.image)
    why = node.refused(node.python(KEEP))
    assert says in why and "it is not touched" in why and "wipefs" in why, why
    assert digest(node.image) == before


def test_a_volume_that_is_too_small_is_refused(make_node):
    node = make_node(mib=32)
    node.make(8)
    os.truncate(node.image, 8 * MIB)
    node.configure(extra="volume: {kind: block, device: %s, wait: 0s}\n" % node.image)
    why = node.refused(node.python(KEEP))
    assert "storage: find" in why, why


def test_a_cut_off_file_system_is_refused(make_node):
    node = make_node(mib=32)
    with open(node.image, "wb") as file:
        file.truncate(128 * MIB)
    call("mkfs.ext4", "-q", "-F", node.image)
    os.truncate(node.image, 100 * MIB)
    why = node.refused(node.python(KEEP))
    assert "cut off" in why, why


def test_a_damaged_file_system_is_not_mounted(make_node):
    node = make_node()
    node.make()
    call("mkfs.ext4", "-q", "-F", node.image)
    with open(node.image, "r+b") as file:
        data = bytearray(file.read())
        struct.pack_into("<H", data, 1024 + 58, 2)  # it says that it has errors
        data[8192:65536] = b"\xff" * (65536 - 8192)
        file.seek(0)
        file.write(data)
    why = node.refused(node.python(KEEP))
    assert "check" in why and "repair it by hand with e2fsck" in why, why


def test_a_device_that_does_not_come_is_named(make_node):
    node = make_node()
    node.configure(extra="volume: {kind: block, device: '/dev/oracleoci/no-such-*', wait: 1s}\n")
    why = node.refused(node.python(KEEP))
    assert "/dev/oracleoci/no-such-*" in why and "within 1 s" in why and "volume.device" in why, why


def test_waiting_for_a_device_can_be_cancelled(make_node):
    node = make_node()
    node.configure(extra="volume: {kind: block, device: /dev/disk/by-id/no-such, wait: 1h}\n")
    run = node.start_run(node.write("job.py", KEEP))
    run_id = run.await_id()
    until("it waits", lambda: (node.state / "runs" / run_id / "supervisor.journal").exists())
    run.process.terminate()
    run.end()
    assert node.status_json(run_id)["cause"] == "cancelled"
    node.leftovers()


def test_a_volume_is_for_one_run_at_a_time(make_node):
    node = make_node()
    first = node.start_run(node.write("first.py", "import os, time\nprint('up', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.05)\n"))
    first.await_output(b"up")
    why = node.status_json(node.python(KEEP).id)["lifecycleDetails"]
    assert "another run uses it" in why, why
    first.process.terminate()
    first.process.wait(60)
    node.leftovers()


# ---- a mkfs that did not end ----

@pytest.mark.parametrize("point", ["volume-marked", "volume-formatted"])
def test_a_mkfs_that_a_crash_ended_is_done_again(make_node, bin_dir, point):
    if not has_points(bin_dir):
        pytest.skip("these programs have no crash points")
    node = make_node()
    node.make()
    crash = CrashFile(node.root / "crash", Point("volume", "storage", point, 1))
    done = node.python(KEEP, env={"RUNLET_CRASH_FILE": str(crash.path)})
    assert crash.fired(), done
    assert "storage ended too early" in node.refused(done)
    assert b"runlet: this volume was blank" in node.image.read_bytes()[-MIB:][:4096]
    again = node.python(KEEP)
    assert again.status == 0 and ("format", "ext4") in node.steps(again.id), again
    assert b"runlet: this volume was blank" not in node.image.read_bytes()
    node.leftovers()


def test_our_mark_does_not_give_us_anothers_file_system(make_node):
    node = make_node()
    node.make()
    mark = b"runlet: this volume was blank and is being formatted\nuuid 01234567-89ab-cdef-0123-456789abcdef\n"
    call("mkfs.ext4", "-q", "-F", "-U", "99999999-89ab-cdef-0123-456789abcdef", node.image)
    with open(node.image, "r+b") as file:
        file.seek(-MIB, os.SEEK_END)
        file.write(mark.ljust(4096, b"\0"))
    done = node.python(KEEP)
    assert done.status == 0 and "format" not in [s for s, _ in node.steps(done.id)], done
    node.leftovers()


def test_a_killed_supervisor_leaves_no_volume_mounted(make_node):
    node = make_node()
    run = node.start_run(node.write("job.py", "import time\nprint('up', flush=True)\ntime.sleep(1000)\n"))
    run.await_output(b"up")
    run_id = run.await_id()
    os.kill(node.supervisor(run_id), 9)
    run.end()
    assert node.status_json(run_id)["cause"] == "supervisor-lost"
    until("the volume is let go", lambda: not [f for f in files_behind_disks() if str(node.root) in f])
    node.leftovers()


def test_a_limit_on_scratch_space_holds_the_rest(make_node):
    node = make_node()
    text = ("import os\nfor p in ('.', '/tmp'):\n s = os.statvfs(p)\n print(s.f_blocks * s.f_frsize >> 20)\n")
    node.write("job.py", text)
    job = node.write("job.yaml", "kind: job\nspec:\n  name: n\n  runtime:\n    kind: runtime\n    type: script\n    spec:\n"
                                 "      scriptPathURI: job.py\n      x-runlet:\n        limits: {scratch: 20M}\n")
    done = node.run("-q", job)
    home, tmp = [int(x) for x in done.text.split()]
    assert done.status == 0 and home > 40 and tmp <= 20, done
    node.leftovers()
