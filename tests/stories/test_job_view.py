"""What a job sees of the machine, and what it cannot do."""
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile

import pytest

from run_rig import RunNode

LOOK = r"""
import json, os, stat, sys

def lines(path):
    with open(path) as file:
        return file.read().splitlines()

status = dict((k, v.strip()) for k, _, v in (line.partition(":") for line in lines("/proc/self/status")))
fds = {}
for name in os.listdir("/proc/self/fd"):
    try:
        fds[name] = os.readlink("/proc/self/fd/" + name)
    except OSError:
        pass
mask = os.umask(0)
os.umask(mask)
print(json.dumps({
    "status": status, "fds": fds, "cwd": os.getcwd(), "umask": mask, "ids": [os.getresuid(), os.getresgid(), os.getgroups()],
    "nice": os.nice(0), "oom": int(lines("/proc/self/oom_score_adj")[0]), "home": os.path.expanduser("~"),
    "argv0": sys.argv[0], "pids": sorted(int(p) for p in os.listdir("/proc") if p.isdigit()), "tty": os.isatty(0),
    "mounts": [line.split()[4:6] for line in lines("/proc/self/mountinfo")], "sid": os.getsid(0), "pid": os.getpid()}))
"""


@pytest.fixture(scope="module")
def seen(bin_dir):
    """One look from inside, by a caller with odd habits: descriptors, signals, umask, directory."""
    if os.geteuid() != 0:
        pytest.skip("needs root: runs are contained by namespaces and other users")
    node = RunNode(bin_dir)
    job = node.write("look.py", LOOK)
    done = subprocess.run(
        ["bash", "-c", 'umask 077; trap "" USR1 HUP INT; ulimit -c 0; cd /usr; exec 5</etc/passwd 9>/dev/null; exec nice -n 5 "$@"', "-"]
        + node.command("run", "-q", job), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done
    node.leftovers()
    node.close()
    return json.loads(done.stdout)


def test_user_and_groups(seen):
    assert seen["ids"] == [[1000] * 3, [100] * 3, []]


def test_no_capability_and_no_new_privileges(seen):
    for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(seen["status"][key], 16) == 0, key
    assert seen["status"]["NoNewPrivs"] == "1"


def test_descriptors(seen):
    fds = {k: v for k, v in seen["fds"].items() if not v.startswith("/proc/")}
    assert set(fds) == {"0", "1", "2"}
    assert fds["0"] == "/dev/null"
    assert fds["1"].startswith("pipe:") and fds["2"].startswith("pipe:") and fds["1"] != fds["2"]
    assert not seen["tty"]


def test_signals(seen):
    assert int(seen["status"]["SigBlk"], 16) == 0
    # Python ignores SIGPIPE and SIGXFSZ itself; 32 and 33 are the C library's own.
    ours = int(seen["status"]["SigIgn"], 16) & ~sum(1 << (n - 1) for n in (13, 25, 32, 33))
    assert ours == 0


def test_place_and_manners(seen):
    assert (seen["cwd"], seen["home"], seen["argv0"]) == ("/home/datascience", "/home/datascience", "/home/datascience/look.py")
    assert (seen["umask"], seen["nice"], seen["oom"]) == (0o22, 0, 500)
    assert seen["sid"] == seen["pid"], "a job leads its own session, so that a terminal's signals do not reach it"


def test_its_own_processes_only(seen):
    assert seen["pids"][0] == 1 and len(seen["pids"]) == 2


def test_nothing_of_the_node_is_mounted_in_sight(seen):
    targets = [target for _, target in [(m[1], m[0]) for m in seen["mounts"]]]
    assert "/home/datascience" in targets and "/tmp" in targets


@pytest.fixture
def elsewhere(bin_dir):
    """A node outside /tmp, which the job would see if nothing hid it."""
    if os.geteuid() != 0:
        pytest.skip("needs root: runs are contained by namespaces and other users")
    folder = tempfile.mkdtemp(prefix="runlet-story.", dir="/srv")
    node = RunNode(bin_dir, folder=folder)
    yield node
    node.close()
    shutil.rmtree(folder, ignore_errors=True)


def test_records_are_out_of_sight(elsewhere):
    node = elsewhere
    first = node.shell("echo first\n")
    out = node.shell("ls -A %s 2>&1; ls -A %s 2>&1; cat %s/log/output.log 2>&1; find / -xdev -name output.log 2>/dev/null\n"
                     "find / -name '*.sock' -path '*%s*' 2>/dev/null\ntrue\n"
                     % (node.state, node.run_dir, node.state / "runs" / first.id, node.root.name))
    assert out.status == 0 and "first" not in out.text, out
    assert first.id not in out.text.replace("%s/log" % (node.state / "runs" / first.id), "")
    assert out.text.count("Permission denied") + out.text.count("No such file") == 3, out


def test_homes_and_temporary_folders_are_its_own(node):
    marker = pathlib.Path(tempfile.mkdtemp(prefix="runlet-marker.", dir="/var/tmp"))
    try:
        script = ("ls -A /home /tmp /var/tmp /dev/shm; ls /root 2>/dev/null && echo root seen\n"
                  "for d in /tmp /var/tmp /dev/shm; do echo $1 > $d/mine && cat $d/mine; done\n")
        one, two = node.shell(script, "--", "one"), node.shell(script, "--", "two")
    finally:
        marker.rmdir()
    assert one.text == "/dev/shm:\n\n/home:\ndatascience\n\n/tmp:\n\n/var/tmp:\none\none\none\n", one
    assert two.text == one.text.replace("one", "two")
    for folder in ("/tmp", "/var/tmp", "/dev/shm"):
        assert not os.path.exists(folder + "/mine")


def test_what_it_cannot_write(node):
    out = node.python(
        "import os, errno\n"
        "for path in ('/etc/x', '/usr/x', '/var/lib/x', '/home/x', '/x', '/proc/sys/kernel/hostname', '/sys/x', '/run/x'):\n"
        "    try:\n"
        "        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))\n"
        "        print('wrote', path)\n"
        "    except OSError as error:\n"
        "        pass\n"
        "try:\n"
        "    os.setuid(0)\n"
        "    print('root')\n"
        "except PermissionError:\n"
        "    print('no root')\n")
    assert out.text == "no root\n", out


def test_setuid_programs_give_nothing(node):
    if not os.path.exists("/bin/su"):
        pytest.skip("this machine has no su")
    out = node.shell("grep -c . /etc/shadow 2>/dev/null; su -c id </dev/null 2>/dev/null; id -u\n")
    assert out.text == "1000\n", out


def test_names_of_the_user(node):
    out = node.shell("id -un; whoami; getent passwd datascience | cut -d: -f6; stat -c %U:%a .\n")
    assert out.text.splitlines()[:3] == ["datascience", "datascience", "/home/datascience"], out
    assert out.text.splitlines()[3].startswith("datascience:")


def test_the_kernel_objects_of_the_host_are_not_its_own(node):
    seen = node.shell("for n in pid mnt ipc uts; do readlink /proc/self/ns/$n; done\n").text.split()
    mine = [os.readlink("/proc/self/ns/" + n) for n in ("pid", "mnt", "ipc", "uts")]
    assert len(seen) == 4 and not set(seen) & set(mine)


def test_what_it_leaves_keeps_its_modes(node):
    outcome = node.shell("mkdir d && chmod 0700 d && touch d/f && ln -s /etc/passwd d/link\n")
    assert outcome.status == 0
    status = (node.home(outcome.id) / "d").lstat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o700, 1000, 100)
    assert os.readlink(node.home(outcome.id) / "d" / "link") == "/etc/passwd"


def test_another_user_by_configuration(node):
    node.configure(extra="job:\n  user: worker\n  uid: 4321\n  gid: 4322\n")
    out = node.shell("id -u; id -g; id -un; echo $USER $HOME; id -G\n")
    assert out.text == "4321\n4322\nworker\nworker /home/datascience\n4322\n", out
