"""The sandbox of a plain process: what programs need works, what leads out does not, and a job hears why."""
import json
import os
import pathlib
import platform
import shutil
import socket
import subprocess
import zipfile

import pytest

from node_rig import facts
from run_rig import RunNode

JOB = """kind: job
spec:
  name: walled
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: %s
      x-runlet:
        sandbox: {%s}
"""

# Numbers of system calls by machine: the C library has no names for most of these.
NUMBERS = {
    "x86_64": {"ptrace": 101, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "bpf": 321, "keyctl": 250, "add_key": 248,
               "userfaultfd": 323, "unshare": 272, "setns": 308, "perf_event_open": 298, "process_vm_readv": 310, "kexec_load": 246,
               "init_module": 175, "open_by_handle_at": 304, "name_to_handle_at": 303, "swapon": 167, "reboot": 169,
               "settimeofday": 164, "syslog": 103, "acct": 163, "quotactl": 179, "personality": 135, "clone": 56, "ioctl": 16,
               "pidfd_getfd": 438, "mount_setattr": 442, "fanotify_init": 300, "io_uring_setup": 425, "clone3": 435, "getpid": 39},
    "aarch64": {"ptrace": 117, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "bpf": 280, "keyctl": 219, "add_key": 217,
                "userfaultfd": 282, "unshare": 97, "setns": 268, "perf_event_open": 241, "process_vm_readv": 270, "kexec_load": 104,
                "init_module": 105, "open_by_handle_at": 265, "name_to_handle_at": 264, "swapon": 224, "reboot": 142,
                "settimeofday": 170, "syslog": 116, "acct": 89, "quotactl": 60, "personality": 92, "clone": 220, "ioctl": 29,
                "pidfd_getfd": 438, "mount_setattr": 442, "fanotify_init": 262, "io_uring_setup": 425, "clone3": 435, "getpid": 172},
}.get(platform.machine(), {})

# Call, arguments, errno. 0x10000000 is CLONE_NEWUSER, 0x5412 is TIOCSTI, 0x0040000 is ADDR_NO_RANDOMIZE.
DENIED = [(name, [0, 0, 0, 0, 0], "EPERM") for name in
          ("ptrace", "mount", "umount2", "pivot_root", "chroot", "bpf", "keyctl", "add_key", "userfaultfd", "setns", "perf_event_open",
           "process_vm_readv", "kexec_load", "init_module", "open_by_handle_at", "name_to_handle_at", "swapon", "reboot", "settimeofday",
           "syslog", "acct", "quotactl", "pidfd_getfd", "mount_setattr", "fanotify_init")] + [
    ("unshare", [0x10000000], "EPERM"), ("clone", [0x10000011, 0, 0, 0, 0], "EPERM"), ("personality", [0x40000], "EPERM"),
    ("ioctl", [0, 0x5412, 0], "EPERM")]
ABSENT = [("io_uring_setup", [1, 0], "ENOSYS"), ("clone3", [0, 0], "ENOSYS")]

CALLS = r"""
import ctypes, errno, json, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
found = {}
for name, number, arguments in json.loads(%r):
    r = libc.syscall(ctypes.c_long(number), *[ctypes.c_ulong(a) for a in arguments])
    found[name] = "OK" if r >= 0 else errno.errorcode[ctypes.get_errno()]
print(json.dumps(found))
"""


def walled(node, wishes, text, *args, name="job.py"):
    """Runs a Python text with a `sandbox` block."""
    node.write(name, text)
    return node.run("-q", node.write("job.yaml", JOB % (name, wishes)), *args)


def journal(node, run_id, event):
    return [f for f in facts(node.state / "runs" / run_id / "supervisor.journal") if f["event"] == event]


def contained(node, run_id):
    return {f["name"]: f for f in journal(node, run_id, "contained")}


@pytest.fixture
def learner(bin_dir):
    """A node whose policy lets jobs learn."""
    if os.geteuid() != 0:
        pytest.skip("needs root: runs are contained by namespaces and other users")
    node = RunNode(bin_dir, extra="sandbox: {allowLearn: true}\n")
    yield node
    node.close()


# ---- what works ----

PYTHON = r"""
import array, concurrent.futures as f, mmap, multiprocessing, os, socket, sqlite3, ssl, subprocess, tempfile

def work(n):
    return sum(x * x for x in array.array("d", range(n)))

def main():
    with f.ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(work, [20000] * 64))) == 1
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(work, [1000, 1000]) == [work(1000)] * 2
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(abs, [-1]) == [1]
    shared = mmap.mmap(-1, 1 << 20)
    shared[0] = 1
    with tempfile.TemporaryDirectory() as d:
        os.mkdir(d + "/a")
        open(d + "/f", "w").close()
        os.rename(d + "/f", d + "/a/g")  # from folder to folder
        os.link(d + "/a/g", d + "/h")
        os.mkfifo(d + "/fifo")
        os.symlink("a", d + "/s")
        db = sqlite3.connect(d + "/db")
        db.execute("create table t(x)")
        db.commit()
    words = subprocess.run(["sh", "-c", "printf 'a\nb\n' | wc -l"], stdout=subprocess.PIPE, text=True).stdout
    assert words.strip() == "2", words
    open("/dev/null", "w").write("x")
    assert len(open("/dev/urandom", "rb").read(4)) == 4
    open("/dev/shm/x", "w").write("x")
    os.openpty()
    open("/proc/self/comm", "w").write("renamed")
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname())
    socket.socketpair()
    assert socket.if_nameindex()
    print("fine")

if __name__ == "__main__":
    main()
"""


def test_python_with_threads_processes_and_memory(node):
    done = node.python(PYTHON)
    assert done.status == 0 and done.text == "fine\n", done
    assert journal(node, done.id, "denied") == []


def test_numpy(node):
    python = next((p for p in ("/usr/bin/python3", "python3") if subprocess.run([p, "-c", "import numpy"], stderr=subprocess.DEVNULL).returncode == 0), None)
    if python is None:
        pytest.skip("numpy is not installed")
    done = node.shell("%s -c 'import numpy as n; a = n.ones((500, 500)); print((a @ a).sum())'" % python)
    assert done.status == 0 and float(done.text) == 500 ** 3, done


def test_bash_and_git(node):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    done = node.shell(r"""
set -euo pipefail
diff <(printf 'a\n') <(printf 'a\n')
exec 7<>/dev/null; exec 7>&-
( sleep 0.01 & wait )
git init -q r && cd r && git config user.email a@b && git config user.name a
echo x > f && git add f && git commit -qm one && git tag v1 && git gc -q && cd .. && git clone -q r s && cat s/f
""")
    assert done.status == 0 and done.text == "x\n", done


def test_venv_and_pip_without_a_network(node):
    if subprocess.run(["/usr/bin/python3", "-c", "import venv, ensurepip"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("python3-venv is not installed")
    wheel = node.work / "artifact" / "one-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("one.py", "print('one')\n")
        file.writestr("one-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
        file.writestr("one-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("one-1.0.dist-info/RECORD", "")
    node.write("artifact/main.sh", "set -e\n/usr/bin/python3 -m venv v\nv/bin/pip -q install --no-index ./one-*.whl\nv/bin/python -m one\n")
    done = node.run("-q", node.work / "artifact", "--entrypoint", "main.sh")
    assert done.status == 0 and done.text == "one\n", done


def test_java(node):
    if shutil.which("java") is None:
        pytest.skip("java is not installed")
    done = node.shell("java -Xmx64m -version && echo fine\n")
    assert done.status == 0 and done.text == "fine\n", done
    assert journal(node, done.id, "denied") == []


# ---- what leads out ----

@pytest.mark.skipif(not NUMBERS, reason="the numbers of system calls are known for x86-64 and arm64")
def test_calls_that_manage_the_machine_are_denied_and_explained(node):
    calls = [[name, NUMBERS[name], arguments] for name, arguments, _ in DENIED + ABSENT]
    done = node.python(CALLS % json.dumps(calls))
    assert done.status == 0, done
    assert json.loads(done.text) == {name: error for name, _, error in DENIED + ABSENT}
    told = {f["call"]: f for f in journal(node, done.id, "denied")}
    assert set(told) == {name for name, _, _ in DENIED}
    assert told["ptrace"]["rule"] == "debugging other processes" and told["ptrace"]["command"].startswith("python")
    out, err = node.logs(done.id)
    assert b"runlet: denied: ptrace of python" in err and b"debugging other processes" in err, err
    assert b"denied" not in out
    assert "debugging other processes" in node.call("why", done.id).text


def test_repeated_denials_are_counted_not_repeated(node):
    done = node.python(CALLS % json.dumps([["call", NUMBERS["ptrace"], [0]]]) +
                       "for _ in range(2000):\n    libc.syscall(%d, 0, 0, 0, 0)\n" % NUMBERS["ptrace"])
    assert done.status == 0, done
    assert len(journal(node, done.id, "denied")) == 1
    (again,) = journal(node, done.id, "denied-again")
    assert again["count"] == 2001
    assert node.logs(done.id)[1].count(b"runlet: denied") == 1


def test_a_note_does_not_split_the_jobs_line(node):
    done = node.python(r"""
import ctypes, sys, time
sys.stderr.write("half"); sys.stderr.flush()
time.sleep(0.5)  # until it was captured
ctypes.CDLL(None).unshare(0x10000000)
sys.stderr.write(" a line\n")
""")
    err = node.logs(done.id)[1].decode()
    assert err.startswith("half\nrunlet: denied: unshare") and err.endswith("making namespaces\n a line\n"), err


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other calling conventions are x86's")
def test_other_calling_conventions(node):
    done = node.python(r"""
import ctypes, errno, mmap, os, signal
libc = ctypes.CDLL(None, use_errno=True)
assert libc.syscall(0x40000000 + 39) == -1
print(errno.errorcode[ctypes.get_errno()])
pid = os.fork()
if pid == 0:
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20; int 0x80; ret
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
    os._exit(0)
print(signal.Signals(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) * -1).name)
""")
    assert done.text.split() in (["ENOSYS", "SIGSYS"], ["ENOSYS", "SIGSEGV"]), done


def test_sockets_of_other_kinds(node):
    done = node.python(r"""
import errno, json, socket
found = {}
for name, how in {"raw": (socket.AF_INET, socket.SOCK_RAW, 1), "raw6": (socket.AF_INET6, socket.SOCK_RAW, 58),
                  "packet": (socket.AF_PACKET, socket.SOCK_DGRAM, 0), "generic": (socket.AF_NETLINK, socket.SOCK_RAW, 16),
                  "audit": (socket.AF_NETLINK, socket.SOCK_RAW, 9), "vsock": (40, socket.SOCK_STREAM, 0),
                  "crypto": (38, socket.SOCK_SEQPACKET, 0), "mptcp": (socket.AF_INET, socket.SOCK_STREAM, 262),
                  "route": (socket.AF_NETLINK, socket.SOCK_RAW, 0), "tcp": (socket.AF_INET, socket.SOCK_STREAM, 6),
                  "local": (socket.AF_UNIX, socket.SOCK_DGRAM, 0)}.items():
    try:
        socket.socket(*how).close()
        found[name] = "OK"
    except OSError as e:
        found[name] = errno.errorcode[e.errno]
print(json.dumps(found))
""")
    found = json.loads(done.text)
    assert [n for n in found if found[n] == "OK"] == ["route", "tcp", "local"], found
    assert {found[n] for n in found if found[n] != "OK"} == {"EPERM"}, found
    assert {f["call"] for f in journal(node, done.id, "denied")} == {"socket"}


ESCAPES = r"""
import errno, json, os, signal, socket, stat, subprocess, sys
state, sockets, supervisor, abstract = sys.argv[1:]
found = {}
def attempt(name, how):
    try:
        how()
        found[name] = "OK"
    except OSError as e:
        found[name] = errno.errorcode[e.errno]
attempt("setuid", lambda: os.setuid(0))
attempt("setgroups", lambda: os.setgroups([0]))
attempt("block device", lambda: os.mknod("b", 0o600 | stat.S_IFBLK, os.makedev(8, 0)))
attempt("character device", lambda: os.mknod("c", 0o600 | stat.S_IFCHR, os.makedev(1, 1)))
attempt("/usr", lambda: open("/usr/x", "w"))
attempt("/etc", lambda: open("/etc/x", "w"))
attempt("/proc/sys", lambda: open("/proc/sys/kernel/hostname", "w"))
attempt("/sys", lambda: open("/sys/kernel/mm/transparent_hugepage/enabled", "w"))
attempt("/dev", lambda: open("/dev/x", "w"))
attempt("/run", lambda: open("/run/x", "w"))
attempt("signal to init", lambda: os.kill(1, signal.SIGKILL))
attempt("signal to the supervisor", lambda: os.kill(int(supervisor), signal.SIGKILL))
attempt("state", lambda: os.listdir(state))
attempt("sockets", lambda: os.listdir(sockets))
attempt("abstract socket", lambda: socket.socket(socket.AF_UNIX).connect("\0" + abstract))
attempt("oom score", lambda: open("/proc/self/oom_score_adj", "w").write("-900"))
attempt("nice", lambda: os.nice(-5))
found["su"] = subprocess.run(["su", "-c", "id -u"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode().strip()
found["masked"] = {path: oct(os.stat(path).st_rdev) if not stat.S_ISDIR(os.stat(path).st_mode) else "folder"
                   for path in ("/proc/sysrq-trigger", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware") if os.path.exists(path)}
found["devices"] = sorted(os.listdir("/dev"))
found["blocks"] = [n for n in os.listdir("/dev") if os.path.exists("/dev/" + n) and stat.S_ISBLK(os.stat("/dev/" + n).st_mode)]
found["run"] = sorted(os.listdir("/run"))
print(json.dumps(found))
"""


def may_raise_importance():
    """CAP_SYS_RESOURCE."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff")), 16) >> 24 & 1 == 1


def test_ways_out(node):
    abstract = "runlet-test-%d" % os.getpid()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + abstract)
        listener.listen()
        done = node.python(ESCAPES, "--", node.state, node.run_dir, os.getpid(), abstract)
    assert done.status == 0, done
    found = json.loads(done.text)
    refused = {"setuid": ["EPERM"], "setgroups": ["EPERM"], "block device": ["EPERM", "EACCES"], "character device": ["EPERM", "EACCES"],
               "/usr": ["EROFS", "EACCES"], "/etc": ["EROFS", "EACCES"], "/proc/sys": ["EROFS", "EACCES"], "/sys": ["EROFS", "EACCES", "ENOENT"],
               "/dev": ["EROFS", "EACCES"], "/run": ["EROFS", "EACCES"], "signal to init": ["EPERM"],
               "signal to the supervisor": ["ESRCH", "EPERM"], "state": ["ENOENT", "EACCES"], "sockets": ["ENOENT", "EACCES"],
               "oom score": ["EACCES", "EPERM"], "nice": ["EPERM", "EACCES"]}
    if not may_raise_importance():
        del refused["oom score"]  # the kernel holds the job to what somebody with that right has set
    for name, errors in refused.items():
        assert found[name] in errors, (name, found[name])
    landlock = contained(node, done.id)["landlock"]
    if "signals and sockets" in landlock["value"]:
        assert found["abstract socket"] == "EPERM", found
    assert found["su"] == "" and found["blocks"] == []
    assert set(found["masked"].values()) <= {"folder", oct(os.makedev(1, 3))}, found
    assert found["devices"] == ["fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty",
                                "urandom", "zero"]
    assert set(found["run"]) <= {"job", "systemd", "resolvconf", "NetworkManager", "connman"}, found


def test_hidden_folders_outside_tmp(bin_dir):
    """The rig's folders are below /tmp, which is private anyway: these are not."""
    if os.geteuid() != 0:
        pytest.skip("needs root: runs are contained by namespaces and other users")
    top = pathlib.Path("/var/lib/runlet-test-%d" % os.getpid())
    node = RunNode(bin_dir)
    try:
        node.state, node.run_dir = top / "state", top / "run"
        node.configure()
        top.mkdir(mode=0o755)
        done = node.python("import os, sys\nfor p in sys.argv[1:]:\n    try:\n        print(os.listdir(p))\n"
                           "    except OSError as e:\n        print(type(e).__name__)\n", "--", node.state, node.run_dir, top)
        assert done.text.splitlines()[:2] == ["PermissionError", "PermissionError"], done
    finally:
        node.close()
        shutil.rmtree(top, ignore_errors=True)


# ---- what a job asks for ----

def test_what_stands_is_in_the_record(node):
    done = node.shell("true\n")
    walls = contained(node, done.id)
    for name in ("mounts", "user", "capabilities", "no-new-privileges", "seccomp", "metadata"):
        assert walls[name]["state"] == "applied", walls
    assert "landlock" in walls and walls["seccomp"]["value"] == "denied calls are explained"


def test_learning_needs_permission(node):
    done = walled(node, "learn: true", "print('never')\n")
    assert done.status != 0 and b"never" not in done.out, done
    assert "sandbox.allowLearn" in done.words
    assert not (node.state / "runs" / done.id).exists()


QUIET = "import os\nos.write(1, b'fine\\n')\n"


def test_what_was_learnt_is_enough(learner):
    done = walled(learner, "learn: true", QUIET)
    assert done.status == 0 and done.text == "fine\n", done
    (learnt,) = journal(learner, done.id, "learnt")
    profile = learnt["profile"]
    assert profile.startswith("systemCalls: [") and " write," in profile and "ptrace" not in profile
    done = walled(learner, profile, QUIET)
    assert done.status == 0 and done.text == "fine\n", done
    assert journal(learner, done.id, "denied") == []


def test_learning_opens_nothing(learner):
    done = walled(learner, "learn: true", CALLS % json.dumps([["ptrace", NUMBERS["ptrace"], [0]], ["bpf", NUMBERS["bpf"], [0]]]))
    assert json.loads(done.text) == {"ptrace": "EPERM", "bpf": "EPERM"}, done
    assert {f["call"] for f in journal(learner, done.id, "denied")} == {"ptrace", "bpf"}


def test_a_list_of_ones_own_narrows(learner):
    profile = journal(learner, walled(learner, "learn: true", QUIET).id, "learnt")[0]["profile"]
    done = walled(learner, profile.replace("[", "[ptrace, ", 1), CALLS % json.dumps([["ptrace", NUMBERS["ptrace"], [0]]]) +
                  "import socket\ntry:\n    socket.socket()\nexcept OSError as e:\n    print(e.errno)\n")
    told = {f["call"]: f["rule"] for f in journal(learner, done.id, "denied")}
    assert told.get("ptrace") == "debugging other processes", (done, told)
    assert told.get("socket") == "not in the job's systemCalls", (done, told)


def test_an_unknown_call_is_refused_by_name(node):
    done = walled(node, "systemCalls: [reed]", "print('never')\n")
    assert done.status != 0 and "'reed' is not a system call" in done.words, done


def test_no_network(node):
    done = walled(node, "network: none", r"""
import socket
s = socket.create_server(("127.0.0.1", 0))
socket.create_connection(s.getsockname())
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9))
except OSError as e:
    print(e.errno)
""")
    assert done.text.splitlines()[-1] == "101", done  # ENETUNREACH
    assert contained(node, done.id)["network"]["state"] == "applied"


def test_a_user_namespace_with_one_user(node):
    done = walled(node, "userNamespace: true", r"""
import ctypes, os
print(open("/proc/self/uid_map").read().split(), open("/proc/self/gid_map").read().split())
print([l.split()[1] for l in open("/proc/self/status") if l.startswith("Cap")])
libc = ctypes.CDLL(None, use_errno=True)
print(libc.setuid(0), libc.unshare(0x10000000), libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
""")
    lines = done.text.splitlines()
    assert lines[0] == "['1000', '1000', '1'] ['100', '100', '1']", done
    assert set(eval(lines[1])) == {"0" * 16}
    assert lines[2] == "-1 0 -1", done
    assert contained(node, done.id)["user-namespace"]["state"] == "applied"
