"""Artifacts as people have them: every archive kind, folders, junk; and hostile ones, which are refused with a reason."""
import functools
import os
import shutil
import stat
import subprocess
import tarfile

import pytest

from unpack_rig import compress, make_tar, make_zip, tar_member

SHELL = b"echo in $(pwd), beside $(echo $(ls \"$(dirname \"$0\")\"))\n. ./lib/part.sh\n"
MEMBERS = [("run.sh", SHELL), ("lib/part.sh", b"echo part\n"), ("data.txt", b"1\n")]
SAID = "in /home/datascience/decompressed_artifact, beside data.txt lib run.sh\npart\n"
TAR_MODES = {"p.tar": "w", "p.tar.gz": "w:gz", "p.tgz": "w:gz", "p.tar.xz": "w:xz", "p.tar.bz2": "w:bz2"}


def packed(name, members):
    if name.endswith(".zip"):
        return make_zip(*members)
    if name.endswith(".zst"):
        return compress("zstd", make_tar(*members))
    return make_tar(*members, mode=TAR_MODES[name])


@pytest.mark.parametrize("name", ["p.zip", "p.tar.zst"] + sorted(TAR_MODES))
def test_every_kind_of_archive(node, name):
    outcome = node.run("-q", node.write(name, packed(name, MEMBERS)), "--entrypoint", "run.sh")
    assert (outcome.status, outcome.text, outcome.words) == (0, SAID, ""), outcome
    node.check_end(outcome, "SUCCEEDED", "exited", 0)


def test_a_directory(node):
    for name, data in MEMBERS:
        node.write("project/" + name, data)
    outcome = node.run("-q", "project", "--entrypoint", "run.sh")
    assert (outcome.status, outcome.text) == (0, SAID), outcome
    node.check_end(outcome, "SUCCEEDED", "exited", 0)


def test_a_directory_is_packed_as_the_caller_sees_it(node):
    project = node.write("project/run.sh", "ls -l | awk 'NR > 1 {print $1, $NF}' | sort -k2; cat latest\n").parent
    node.write("project/a name with blanks, ünd more", "x")
    (project / "latest").symlink_to("run.sh")
    (project / "empty").mkdir()
    (project / "tool").write_text("#!/bin/sh\n")
    (project / "tool").chmod(0o700)
    outcome = node.run("-q", "project", "--entrypoint", "run.sh")
    assert outcome.status == 0, outcome
    lines = outcome.text.splitlines()
    assert [line for line in lines if "empty" in line or "tool" in line] == ["drwxr-xr-x empty", "-rwxr-xr-x tool"]
    assert lines[-1].startswith("ls -l | awk")


def test_a_single_file_needs_neither_mode_nor_first_line(node):
    path = node.write("job.py", "print('ran')\n")
    path.chmod(0o400)
    outcome = node.run("-q", path)
    assert (outcome.status, outcome.text) == (0, "ran\n")


@pytest.mark.parametrize("name", ["with blank.py", "naïve-日本.py", "-dash.py", "quote'\".py"])
def test_odd_file_names(node, name):
    outcome = node.run("-q", node.write(name, "import os, sys\nprint(os.path.basename(sys.argv[0]))\n"))
    assert (outcome.status, outcome.text) == (0, name + "\n"), outcome


def test_junk_of_real_archives_is_accepted(node):
    data = make_zip(("__MACOSX/._run.sh", b"\0\5\x16\7"), ("project/.DS_Store", b"x"), ("project/run.sh", b"echo ran\n", 0),
                    ("project/__pycache__/a.pyc", b"x"))
    outcome = node.run("-q", node.write("p.zip", data), "--entrypoint", "project/run.sh")
    assert (outcome.status, outcome.text) == (0, "ran\n"), outcome


def test_jobruntime_in_the_archives_only_folder(node):
    data = make_zip(("project/run.sh", b"echo $KEY $NUMBER\n"),
                    ("project/jobruntime.yaml", b"JOB_RUN_ENTRYPOINT: run.sh\nKEY: value\nNUMBER: 0123\n"))
    outcome = node.run("-q", node.write("p.zip", data))
    assert (outcome.status, outcome.text) == (0, "value 0123\n"), outcome


def test_entrypoint_of_the_command_line_wins(node):
    data = make_zip(("a.sh", b"echo a\n"), ("b.sh", b"echo b\n"), ("jobruntime.yaml", b"JOB_RUN_ENTRYPOINT: a.sh\n"))
    path = node.write("p.zip", data)
    assert node.run("-q", path).text == "a\n"
    assert node.run("-q", path, "--entrypoint", "b.sh").text == "b\n"
    assert node.run("-q", path, "-e", "JOB_RUN_ENTRYPOINT=b.sh").text == "b\n"


def test_names_that_differ_in_case_are_two_files(node):
    outcome = node.run("-q", node.write("p.zip", make_zip(("a.sh", b"cat A.sh\n"), ("A.sh", b"echo big\n"))), "--entrypoint", "a.sh")
    assert (outcome.status, outcome.text) == (0, "echo big\n"), outcome


def test_names_that_are_no_text(node):
    folder = os.fsencode(str(node.write("project/run.sh", "ls | od -An -c | grep -o '374'\n").parent))
    with open(folder + b"/lat\xfcn", "w"):
        pass
    outcome = node.run("-q", "project", "--entrypoint", "run.sh")
    assert (outcome.status, outcome.text.strip()) == (0, "374"), outcome


# ---- refused ----


@functools.lru_cache
def hostile():
    link = tar_member("out", type=tarfile.SYMTYPE, linkname="/etc")
    device = tar_member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3)
    return [
        ("climbs.tar", make_tar(("../../../climbed", b"x")), "'..'"),
        ("climbs.zip", make_zip(("../climbed", b"x")), "'..'"),
        ("absolute.tar", make_tar(tar_member("/climbed", b"x")), "absolute"),
        ("link.tar", make_tar(link, ("out/climbed", b"x")), "out"),
        ("device.tar", make_tar(device), "null"),
        ("twice.tar", make_tar(("a.sh", b"1"), ("a.sh", b"2")), "a.sh"),
        ("bomb.tar.gz", make_tar(("zeros", bytes(160 << 20)), mode="w:gz"), "times"),
        ("torn.zip", make_zip(("a.sh", b"echo\n" * 100))[:-40], ""),
        ("text.zip", b"this is no archive at all", ""),
        ("empty.tar", b"", ""),
    ]


@pytest.mark.parametrize("number", range(10))
def test_hostile_archives_are_refused(node, number):
    name, data, says = hostile()[number]
    outcome = node.run(node.write(name, data), "--entrypoint", "a.sh")
    assert (outcome.status, outcome.out) == (125, b""), outcome
    status = node.check_end(outcome, "FAILED", "artifact-rejected", phases=node.phases(outcome.id))
    details = status["lifecycleDetails"]
    assert details.startswith("Job run artifact was rejected: ") and name in details and says in details, details
    assert details.endswith("(assignment). Artifact execution had not started.")
    assert details in outcome.words
    assert node.record(outcome.id)["main"] == "not-started"
    assert not [p for p in node.root.rglob("climbed")]


def test_limits_of_the_node(node):
    node.configure(extra="unpack:\n  maxFiles: 10\n  maxSize: 1M\nartifact:\n  maxSize: 2M\n")
    many = node.write("many.tar", make_tar(*[("f%d" % i, b"") for i in range(11)]))
    outcome = node.run("-q", many, "--entrypoint", "f1")
    assert outcome.status == 125 and "10" in outcome.words, outcome
    big = node.write("big.tar", make_tar(("big.sh", os.urandom(1100000))))
    outcome = node.run("-q", big, "--entrypoint", "big.sh")
    assert outcome.status == 125 and "rejected" in outcome.words, outcome
    node.leftovers()
    before = node.ids()
    huge = node.write("huge.tar", make_tar(("huge.sh", os.urandom(3000000))))
    outcome = node.run("-q", huge, "--entrypoint", "huge.sh")
    assert outcome.status == 125 and "larger than the limit" in outcome.words, outcome
    assert node.ids() == before


def test_the_unpacked_files_belong_to_the_job(node):
    data = make_tar(tar_member("run.sh", b"stat -c '%a %U %n' run.sh tool\n", mode=0o6777), tar_member("tool", b"", mode=0, uid=0))
    outcome = node.run("-q", node.write("p.tar", data), "--entrypoint", "run.sh")
    assert outcome.status == 0, outcome
    assert outcome.text == "755 datascience run.sh\n644 datascience tool\n"
    for folder, _, files in os.walk(node.home(outcome.id)):
        for name in files:
            status = os.lstat(os.path.join(folder, name))
            assert status.st_uid == 1000 and not status.st_mode & (stat.S_ISUID | stat.S_ISGID)


MAIN = """package com.acme;
public class Main {
    public static void main(String[] words) {
        System.out.println(Greeting.of(words[0]) + " " + System.getProperty("java.class.path").split(":").length);
    }
}
"""
GREETING = "package com.acme;\nclass Greeting { static String of(String name) { return \"hello \" + name; } }\n"


@pytest.mark.skipif(shutil.which("javac") is None, reason="there is no Java compiler")
@pytest.mark.parametrize("folder", ["", "project/classes"])
def test_a_java_class_is_started_with_its_class_path(node, folder):
    source = node.work / "source"
    source.mkdir()
    (source / "Main.java").write_text(MAIN)
    (source / "Greeting.java").write_text(GREETING)
    out = node.work / "built" / folder
    out.mkdir(parents=True)
    subprocess.run(["javac", "-d", out, source / "Main.java", source / "Greeting.java"], check=True, timeout=120)
    subprocess.run(["tar", "cf", node.work / "java.tar", "-C", node.work / "built", "."], check=True)
    entry = "/".join(filter(None, [folder, "com/acme/Main.class"]))
    done = node.run("-q", "--entrypoint", entry, "java.tar", "--", "you")
    assert done.status == 0 and done.text.startswith("hello you "), done
    # A class that was moved away from its package is refused before anything is started.
    os.rename(out / "com/acme/Main.class", out / "Main.class")
    subprocess.run(["tar", "cf", node.work / "java.tar", "-C", node.work / "built", "."], check=True)
    moved = node.run("-q", "--entrypoint", entry.replace("com/acme/", ""), "java.tar")
    assert "must lie in the folders of its package, as 'com/acme/Main.class'" in moved.words, moved
    assert node.status_json(moved.id)["cause"] == "artifact-rejected"
