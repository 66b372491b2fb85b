"""Limits hold, are read back, and a run that hits one ends with that cause."""
import os
import pathlib
import re
import subprocess
import tempfile

import pytest

from node_rig import facts, until

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


def contained(node, run_id):
    """{limit or wall: (state, value, by)} as the supervisor read it back."""
    return {f["name"]: (f["state"], f["value"], f["by"])
            for f in facts(node.state / "runs" / run_id / "supervisor.journal") if f["event"] == "contained"}


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
    memory = re.fullmatch(r"(\d+)([KMGT]?)", got["memory"][1])
    value = int(memory.group(1)) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[memory.group(2)]
    assert total * 0.75 < value < total
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
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=0755", "tmpfs", folder], check=True)
        try:
            node = RunNode(bin_dir, folder=folder, extra="reserve: {disk: 32M}\n")
            yield node
            node.close()
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def test_a_job_that_fills_the_disk_is_stopped_before_it_is_full(small_disk):
    node = small_disk
    done = run(node, "", "import time\nn = 0\nwhile True:\n    with open('f%d' % n, 'wb') as f:\n        f.write(bytes(8 << 20))\n"
               "    n += 1\n    time.sleep(0.15)\n")
    seen = node.status_json(done.id)
    assert (seen["cause"], seen["endCode"]) == ("disk-full", 1015), seen
    assert "reserve.disk" in seen["lifecycleDetails"]
    space = os.statvfs(node.root)
    assert space.f_bavail * space.f_frsize > 0


# ---- a greedy job, and everybody else ----

GREEDY = r"""
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def child(work):
    if os.fork() == 0:
        work()
        os._exit(0)
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
    n = 0
    while n < 400:
        with open("fill%d" % n, "wb") as f:
            f.write(bytes(1 << 20))
        n += 1
for work in (cpu, cpu, cpu, memory, forks, disk):
    child(work)
n = 0
while True:
    print("line", n, flush=True)
    n += 1
    time.sleep(0.05)
"""


@needs("memory")
@needs("pids")
def test_a_job_that_takes_all_it_can_holds_nobody_up(node):
    """Its deadline, its log and the command line are served as ever, and nothing of it is left."""
    node.write("job.py", GREEDY)
    job = node.write("job.yaml", JOB % ("job.py", "memory: 300M, pids: 60") + "        maximumRuntime: 4s\n        stopGrace: 1s\n")
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
