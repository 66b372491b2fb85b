"""runlet as systemd's services: installed, started, restarted, upgraded, and under a machine that goes down."""
import pathlib
import re

import pytest

import machine
from guest import Guest

EXAMPLE = pathlib.Path(machine.ROOT / "examples" / "hello-python" / "hello.py")

# The home is the working directory, and the administrator can reach it.
UNTIL_STOP = "echo begun\nuntil [ -e stop ]; do sleep 0.1; done\necho done\n"
COUNTER = ("i=0\nwhile [ ! -e stop ]; do i=$((i+1)); echo line $i; sleep 0.02; done\n"
           "echo last $i\n")
TRAPPED = "trap 'echo saved >saved; echo termed; exit 7' TERM\necho begun\nwhile :; do sleep 0.1; done\n"
SLOW = "trap 'sleep 8; exit 8' TERM\necho begun\nwhile :; do sleep 0.1; done\n"


@pytest.fixture
def guest(vm):
    return Guest(vm)


def processes_of_jobs(vm):
    return vm.sh("ps -o pid=,args= -U 1000", check=False).out.strip()


def test_an_example_runs_and_its_unit_names_it(guest, vm):
    guest.start()
    vm.push({"/root/hello.py": EXAMPLE.read_bytes()})
    first = vm.run("runlet", "submit", "/root/hello.py").out.strip()
    assert guest.wait(first) == 0
    assert guest.view(first)["lifecycleState"] == "SUCCEEDED"
    run = guest.submit(UNTIL_STOP)
    guest.await_output(run, "begun")
    unit = guest.unit(run)
    assert unit["StatusText"] == "run %s: running" % run
    assert unit["Slice"] == "runlet-runs.slice" and unit["Delegate"] == "yes"
    name = unit["Id"]
    assert "runlet-supervisor@" in name and run in vm.run("systemctl", "status", name, check=False).out
    # Neither the agent nor the job has root; the job is in the unit, below its supervisor.
    agent = vm.run("systemctl", "show", "--value", "--property=MainPID", "runletd.service").out.strip()
    assert vm.sh("ps -o user= -p %s" % agent).out.strip() == "runlet"
    assert re.search(r"^CapEff:\s*0+$", vm.read("/proc/%s/status" % agent), re.MULTILINE)
    assert name in vm.read("/proc/%d/cgroup" % guest.facts(run, "running")[0]["pid"])
    vm.run("touch", guest.home(run, "stop"))
    assert guest.wait(run) == 0
    vm.until("the unit is gone", "! systemctl is-active --quiet '%s'" % name)
    assert run in vm.journal("-u", name)
    assert vm.run("systemctl", "--failed", "--no-legend").out == ""
    assert vm.sh("find /sys/fs/cgroup/runlet.slice/runlet-runs.slice -mindepth 1 -type d").out == ""


def test_an_upgrade_or_a_crash_of_the_agent_is_nothing_to_a_run(guest, vm, package):
    """I9: same process, same deadline, not one line lost or written twice."""
    guest.start()
    run = guest.submit(COUNTER, "--max-runtime", "1h")
    guest.await_output(run, "line")
    before = guest.unit(run)
    for _ in range(2):
        vm.run("systemctl", "restart", "runletd.service")
        vm.run("systemctl", "kill", "--signal=KILL", "runletd.service")
        vm.until("the agent is back", "systemctl is-active --quiet runletd.service && runlet status %s" % run)
        vm.run("systemctl", "stop", "runletd.service")
        machine.install(vm, package)
        vm.run("systemctl", "start", "runletd.service")
    assert guest.view(run)["lifecycleState"] == "IN_PROGRESS"
    running = guest.facts(run, "running")
    assert len(running) == 1, "the job was started once"
    assert vm.sh("ps -o pid= -p %d" % running[0]["pid"]).out.strip() == str(running[0]["pid"])
    assert guest.unit(run)["MainPID"] == before["MainPID"]
    vm.run("touch", guest.home(run, "stop"))
    assert guest.wait(run) == 0
    lines = guest.output(run).splitlines()
    count = int(lines[-1].split()[1])
    assert lines[:-1] == ["line %d" % n for n in range(1, count + 1)]
    reports = vm.read("/var/lib/runlet/agent/%s/reports.jsonl" % run)
    assert reports.count('"SUCCEEDED"') == 1


def test_a_killed_supervisor_leaves_nothing_and_no_success(guest, vm):
    guest.start()
    run = guest.submit("sleep 1000 & setsid sleep 1000 &\n" + UNTIL_STOP)
    guest.await_output(run, "begun")
    unit = guest.unit(run)
    vm.run("kill", "-KILL", unit["MainPID"])
    assert guest.wait(run) not in (0, None)
    view = guest.view(run)
    assert (view["lifecycleState"], view["cause"]) == ("FAILED", "supervisor-lost")
    assert processes_of_jobs(vm) == ""
    assert vm.sh("find /sys/fs/cgroup/runlet.slice/runlet-runs.slice -mindepth 1 -type d").out == ""
    # The next one is none the worse for it.
    assert guest.wait(guest.submit("exit 5\n")) == 5


@pytest.mark.parametrize("how", ["reboot", "poweroff"])
def test_a_machine_that_goes_down_gives_the_job_its_grace(guest, vm, how):
    guest.start("concurrency: 2\n")
    run, slow = guest.submit(TRAPPED), guest.submit(SLOW)
    waiting = guest.submit("echo my turn\n")
    guest.await_output(run, "begun")
    guest.await_output(slow, "begun")
    vm.go_down(how)
    if how == "reboot":
        vm.await_reboot()
    else:
        vm.await_off()
        vm.boot()
    assert guest.wait(waiting) == 0, "what waited was neither begun nor failed while the machine went down"
    assert guest.output(waiting) == "my turn\n"
    view = guest.view(run)
    assert (view["lifecycleState"], view["cause"], view["exitCode"]) == ("FAILED", "preempted", 7)
    assert guest.output(run) == "begun\ntermed\n"
    assert vm.read(guest.home(run, "saved")) == "saved\n"
    assert guest.view(slow)["exitCode"] == 8


def test_a_power_cut_is_told_as_what_it_was(guest, vm):
    guest.start()
    ended = guest.submit("echo all of it\nexit 4\n")
    assert guest.wait(ended) == 4
    run = guest.submit("echo begun\nsleep 1000\n")
    guest.await_output(run, "begun")
    vm.power_cut()
    vm.boot()
    assert guest.wait(run) not in (0, None)
    view = guest.view(run)
    assert (view["lifecycleState"], view["cause"]) == ("FAILED", "node-rebooted")
    assert guest.view(ended)["exitCode"] == 4
    assert guest.output(ended) == "all of it\n"
    assert guest.wait(guest.submit("exit 5\n")) == 5
