"""Makes the machine that every story begins with, once, and keeps it: the image, and its memory after the start."""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from vm import Image, Snapshot, Vm

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROGRAMS = ("qemu-system-x86_64", "qemu-img", "mmdebstrap", "mke2fs", "cpio", "lz4", "zstd", "setpriv")
IMAGE_INPUTS = ("build-image.sh", "vmlinux.py", "guest-packages.txt")
BUILD_PATIENCE = 900


def unable():
    """Why no machine can be had here, or None."""
    if os.geteuid() != 0:
        return "needs root: the guest's image is made by mmdebstrap"
    if os.uname().machine != "x86_64":
        return "needs an x86-64 machine"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return "needs %s (tests/vm/depends.txt)" % ", ".join(missing) if missing else None


def _digest(*names):
    """Changes when one of these files does, or QEMU: saved memory fits only the QEMU and the command line that saved it."""
    key = hashlib.sha256()
    for name in names:
        key.update((HERE / name).read_bytes())
    key.update(subprocess.run(["qemu-system-x86_64", "--version"], stdout=subprocess.PIPE, check=True).stdout)
    return key.hexdigest()[:16]


def _forget_old(caches):
    """What a killed build left, and what no checkout has used for three weeks."""
    for old in caches.iterdir():
        used = old / "complete"
        if old.is_dir() and not (used.exists() and time.time() - used.stat().st_mtime < 21 * 86400):
            shutil.rmtree(old)


def _ensure(folder, make):
    """Has `make` fill the folder, unless that was done before."""
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make()
    (folder / "complete").touch()


def _start_once(image, folder):
    """The memory of the freshly started machine."""
    vm = Vm(tempfile.mkdtemp(prefix="vm."), image)
    try:
        vm.boot()
        vm.save(folder)
    finally:
        vm.close()


def base_machine():
    """(image, snapshot) of the machine without runlet. Made by the first who asks, on whichever checkout."""
    caches = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "runlet-vm"
    caches.mkdir(parents=True, exist_ok=True)
    cache = caches / _digest(*IMAGE_INPUTS)
    started = cache / ("started-" + _digest("vm.py"))
    image = Image(cache / "root.img", cache / "vmlinux", cache / "initrd.img")
    with open(caches / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _forget_old(caches)
        _ensure(cache, lambda: subprocess.run([HERE / "build-image.sh", cache], stdin=subprocess.DEVNULL, check=True,
                                              timeout=BUILD_PATIENCE))
        _ensure(started, lambda: _start_once(image, started))
    return image, Snapshot(started / "state", started / "root.qcow2")


def package(build, folder):
    """A tar of what `cmake --install` puts onto a machine."""
    tree, tar = pathlib.Path(folder) / "install", pathlib.Path(folder) / "install.tar"
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(["cmake", "--install", str(build), "--prefix", "/usr"], env={**os.environ, "DESTDIR": str(tree)},
                   stdout=subprocess.DEVNULL, check=True, timeout=120)
    subprocess.run(["tar", "-C", str(tree), "--owner=0", "--group=0", "-cf", str(tar), "."], check=True, timeout=120)
    return tar


def install(vm, tar):
    """As a package's scripts would after unpacking."""
    vm.push_tar(tar)
    vm.sh("systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload")
