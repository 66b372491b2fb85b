"""Where storage is mounted in the job's view, and what follows when it cannot be. Real servers are in tests/vm."""
import os

import pytest

from run_rig import RunNode
from node_rig import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: storage is mounted")

JOB = """kind: job
spec:
  name: mounting
  infrastructure:
    type: dataScienceJob
    spec:
      storageMount:
%s
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: job.py
"""
# Nobody serves files there: it fails at once where there is no client, and after nfs.timeout where there is one.
NOBODY = "127.0.0.1:/no-such-export"
IGNORE = "nfs: {onFailure: ignore, timeout: 1s}\n"


def job(node, text, *mounts):
    node.write("job.py", text)
    lines = ["        - {src: '%s', dest: %s}" % (source, dest) for source, dest in mounts]
    return node.write("job.yaml", JOB % "\n".join(lines))


@pytest.fixture
def make_node(bin_dir):
    nodes = []

    def make(extra):
        nodes.append(RunNode(bin_dir, extra=extra))
        return nodes[-1]
    yield make
    for node in nodes:
        node.close()


LOOK = """import os
for path in %r:
    try:
        open(path + '/x', 'w')
        how = 'writable'
    except OSError as error:
        how = error.strerror
    print(path, os.listdir(path), how)
print(sorted(os.listdir('/mnt')), os.path.exists('/usr/bin'), os.path.islink('/bin') == %r, os.listdir('/etc') != [])
print([l.split()[4] for l in open('/proc/self/mountinfo') if ' / rw' in l and 'scratch' in l])
"""


def test_every_target_is_there_and_nothing_is_made_on_the_host(make_node):
    node = make_node(IGNORE)
    targets = ["/mnt/runlet-data", "/runlet-fss", "/runlet-opc/fss", "/opt/runlet-deep/er/place", "/home/datascience/in"]
    path = job(node, LOOK % (targets, os.path.islink("/bin")), *[(NOBODY, t if t != targets[0] else "runlet-data") for t in targets])
    host = {top: sorted(os.listdir(top)) for top in ("/", "/mnt", "/opt")}
    done = node.run("-q", path)
    assert done.status == 0, done
    lines = done.text.splitlines()
    for line, target in zip(lines, targets):
        assert line == "%s [] Read-only file system" % target, done
    assert lines[5].endswith("True True True") and "runlet-data" in lines[5] and lines[6] == "[]", done
    assert {top: sorted(os.listdir(top)) for top in host} == host
    ignored = [f for f in node.supervisor_facts(done.id, "storage") if f["state"] == "ignored"]
    assert len(ignored) == 5 and NOBODY + " on /mnt/runlet-data" in [f["object"] for f in ignored], ignored
    node.leftovers()


def test_one_mount_lies_in_another(make_node):
    node = make_node(IGNORE)
    path = job(node, "import os\nprint(os.listdir('/mnt/a'))\n", (NOBODY, "/mnt/a/b"), (NOBODY, "/mnt/a"))
    why = node.status_json(node.run("-q", path).id)["lifecycleDetails"]
    # The folder would have to be in what is mounted around it.
    assert "make /mnt/a/b" in why, why
    node.leftovers()


def test_a_link_of_the_artifact_is_not_followed(make_node):
    node = make_node(IGNORE)
    (node.work / "tree").mkdir()
    (node.work / "tree" / "main.py").write_text("print('ran')\n")
    (node.work / "tree" / "out").symlink_to("/etc")
    job(node, "", (NOBODY, "/home/datascience/decompressed_artifact/out/here"))
    text = (node.work / "job.yaml").read_text().replace("scriptPathURI: job.py", "scriptPathURI: tree\n      entrypoint: main.py")
    done = node.run("-q", node.write("job.yaml", text))
    assert done.status != 0 and "ran" not in done.text, done
    node.leftovers()


def test_what_cannot_be_mounted_ends_the_run(make_node):
    node = make_node("nfs: {timeout: 1s}\n")
    done = node.run("-q", job(node, "print('ran')\n", (NOBODY, "data")))
    assert done.status == 125 and done.text == "", done
    status = node.status_json(done.id)
    assert (status["cause"], status["lifecycleState"]) == ("storage-failed", "FAILED"), status
    assert "storage: mount %s on /mnt/data: " % NOBODY in status["lifecycleDetails"], status
    assert "storage" in node.call("why", done.id).text
    node.leftovers()


def test_a_node_that_mounts_nothing_says_so(make_node):
    node = make_node("nfs: {allow: false}\n")
    done = node.run("-q", job(node, "print('ran')\n", (NOBODY, "data")))
    assert done.status == 125 and "nfs.allow" in done.words, done
    node.leftovers()


def test_an_ocid_that_the_node_does_not_know_is_named(make_node):
    node = make_node("nfs: {exports: ocid1.export.b=/b}\n")
    done = node.run("-q", job(node, "print('ran')\n", ("ocid1.mounttarget.a:ocid1.export.b", "data")))
    assert done.status != 0 and "ocid1.mounttarget.a=ADDRESS" in done.words, done
