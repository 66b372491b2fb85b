"""A machine for stories that need one: Debian with systemd and cgroup v2 under QEMU.

    vm = Vm(folder, image)                   a cold boot
    vm.boot()
    vm.save(folder / "saved")                    its memory and disk as a Snapshot; the machine is gone afterwards
    vm = Vm(other, image, snapshot=snapshot)     the same machine again, in about a second
    vm.restore()
    vm.sh("systemctl start runletd")             Done(code, out, err); with check=True (default) a failure raises
    vm.push({"/etc/x": b"..."}) vm.push_tar(tar) files into the guest
    vm.attach("data", file)                      a disk, as /dev/disk/by-id/virtio-data
    vm.reboot() vm.power_cut() vm.boot()         and on
    vm.power_off() vm.close()

Emulation only, unless RUNLET_VM_ACCEL names another accelerator: a /dev/kvm that opens is no proof of one that works. A system call
costs about 6 times what it costs on the machine itself, a new process 45 times. Nothing here waits without an end.
"""
import base64
import collections
import io
import os
import pathlib
import shlex
import shutil
import subprocess
import tarfile
import time

from channel import Refused, guest_agent, monitor

MEMORY_MIB = 2048
SLOTS = 6  # for disks that are plugged in later
PATIENCE = 120.0
BOOT_PATIENCE = 240.0
READY = b"GUEST-READY"
KERNEL_ARGUMENTS = "root=/dev/vda rw console=ttyS0 quiet mitigations=off systemd.unified_cgroup_hierarchy=1"

Done = collections.namedtuple("Done", "code out err")
Image = collections.namedtuple("Image", "root kernel initrd")
Snapshot = collections.namedtuple("Snapshot", "state disk")


class GuestError(AssertionError):
    """A command in the guest failed, or the machine did."""


class Vm:
    def __init__(self, folder, image, snapshot=None):
        self.folder = pathlib.Path(folder)  # short: it holds unix sockets
        self.image = image
        self.snapshot = snapshot
        self.disks = {}  # serial -> arguments of the drive
        self.process = None
        self.ready_count = 0
        self.folder.mkdir(parents=True, exist_ok=True)
        self.disk = self.folder / "root.qcow2"
        self._make_overlay()

    # ---- power ----

    def boot(self, patience=BOOT_PATIENCE):
        """From the disk as it is; returns when all services are up."""
        self._start([])
        self._await_ready(patience)

    def restore(self, patience=PATIENCE):
        """From the snapshot: the machine goes on where it was saved, with the clock of today."""
        self._start(["-incoming", "exec:zstd -dcq %s" % shlex.quote(str(self.snapshot.state))])
        self._until("the machine is restored", lambda: self._status() in ("paused", "running"), patience)
        if self._status() == "paused":
            self._monitor("cont")
        with self._agent() as agent:
            agent.call("guest-set-time", time=time.time_ns())

    def save(self, folder):
        """Writes the state of the machine to a folder and ends it. Disks that were plugged in are not part of it."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = folder / "state"
        # The less memory is in use, the faster is every restore.
        self.sh("journalctl --rotate; sync; echo 3 >/proc/sys/vm/drop_caches")
        self._monitor("stop")
        self._monitor("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self._monitor("migrate", uri="exec:zstd -1 -q -f -o %s" % shlex.quote(str(state)))
        self._until("the state is saved", lambda: self._monitor("query-migrate")["status"] in ("completed", "failed"), PATIENCE)
        if self._monitor("query-migrate")["status"] != "completed":
            raise GuestError("the state of the machine could not be saved: " + self._log())
        self.power_cut()
        disk = folder / "root.qcow2"
        os.replace(self.disk, disk)
        for path in (state, disk):
            path.chmod(0o444)
        return Snapshot(state, disk)

    def reboot(self, patience=BOOT_PATIENCE):
        """As its administrator would; returns when it is up again."""
        self.go_down("reboot")
        self.await_reboot(patience)

    def go_down(self, how):
        """Begins a reboot or poweroff. The agent is among the first to be stopped, so nothing more is asked of it."""
        with self._agent() as agent:
            agent.call("guest-exec", path="systemctl", arg=[how, "--no-block"])

    def await_reboot(self, patience=BOOT_PATIENCE):
        self._await_ready(patience)

    def power_off(self, patience=PATIENCE):
        """Presses the power button, and waits until the machine is off."""
        self._monitor("system_powerdown")
        self.await_off(patience)

    def await_off(self, patience=PATIENCE):
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise GuestError("the machine did not go off: " + self.serial()[-2000:]) from None
        self.process = None

    def power_cut(self):
        """The end without a warning: what the guest had not written is lost."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self):
        self.power_cut()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- commands ----

    def run(self, *argv, check=True, patience=PATIENCE, stdin=None):
        """Executes a program in the guest, as root."""
        arguments = {"path": argv[0], "arg": [str(a) for a in argv[1:]], "capture-output": True}
        if stdin is not None:
            arguments["input-data"] = base64.b64encode(stdin).decode()
        end = time.monotonic() + patience
        pause = 0.01
        with self._agent() as agent:
            pid = agent.call("guest-exec", **arguments)["pid"]
            while True:
                answer = agent.call("guest-exec-status", pid=pid)
                if answer["exited"]:
                    break
                if time.monotonic() > end:
                    raise GuestError("still running after %g s: %s" % (patience, shlex.join(map(str, argv))))
                time.sleep(pause)
                pause = min(pause * 1.5, 0.2)
        out, err = (base64.b64decode(answer.get(key, "")).decode(errors="replace") for key in ("out-data", "err-data"))
        done = Done(answer.get("exitcode", 128 + answer.get("signal", 0)), out, err)
        if check and done.code != 0:
            raise GuestError("exit status %d: %s\n%s\n%s" % (done.code, shlex.join(map(str, argv)), out[-4000:], err[-4000:]))
        return done

    def sh(self, text, **options):
        return self.run("/bin/sh", "-c", text, **options)

    def until(self, what, text, patience=PATIENCE, pause=0.2):
        """Waits until a shell command in the guest succeeds; its output."""
        end = time.monotonic() + patience
        while True:
            done = self.sh(text, check=False, patience=patience)
            if done.code == 0:
                return done.out
            if time.monotonic() > end:
                raise GuestError("waited %g s in vain: %s: %s%s" % (patience, what, done.out[-2000:], done.err[-2000:]))
            time.sleep(pause)

    def read(self, path):
        return self.run("/bin/cat", path).out

    def journal(self, *options):
        """The journal of the guest, messages only; options as journalctl takes them."""
        return self.run("/usr/bin/journalctl", "--no-pager", "--output=cat", *options).out

    def serial(self):
        """What came out of the serial port since the machine was started."""
        path = self.folder / "serial.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # ---- files and disks ----

    def push(self, files, mode=0o644):
        """Writes files into the guest: {absolute path: bytes or text}."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path, data in files.items():
                data = data.encode() if isinstance(data, str) else data
                entry = tarfile.TarInfo(str(path).lstrip("/"))
                entry.size, entry.mode = len(data), mode
                tar.addfile(entry, io.BytesIO(data))
        path = self.folder / "push.tar"
        path.write_bytes(packed.getvalue())
        self.push_tar(path)

    def push_tar(self, path):
        """Unpacks a tar file at the guest's root. It travels as a disk, which needs neither a network nor a file system."""
        self.attach("push", path, read_only=True)
        try:
            self.sh("tar -C / --keep-directory-symlink --no-overwrite-dir -xf /dev/disk/by-id/virtio-push")
        finally:
            self.detach("push")

    def attach(self, serial, path, write_log=None, read_only=False):
        """Plugs in a file as the disk /dev/disk/by-id/virtio-SERIAL. write_log: a file that gets every write and flush."""
        file = {"driver": "file", "filename": str(path)}
        node = {"driver": "raw", "node-name": "node-" + serial, "read-only": read_only, "file": file}
        if write_log is not None:
            pathlib.Path(write_log).write_bytes(b"")
            # Without the interval the log's own count of entries would be old when the power goes.
            node = {"driver": "blklogwrites", "node-name": "node-" + serial, "log-sector-size": 512,
                    "log-super-update-interval": 1, "file": file, "log": {"driver": "file", "filename": str(write_log)}}
        # QEMU 7.2 can place the data of two requests over each other in the log when one of them writes zeroes.
        plain = {"discard": False, "write-zeroes": False} if write_log is not None else {}
        with monitor(self.folder / "qmp") as channel:
            channel.call("blockdev-add", **node)
            for slot in range(SLOTS):
                try:
                    channel.call("device_add", driver="virtio-blk-pci", bus="slot%d" % slot, addr="0x0", serial=serial,
                                 drive="node-" + serial, id="disk-" + serial, **plain)
                    break
                except Refused:
                    if slot == SLOTS - 1:
                        raise
        self.until("the disk %s is there" % serial, "test -b /dev/disk/by-id/virtio-%s" % serial, pause=0.05)

    def detach(self, serial):
        with monitor(self.folder / "qmp") as channel:
            channel.call("device_del", id="disk-" + serial)
            self._until("the disk %s is gone" % serial, lambda: self._forget(channel, "node-" + serial), 30.0)

    @staticmethod
    def _forget(channel, node):
        try:
            channel.call("blockdev-del", **{"node-name": node})
            return True
        except Refused:
            return False

    # ---- inside ----

    def _make_overlay(self):
        base, kind = (self.snapshot.disk, "qcow2") if self.snapshot else (self.image.root, "raw")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", kind, str(self.disk)], check=True)

    def _command(self):
        accelerator = os.environ.get("RUNLET_VM_ACCEL", "tcg,thread=multi")
        folder = str(self.folder)
        command = [
            # The machine goes when the tests go, however they go.
            "setpriv", "--pdeathsig", "KILL", "--", "qemu-system-x86_64",
            # cx16: QEMU 7.2 emulates the unlocked cmpxchg16b wrongly, which newer kernels use.
            "-accel", accelerator, "-cpu", "max,-cx16", "-M", "q35", "-m", str(MEMORY_MIB), "-smp", "2",
            "-nodefaults", "-no-user-config", "-display", "none",
            "-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd), "-append", KERNEL_ARGUMENTS,
            "-drive", "file=%s,format=qcow2,if=none,id=root,cache=writeback,discard=unmap" % self.disk,
            "-device", "virtio-blk-pci,drive=root,serial=root",
            "-device", "virtio-rng-pci", "-device", "virtio-serial-pci,id=ports",
            "-chardev", "socket,id=agent,path=%s/agent,server=on,wait=off" % folder,
            "-device", "virtserialport,bus=ports.0,chardev=agent,name=org.qemu.guest_agent.0",
            "-serial", "file:%s/serial.log" % folder, "-qmp", "unix:%s/qmp,server=on,wait=off" % folder,
            "-netdev", "user,id=net,restrict=on", "-device", "virtio-net-pci,netdev=net,romfile=",
        ]
        for slot in range(SLOTS):
            command += ["-device", "pcie-root-port,id=slot%d,chassis=%d" % (slot, slot + 1)]
        return command

    def _start(self, options):
        for name in ("qmp", "agent", "serial.log"):
            (self.folder / name).unlink(missing_ok=True)
        self.ready_count = 0
        with open(self.folder / "qemu.log", "wb") as log:
            self.process = subprocess.Popen(self._command() + options, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._until("QEMU listens", lambda: (self.folder / "qmp").exists() and (self.folder / "agent").exists(), 30.0)

    def _await_ready(self, patience):
        wanted = self.ready_count + 1
        self._until("the machine is up", lambda: self.serial().count(READY.decode()) >= wanted, patience)
        self.ready_count = wanted

    def _until(self, what, condition, patience):
        end = time.monotonic() + patience
        while not condition():
            if self.process is not None and self.process.poll() is not None:
                raise GuestError("QEMU ended with %s: %s" % (self.process.returncode, self._log()))
            if time.monotonic() > end:
                raise GuestError("waited %g s in vain: %s: %s" % (patience, what, self.serial()[-2000:]))
            time.sleep(0.03)

    def _agent(self):
        return guest_agent(self.folder / "agent")

    def _monitor(self, command, **arguments):
        with monitor(self.folder / "qmp") as channel:
            return channel.call(command, **arguments)

    def _status(self):
        try:
            return self._monitor("query-status")["status"]
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    def _log(self):
        return (self.folder / "qemu.log").read_text(errors="replace")[-2000:]
