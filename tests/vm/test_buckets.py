"""Buckets of a real object store, mounted by supervisors in their units: written, lost with a supervisor, and uploaded when the store is back."""
import pathlib

import pytest

from guest import Guest

SERVER = pathlib.Path(__file__).resolve().parents[1] / "stories" / "object_server.py"
SECRET, PORT = "secret-of-the-guest", 8100
CONFIG = "objects: {endpoint: 'http://127.0.0.1:%d', credentials: /root/key, timeout: 60s}\nstop: {grace: 2s}\n" % PORT
KEY = "[default]\naws_access_key_id = test:tester\naws_secret_access_key = %s\n" % SECRET
RCLONE = ("env RCLONE_CONFIG= RCLONE_CONFIG_S_TYPE=s3 RCLONE_CONFIG_S_PROVIDER=Other RCLONE_CONFIG_S_ENV_AUTH=true RCLONE_CONFIG_S_REGION=us-east-1 "
          "RCLONE_CONFIG_S_ENDPOINT=http://127.0.0.1:%d RCLONE_CONFIG_S_FORCE_PATH_STYLE=true AWS_SHARED_CREDENTIALS_FILE=/root/key rclone " % PORT)
JOB = """kind: job
spec:
  name: bucket
  infrastructure:
    type: dataScienceJob
    spec:
      storageMount: [{src: 'oci://data@any', dest: data}]
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: /root/%s.sh
"""


def serve(vm):
    vm.sh("systemd-run --quiet --collect --unit=objects python3 /root/object_server.py /srv/objects %s %d" % (SECRET, PORT))
    vm.until("the object store serves", "test -s /srv/objects/port", patience=240)


def stop_serving(vm):
    vm.sh("systemctl stop objects.service; rm -f /srv/objects/port")


@pytest.fixture
def guest(vm):
    vm.push({"/root/object_server.py": SERVER.read_text(), "/root/key": KEY})
    vm.sh("chmod 600 /root/key; mkdir -p /srv/objects")
    serve(vm)
    vm.sh(RCLONE + "mkdir S:data", patience=120)
    guest = Guest(vm)
    guest.start(CONFIG)
    return guest


def submit(guest, name, script):
    guest.vm.push({"/root/%s.sh" % name: script, "/root/%s.yaml" % name: JOB % name})
    return guest.vm.run("runlet", "submit", "/root/%s.yaml" % name).out.strip()


def clean(vm):
    vm.until("no process of storage is left", "! ps -eo comm= | grep -E '^(runlet-storage|rclone|runlet-fuse)'")
    assert vm.sh("grep -E 'runlet/runs|fuse.rclone' /proc/mounts", check=False).out == ""


def test_a_bucket(guest, vm):
    # Written, and there when the run has ended.
    run = submit(guest, "write", "set -e\nmkdir /mnt/data/deep\necho one >/mnt/data/deep/file\ngrep -c ' /mnt/data fuse' /proc/self/mounts\n")
    assert guest.wait(run, patience=400) == 0, guest.view(run)
    assert vm.sh(RCLONE + "cat S:data/deep/file", patience=120).out == "one\n"
    assert [f["step"] for f in guest.facts(run, "storage") if f["state"] == "done"] == ["mount", "upload"]
    clean(vm)
    # A supervisor that is killed takes its mount along, and the end is no success.
    run = submit(guest, "lost", "echo here >/mnt/data/lost\necho begun\nsleep 600\n")
    guest.await_output(run, "begun")
    vm.run("kill", "-9", str(guest.facts(run, "accepted")[0]["pid"]))
    assert guest.wait(run, patience=400) != 0
    assert guest.view(run)["cause"] in ("supervisor-lost", "storage-failed"), guest.view(run)
    clean(vm)
    # The store is away when the job ends: the run waits for it, and has ended when all is there.
    run = submit(guest, "late", "echo two >/mnt/data/late\necho written\nuntil [ -e go ]; do sleep 0.1; done\n")
    guest.await_output(run, "written")
    stop_serving(vm)
    vm.run("touch", guest.home(run, "go"))
    vm.until("it uploads", "runlet status --json %s | grep -q '\"uploading\"'" % run, patience=120)
    assert guest.view(run)["lifecycleState"] == "IN_PROGRESS"
    serve(vm)
    assert guest.wait(run, patience=600) == 0, guest.view(run)
    assert vm.sh(RCLONE + "cat S:data/late", patience=120).out == "two\n"
    clean(vm)
