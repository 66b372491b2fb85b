"""Limits hold, are read back, and a run that hits one ends with that cause."""
import os
import pathlib
import re
import subprocess
import tempfile

import pytest

from node_rig import can_make_disks, facts, files_behind_disks, until

JOB = """kind: job
spec:
  name: limited
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: %s
      x-runlet:
        limits: {%s}
"""


def run(node, limits, text, name="job.py", *args):
    node.write(name, text)
    return node.run("-q", node.write("job.yaml", JOB % (name, limits)), *args)


def start(node, limits, text, name="job.py"):
    node.write(name, text)
    return node.start_run("-q", node.write("job.yaml", JOB % (name, limits)))


def contained(node, run_id):
    """{limit or wall: (state, value, by)} as the supervisor read it back."""
    return {f["name"]: (f["state"], f["value"], f["by"])
            for f in facts(node.state / "runs" / run_id / "supervisor.journal") if f["event"] == "contained"}


def in_bytes(text):
    number, letter = re.fullmatch(r"(\d+)([KMGT]?)", text).groups()
    return int(number) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[letter]


def record(node, run_id):
    (fact,) = facts(node.state / "runs" / run_id / "exit")
    return fact


def has_controller(name):
    """Whether a control group of either version can hold this here."""
    if name in pathlib.Path("/proc/self/mountinfo").read_text():
        for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
            left, _, right = line.partition(" - ")
            if right.split()[0] == "cgroup" and name in right.split()[-1].split(","):
                return True
    for path in ("/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup/unified/cgroup.controllers"):
        if os.path.exists(path) and {"blkio": "io"}.get(name, name) in pathlib.Path(path).read_text().split():
            return True
    return False


def needs(name):
    return pytest.mark.skipif(not has_controller(name), reason="this machine has no control group for " + name)


EAT = "data = []\nfor _ in range(100):\n    data.append(bytearray(4 << 20))\n"


# ---- memory ----

@needs("memory")
def test_the_main_process_over_the_memory_limit_is_oom_killed(node):
    done = run(node, "memory: 64M", "import subprocess\nsubprocess.Popen(['sleep', '60'])\n" + EAT)
    seen = node.status_json(done.id)
    assert (seen["cause"], seen["endCode"], seen["signal"]) == ("oom-killed", 1003, 9), seen
    assert done.status == 137
    end = record(node, done.id)
    assert end["oom-main"] is True and end["oom-limit"] == 64 << 20 and end["oom-command"].startswith("python3"), end
    assert "sleep" in end["oom-others"]
    assert "at the memory limit of 64.0 MiB" in seen["lifecycleDetails"]
    assert end["memory-peak"] >= 60 << 20


@needs("memory")
def test_a_child_over_the_limit_is_an_event_and_not_the_end(node):
    done = run(node, "memory: 64M", "import subprocess, sys\n"
               "code = subprocess.run([sys.executable, '-c', %r]).returncode\nprint(code)\nsys.exit(3)\n" % EAT)
    assert done.status == 3 and done.text.strip() == "-9", done
    seen = node.status_json(done.id)
    assert (seen["cause"], seen["exitCode"], seen["endCode"]) == ("exited", 3, 3)
    assert seen["lifecycleDetails"].startswith("Job run artifact execution failed with exit code 3. The kernel killed python3")
    assert record(node, done.id)["oom-main"] is False


@needs("memory")
def test_a_kill_from_elsewhere_is_not_called_oom(node):
    """A child is killed for its memory; then the main process gets a SIGKILL of another's."""
    started = node.start_run("-q", node.write("job.yaml", JOB % ("job.py", "memory: 64M")),
                             **({} if node.write("job.py", "import subprocess, sys, time\n"
                                                 "subprocess.run([sys.executable, '-c', %r])\nprint('survived', flush=True)\n"
                                                 "time.sleep(60)\n" % EAT) else {}))
    started.await_output(b"survived")
    run_id = started.await_id()
    os.kill(node.status_json(run_id)["pid"], 9)
    started.end()
    seen = node.status_json(run_id)
    assert (seen["cause"], seen["endCode"]) == ("signaled", 265), seen
    assert record(node, run_id)["oom-kills"] >= 1


def version_1_folder(controller):
    """This process's own group of a version 1 hierarchy, or None."""
    own = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        for name in line.split(":")[1].split(","):
            own[name] = line.split(":", 2)[2]
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        if right.split()[0] == "cgroup" and controller in right.split()[-1].split(",") and left.split()[3] == "/":
            return pathlib.Path(left.split()[4] + own[controller])
    return None


@needs("memory")
def test_swap_is_limited_beside_the_memory(node):
    folder = version_1_folder("memory")
    if folder is not None and not (folder / "memory.memsw.limit_in_bytes").exists():
        pytest.skip("this kernel does not count swap")
    done = run(node, "memory: 64M, swap: 16M", "print('ran')\n")
    assert done.text == "ran\n", done
    assert contained(node, done.id)["swap"][:2] == ("applied", "16M")


def test_a_run_gets_no_more_than_what_encloses_it(node):
    """runlet itself lives in a group with limits, as in a container: the run's are below them."""
    folder = version_1_folder("memory")
    if folder is None:
        pytest.skip("needs the memory controller of version 1: with version 2 a run's group is not below this one")
    around = folder / ("rl-story.%d" % os.getpid())
    around.mkdir()
    try:
        (around / "memory.limit_in_bytes").write_text(str(512 << 20))
        script = node.write("job.sh", "echo ran\n")
        done = subprocess.run(["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(around / "cgroup.procs")] + node.command("run", "-q", script),
                              stdout=subprocess.PIPE, cwd=str(node.work), timeout=60)
        assert done.stdout == b"ran\n"
        (run_id,) = node.ids()
        state, value, _ = contained(node, run_id)["memory"]
        assert state == "applied" and 0 < in_bytes(value) < 512 << 20, value
        node.leftovers()
    finally:
        until("the group is empty", lambda: not (around / "cgroup.procs").read_text())
        around.rmdir()


# ---- processes ----

@needs("pids")
def test_the_limit_of_processes(node):
    done = run(node, "pids: 20", "import os, sys, time\nfor _ in range(100):\n    try:\n        if os.fork() == 0:\n"
               "            time.sleep(60)\n    except OSError as e:\n        print(e, flush=True)\n        sys.exit(7)\n")
    assert done.status == 7 and "temporarily unavailable" in done.text, done
    seen = node.status_json(done.id)
    assert (seen["cause"], seen["exitCode"], seen["endCode"]) == ("pids-exhausted", 7, 1022), seen
    assert "failed with exit code 7. Its limit of 20 processes refused new ones" in seen["lifecycleDetails"]


# ---- CPU ----

@needs("cpu")
def test_the_quota_holds_the_job_back(node):
    done = run(node, "cpu: 0.2, cpuWeight: 50", "import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end:\n    pass\n")
    assert done.status == 0, done
    got = contained(node, done.id)
    assert got["cpu"][:2] == ("applied", "0.2") and got["cpuWeight"][:2] == ("applied", "50")
    end = record(node, done.id)
    assert end["throttled-us"] > 0
    assert end["cpu-user-us"] + end["cpu-system-us"] < 0.8 * end["wall-ms"] * 1000


def test_the_list_of_cpus(node):
    done = run(node, 'cpuset: "0"', "import os\nprint(sorted(os.sched_getaffinity(0)))\n")
    assert done.text.strip() == "[0]", done
    assert contained(node, done.id)["cpuset"][:2] == ("applied", "0")


def test_cpus_that_are_not_there_are_refused(node):
    done = run(node, 'cpuset: "8000"', "print('ran')\n")
    seen = node.status_json(done.id)
    assert (seen["cause"], done.out) == ("limit-not-applied", b""), seen
    assert "cpuset" in seen["lifecycleDetails"] and "limits.bestEffort" in seen["lifecycleDetails"]


# ---- the disk's speed ----

def on_a_disk(path):
    """Whether the path lies on a block device, which a control group can slow down."""
    device = os.stat(path).st_dev
    return os.path.exists("/sys/dev/block/%d:%d" % (os.major(device), os.minor(device)))


@needs("blkio")
def test_bytes_a_second_to_the_disk(node):
    if not on_a_disk(node.root):
        pytest.skip("the folders of this test are not on a disk")
    text = ("import mmap, os, time\nblock = mmap.mmap(-1, 1 << 20)\nfd = os.open('f', os.O_WRONLY | os.O_CREAT | os.O_DIRECT)\n"
            "start = time.monotonic()\nfor _ in range(4):\n    os.write(fd, block)\nprint(time.monotonic() - start > 1)\n")
    done = run(node, "ioWrite: 2M, ioRead: 50M", text)
    assert done.status == 0, done
    got = contained(node, done.id)
    assert (got["ioWrite"][:2], got["ioRead"][:2]) == (("applied", "2M"), ("applied", "50M")), got
    assert done.text == "True\n", done


# ---- files ----

def test_open_files_file_size_and_core_size(node):
    done = run(node, "openFiles: 40, fileSize: 64K, coreSize: 0",
               "import os, resource\nprint([resource.getrlimit(r) for r in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, "
               "resource.RLIMIT_CORE)])\n"
               "files = []\ntry:\n    while True:\n        files.append(os.open('/dev/null', 0))\nexcept OSError as e:\n    print(e.errno)\n")
    assert done.text.splitlines() == ["[(40, 40), (65536, 65536), (0, 0)]", "24"], done
    assert all(contained(node, done.id)[n] == ("applied", v, "rlimit")
               for n, v in (("openFiles", "40"), ("fileSize", "64K"), ("coreSize", "0")))


def test_a_file_that_grows_too_large_ends_the_job_and_says_so(node):
    done = run(node, "fileSize: 64K", "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
               "with open('big', 'wb') as f:\n    f.write(bytes(1 << 20))\n")
    seen = node.status_json(done.id)
    assert (seen["cause"], seen["signal"]) == ("signaled", 25), seen
    assert "limit on its size" in seen["lifecycleDetails"]


# ---- what cannot be had ----

def no_such_limit():
    """A limit that this machine's control groups cannot hold, or None."""
    if not has_controller("memory"):
        return "memory: 64M"
    version_1 = any(" - cgroup " in line and "memory" in line.split()[-1]
                    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines())
    return "memoryHigh: 64M" if version_1 else None


def test_a_limit_that_does_not_take_is_a_refusal(node):
    limit = no_such_limit()
    if limit is None:
        pytest.skip("every limit can be held on this machine")
    done = run(node, limit, "print('ran')\n")
    seen = node.status_json(done.id)
    assert (seen["cause"], seen["endCode"], done.out) == ("limit-not-applied", 1014, b""), seen
    assert done.status == 125 and limit.split(":")[0] in seen["lifecycleDetails"]


def test_best_effort_runs_without_and_shows_it(bin_dir):
    from run_rig import RunNode
    limit = no_such_limit()
    if limit is None or os.geteuid() != 0:
        pytest.skip("every limit can be held on this machine, or this is not root")
    node = RunNode(bin_dir, extra="limits: {bestEffort: true}\n")
    try:
        done = run(node, limit, "print('ran')\n")
        assert done.status == 0 and done.text == "ran\n", done
        name = limit.split(":")[0]
        assert contained(node, done.id)[name][0] == "missing"
        assert re.search(name + r" +missing", node.call("why", done.id).text)
        assert name in node.call("status", done.id).text
    finally:
        node.close()


# ---- what every run gets ----

@needs("memory")
def test_every_run_is_limited_by_its_node(node):
    done = run(node, "", "print('ran')\n")
    got = contained(node, done.id)
    total = int(re.search(r"MemTotal: +(\d+) kB", pathlib.Path("/proc/meminfo").read_text()).group(1)) << 10
    assert total * 0.75 < in_bytes(got["memory"][1]) < total
    assert got["pids"][1] in ("16384", "16K")


@needs("memory")
def test_a_shape_larger_than_the_node_is_capped(node):
    node.write("job.py", "print('ran')\n")
    job = node.write("job.json", '{"jobInfrastructureConfigurationDetails": {"jobInfrastructureType": "ME_STANDALONE", '
                     '"shapeName": "VM.Standard.E4.Flex", "jobShapeConfigDetails": {"ocpus": 64, "memoryInGBs": 1024}}}')
    done = node.run("-q", "--job", job, "job.py")
    assert done.status == 0, done
    got = contained(node, done.id)
    assert got["memory"][0] == "capped" and got["cpu"][0] == "capped"


def test_samples_of_a_run_are_kept_and_its_groups_are_gone(node):
    started = node.start_run("-q", node.write("job.sh", "sleep 2.5\n"))
    run_id = started.await_id()
    until("there is a sample", lambda: (node.state / "runs" / run_id / "usage").exists())
    done = started.end()
    samples = facts(node.state / "runs" / run_id / "usage")
    assert samples and all(s["wall-ms"] > 0 for s in samples)
    assert record(node, run_id)["wall-ms"] >= 2400
    assert done.status == 0
    assert not [p for p in pathlib.Path("/sys/fs/cgroup").glob("**/runlet." + run_id)]


# ---- the disk ----

@pytest.fixture
def small_disk(bin_dir):
    """A node whose folders lie on a small disk of their own."""
    from run_rig import RunNode
    if os.geteuid() != 0:
        pytest.skip("needs root: a disk is mounted")
    with tempfile.TemporaryDirectory(prefix="rl.") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m,mode=0755", "tmpfs", folder], check=True)
        try:
            node = RunNode(bin_dir, folder=folder, extra="reserve: {disk: 48M}\n")
            yield node
            node.close()
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def test_a_job_that_fills_the_disk_is_stopped_before_it_is_full(small_disk):
    node = small_disk
    done = run(node, "", "import time\nn = 0\nwhile True:\n    with open('f%d' % n, 'wb') as f:\n        f.write(bytes(4 << 20))\n"
               "    n += 1\n    time.sleep(0.3)\n")
    seen = node.status_json(done.id)
    assert (seen["cause"], seen["endCode"]) == ("disk-full", 1015), seen
    assert "reserve.disk" in seen["lifecycleDetails"]
    space = os.statvfs(node.root)
    assert space.f_bavail * space.f_frsize > 0


def test_a_run_beside_it_goes_on(small_disk):
    node = small_disk
    node.configure(concurrency=2, extra="reserve: {disk: 48M}\n")
    node.start()
    modest = node.submit("echo small > file; until [ -e stop ]; do sleep 0.1; done; echo done\n", name="modest.sh")
    node.await_running(modest)
    greedy = node.submit("n=0; while :; do head -c 4M /dev/zero > f$n; n=$((n+1)); sleep 0.3; done\n", name="greedy.sh")
    node.await_finished(greedy)
    assert node.view(greedy)["cause"] == "disk-full"
    # Its files are still there, and so is the other run.
    space = os.statvfs(node.root)
    assert space.f_bavail * space.f_frsize < 48 << 20
    (node.home(modest) / "stop").touch()
    node.await_finished(modest)
    assert node.view(modest)["cause"] == "exited" and node.output(modest)[0] == "done\n"
    node.stop()


# ---- a disk of its own ----

needs_disks = pytest.mark.skipif(not can_make_disks(), reason="this machine has no loop devices or no mkfs.ext4")

FILL = r"""
import errno, os
def fill(folder):
    n = 0
    with open(folder + "/fill", "wb") as f:
        try:
            while True:
                n += f.write(bytes(1 << 20))
                f.flush()
        except OSError as e:
            print(e.errno == errno.ENOSPC)
    return n
a = fill(os.environ["HOME"])
print(16 << 20 < a <= 32 << 20)
print(fill("/tmp") < 1 << 20, fill("/var/tmp") < 1 << 20)
os.truncate(os.environ["HOME"] + "/fill", 5)
print(fill("/tmp") > 16 << 20)
"""


@needs_disks
def test_home_and_temporary_folders_share_the_limit_of_scratch(node):
    done = run(node, "scratch: 32M", FILL)
    assert done.text.split() == ["True"] * 2 + ["True", "True", "True", "True"] + ["True", "True"], done
    assert contained(node, done.id)["scratch"] == ("applied", "32M", "home.img")
    node.check_end(done, "SUCCEEDED", "exited", exit_code=0)
    image = node.state / "runs" / done.id / "home.img"
    assert image.stat().st_size == 32 << 20
    # What was in the temporary folders has gone, and its blocks with it.
    assert image.stat().st_blocks * 512 < 8 << 20
    assert record(node, done.id)["disk-bytes"] == image.stat().st_blocks * 512
    assert str(image) not in files_behind_disks()


@needs_disks
def test_what_the_job_wrote_can_be_read_afterwards(node):
    done = run(node, "scratch: 16M", "with open('result', 'w') as f:\n    f.write('41 and 1')\n")
    assert done.status == 0, done
    run_folder = node.state / "runs" / done.id
    assert list((run_folder / "home").iterdir()) == []
    said = subprocess.run(["debugfs", "-R", "cat home/result", str(run_folder / "home.img")], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    assert said.stdout == b"41 and 1"


@needs_disks
def test_a_lost_supervisor_leaves_no_disk_behind(node):
    started = start(node, "scratch: 16M", "import time\nprint('up', flush=True)\ntime.sleep(60)\n")
    started.await_output(b"up")
    run_id = started.await_id()
    image = str(node.state / "runs" / run_id / "home.img")
    assert image in files_behind_disks()
    assert not node.mounts_of_runs()
    os.kill(node.supervisor(run_id), 9)
    started.end()
    assert node.status_json(run_id)["cause"] == "supervisor-lost"
    until("the loop device is free", lambda: image not in files_behind_disks())
    node.leftovers()


@needs_disks
def test_a_cancelled_run_leaves_no_disk_behind(node):
    started = start(node, "scratch: 16M", "import time\nprint('up', flush=True)\ntime.sleep(60)\n")
    started.await_output(b"up")
    run_id = started.await_id()
    assert node.call("cancel", run_id).status == 0
    started.end()
    assert str(node.state / "runs" / run_id / "home.img") not in files_behind_disks()
    node.leftovers()


@needs_disks
def test_an_artifact_that_does_not_fit_does_not_start(node):
    node.write("data/job.py", "print('ran')\n")
    node.write("data/big", os.urandom(20 << 20))
    subprocess.run(["tar", "cf", str(node.work / "a.tar"), "-C", str(node.work / "data"), "."], check=True)
    job = node.write("job.json", '{"jobConfigurationDetails": {"jobType": "DEFAULT"}, "x-runlet": {"limits": {"scratch": "16M"}}}')
    done = node.run("-q", "--job", job, "--entrypoint", "job.py", "a.tar")
    seen = node.status_json(done.id)
    assert (seen["cause"], done.out) == ("disk-full", b""), (seen, done)
    assert "no space left in the job's home" in seen["lifecycleDetails"] and "16M of scratch space" in seen["lifecycleDetails"], seen
    assert "(assignment)" in seen["lifecycleDetails"], seen
    assert str(node.state / "runs" / done.id / "home.img") not in files_behind_disks()


# ---- a greedy job, and everybody else ----

GREEDY = r"""
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def child(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid
def cpu():
    while True:
        pass
def memory():
    data = []
    while True:
        data.append(bytearray(8 << 20))
def forks():
    while True:
        try:
            if os.fork() == 0:
                time.sleep(60)
        except OSError:
            time.sleep(0.01)
def disk():
    # While there is file cache to reclaim, nobody is killed for memory.
    while True:
        try:
            os.kill(eater, 0)
            time.sleep(0.05)
        except ProcessLookupError:
            break
    n = 0
    while n < 400:
        with open("fill%d" % n, "wb") as f:
            f.write(bytes(1 << 20))
        n += 1
eater = child(memory)
for work in (cpu, cpu, cpu, disk, forks):
    child(work)
n = 0
while True:
    print("line", n, flush=True)
    n += 1
    time.sleep(0.05)
    if eater and os.waitpid(eater, os.WNOHANG)[0]:
        eater = 0
"""


@needs("memory")
@needs("pids")
def test_a_job_that_takes_all_it_can_holds_nobody_up(node):
    """Its deadline, its log and the command line are served as ever, and nothing of it is left."""
    node.write("job.py", GREEDY)
    job = node.write("job.yaml", JOB % ("job.py", "memory: 80M, pids: 60") + "        maximumRuntime: 8s\n        stopGrace: 1s\n")
    started = node.start_run("-q", job)
    run_id = started.await_id()
    started.await_output(b"line 5")
    assert node.status_json(run_id)["lifecycleState"] == "IN_PROGRESS"
    assert b"line 5" in node.logs(run_id)[0]
    done = started.end()
    assert done.status == 124, done
    seen = node.status_json(run_id)
    assert seen["cause"] == "deadline-exceeded", seen
    numbers = [int(line.split()[1]) for line in node.logs(run_id)[0].decode().splitlines()]
    assert numbers == list(range(len(numbers))) and len(numbers) > 20
    assert record(node, run_id)["oom-kills"] >= 1 and record(node, run_id)["pids-refused"] >= 1
    node.leftovers()
