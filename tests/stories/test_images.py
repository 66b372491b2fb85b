"""Bring your own container: images from a real registry on loopback, as a job's root file system."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import image_rig
from image_rig import OTHER, Mute, Registry, base_layer, entry, folder, hard_link, layer, link
from node_rig import until
from run_rig import PHASES, RunNode

ENTRY = ["/bin/busybox", "echo", "entry"]
FAILED_EARLY = ["ACCEPTED", "PREPARING", "SHIPPING", "REPORTING", "FINISHED"]
FAILED_LATER = ["ACCEPTED", "PREPARING", "LAUNCHING", "SHIPPING", "REPORTING", "FINISHED"]
FIRST_ID = 1879113728


def unpacked(node):
    """The unpacked images of a node, and whatever else lies beside them."""
    return sorted(p.name for p in (node.state / "images").iterdir() if not p.name.endswith(".lock"))


def check_cache(node):
    """Nothing half fetched and nothing half unpacked."""
    names = [p.name for p in (node.state / "cache" / "images").iterdir()]
    assert not [n for n in names if n.startswith("pull.")], names
    assert all(len(n) == 64 for n in unpacked(node)), unpacked(node)


@pytest.fixture(scope="module")
def registry():
    reason = image_rig.missing()
    if reason:
        pytest.skip(reason)
    registry = Registry().start()
    registry.base = base_layer()
    yield registry
    registry.close()


@pytest.fixture
def box(bin_dir, registry):
    """A node that may use the registry."""
    if os.geteuid() != 0:
        pytest.skip("needs root: images are unpacked in user namespaces of a range of users")
    node = RunNode(bin_dir)
    allow(node, registry.host)
    yield node
    node.close()


def allow(node, *hosts, extra="", images=""):
    node.configure(extra="images:\n  insecureRegistries: '%s'\n%s%s" % (" ".join(hosts), images, extra))


def job(node, image, env=None, name="job.yaml", infrastructure=None, **runtime):
    spec = dict({"image": image}, **runtime)
    if env:
        spec["env"] = [{"name": k, "value": v} for k, v in env.items()]
    document = {"kind": "job", "spec": {"runtime": {"type": "container", "spec": spec}}}
    return node.write(name, json.dumps(dict(document, **(infrastructure or {}))))


def run(node, image, *args, **how):
    return node.run("-q", job(node, image, **how), *args)


def shell(node, image, script, *args, **how):
    return run(node, image, *args, entrypoint=["/bin/sh", "-c"], cmd=[script], **how)


# ---- what is executed ----

def test_entrypoint_and_cmd(box, registry):
    """Docker's rules, with the job's arguments at the end."""
    both, _ = registry.push("both:1", [registry.base], Entrypoint=ENTRY, Cmd=["cmd"])
    only_cmd, _ = registry.push("cmd:1", [registry.base], Cmd=["echo", "plain"])
    shell_form, _ = registry.push("shell:1", [registry.base], Entrypoint=["/bin/sh", "-c", "echo $0 $HOME"])
    rows = [
        (both, {}, [], b"entry cmd\n"),
        (both, {"cmd": ["mine"]}, [], b"entry mine\n"),
        (both, {"entrypoint": ["/bin/echo", "other"]}, [], b"other\n"),
        (both, {"entrypoint": ["/bin/echo", "other"], "cmd": ["mine"]}, [], b"other mine\n"),
        (both, {}, ["--", "a", "b c"], b"entry cmd a b c\n"),
        (both, {"entrypoint": "echo, x", "cmd": "y"}, [], b"x y\n"),
        (only_cmd, {}, [], b"plain\n"),
        (only_cmd, {"cmd": ["echo", "mine"]}, ["--", "a"], b"mine a\n"),
        (shell_form, {"cmd": ["zero"]}, [], b"zero /home/datascience\n"),
    ]
    for image, runtime, args, expected in rows:
        done = run(box, image, *args, **runtime)
        assert (done.status, done.out) == (0, expected), (runtime, args, done)
    none, _ = registry.push("none:1", [registry.base])
    done = run(box, none)
    assert done.status != 0 and "neither the job nor the image has an entrypoint" in done.words, done
    check_cache(box)


def test_oci_documents_and_the_old_variables(box, registry):
    """OCIR_CONTAINER details, an override of the run's, and the variables from before there were details."""
    image, digest = registry.push("oci:1", [registry.base], Entrypoint=ENTRY, Cmd=["cmd"])
    job_document = {"displayName": "j", "jobConfigurationDetails": {"jobType": "DEFAULT"},
                    "jobEnvironmentConfigurationDetails": {"jobEnvironmentType": "OCIR_CONTAINER", "image": image,
                                                           "imageDigest": digest, "cmd": ["details"]}}
    run_document = {"jobEnvironmentConfigurationOverrideDetails": {"jobEnvironmentType": "OCIR_CONTAINER", "image": image,
                                                                   "entrypoint": ["echo"], "cmd": ["override"]}}
    job_file, run_file = box.write("j.json", json.dumps(job_document)), box.write("r.json", json.dumps(run_document))
    assert box.run("-q", "--job", job_file).out == b"entry details\n"
    assert box.run("-q", "--job", job_file, "--run", run_file).out == b"override\n"
    old = {"displayName": "j", "jobConfigurationDetails": {"jobType": "DEFAULT", "environmentVariables": {
        "CONTAINER_CUSTOM_IMAGE": image, "CONTAINER_ENTRYPOINT": '"echo", "old"', "CONTAINER_CMD": '"a, b", "c"'}}}
    assert box.run("-q", "--job", box.write("old.json", json.dumps(old))).out == b"old a, b c\n"


def test_user_directory_and_environment(box, registry):
    """The image's user, working directory and variables; the job's variables win; the platform's are there."""
    image, _ = registry.push("user:1", [registry.base], User="app:staff", WorkingDir="/not/there/yet",
                             Env=["LEVEL=image", "ONLY=image", "PATH=/bin", "not.a.name=1"])
    done = shell(box, image, "id -u; id -g; pwd; echo $LEVEL $ONLY $SET $JOB_RUN_OCID; echo x > $HOME/mine; stat -c %u $HOME/mine; "
                 "test -w /srv && echo srv; echo x > /etc/passwd", env={"LEVEL": "job", "SET": "job"})
    lines = done.text.splitlines()
    assert lines[:5] == ["1000", "50", "/not/there/yet", "job image job " + done.id, "1000"], done
    assert lines[5:] == ["srv"] and "can't create /etc/passwd" in done.words, done
    assert os.stat(box.home(done.id) / "mine").st_uid == FIRST_ID + 1000
    assert (box.home(done.id) / "mine").read_text() == "x\n"
    for user, expected in (("app", "1000 1001"), ("1000", "1000 1001"), ("77", "77 0"), ("77:88", "77 88"), ("", "0 0")):
        image, _ = registry.push("user.x%s:1" % user.replace(":", "."), [registry.base], User=user)
        assert shell(box, image, "echo $(id -u) $(id -g)").text.strip() == expected
    image, _ = registry.push("stranger:1", [registry.base], User="stranger")
    done = shell(box, image, "true")
    assert "'stranger', whom its /etc/passwd does not have" in done.words, done
    box.check_end(done, "FAILED", "image-failed", phases=FAILED_LATER)
    check_cache(box)


def test_root_of_an_image_is_nobody_here(box, registry):
    """Root in the image owns its files, and has no power over the node; a setuid file is harmless."""
    suid = layer(entry("bin/busybox.suid", pathlib.Path(shutil.which("busybox")).read_bytes(), mode=0o4755))
    image, _ = registry.push("root:1", [registry.base, suid])
    done = shell(box, image, "id -u; cat /proc/self/uid_map; echo new > /written; cat /written; "
                 "mknod /null c 1 3; mkdir /x && /bin/busybox mount -t tmpfs x /x; cat /proc/self/status; ls /; cat /etc/hosts")
    assert done.text.split()[:4] == ["0", "0", str(FIRST_ID), "65536"], done
    assert "new\n" in done.text and "CapEff:\t0000000000000000" in done.text and "Seccomp:\t2" in done.text
    assert "NoNewPrivs:\t1" in done.text and "localhost" in done.text
    assert "mknod: /null" in done.words and "Operation not permitted" in done.words or "permission denied" in done.words, done
    image, _ = registry.push("suid:1", [registry.base, suid], User="app")
    assert shell(box, image, "/bin/busybox.suid id -u").text.strip() == "1000"
    contained = dict((f["name"], f) for f in box.supervisor_facts(done.id, "contained"))
    assert contained["user-namespace"]["state"] == "applied" and contained["mounts"]["state"] == "applied", contained


def test_nothing_of_the_machine_is_in_sight(box, registry):
    """The root is the image; the mounts are the home, the notices and what every run has."""
    image, _ = registry.push("sight:1", [registry.base])
    done = shell(box, image, "cat /proc/self/mountinfo; ls /; echo here: $(ls -A $HOME); ls /run /run/job")
    points = [line.split()[4] for line in done.text.splitlines() if " - " in line]
    assert points.count("/") == 1, points
    assert not [p for p in points if not p.startswith(("/proc", "/sys", "/dev", "/run/job", "/home/datascience")) and p != "/"], points
    assert "usr" not in done.text.split() and "var" not in done.text.split(), done
    assert "here:\n" in done.text and "checkpoint" in done.text, done


def test_the_artifact_comes_along(box, registry):
    """A file lands in the home, an archive in decompressed_artifact, as in other runs."""
    image, _ = registry.push("artifact:1", [registry.base])
    box.write("train.sh", "echo trained $1\n")
    done = run(box, image, scriptPathURI="train.sh", entrypoint=["sh"], cmd=["/home/datascience/train.sh", "well"])
    assert (done.status, done.out) == (0, b"trained well\n"), done
    subprocess.run(["tar", "-C", box.work, "-czf", box.work / "a.tgz", "train.sh"], check=True)
    done = run(box, image, scriptPathURI="a.tgz", entrypoint=["sh"], cmd=["/home/datascience/decompressed_artifact/train.sh", "too"])
    assert (done.status, done.out) == (0, b"trained too\n"), done
    box.check_end(done, "SUCCEEDED", "exited", 0)


def test_how_it_ends(box, registry):
    """Exit code, a command that is not there, and a deadline: as in any run."""
    image, _ = registry.push("ends:1", [registry.base])
    done = shell(box, image, "exit 7")
    assert done.status == 7
    box.check_end(done, "FAILED", "exited", 7)
    done = run(box, image, entrypoint=["no-such-program"])
    assert "no-such-program, looked for in the image's PATH" in done.words, done
    done = run(box, image, entrypoint=["/etc/passwd"])
    assert done.status != 0 and "/etc/passwd" in done.words, done
    box.leftovers()
    check_cache(box)


# ---- layers ----

def test_whiteouts_links_and_owners(box, registry):
    """What a layer removes is gone, what it links is one file, and owners and modes are the image's."""
    second = layer(folder("data", uid=5, gid=6, mode=0o775), entry("data/.wh.gone"), folder("opaque"), entry("opaque/.wh..wh..opq"),
                   entry("opaque/new", b"new"), entry("data/a", b"one", uid=7, gid=8, mode=0o644), hard_link("data/b", "data/a"),
                   link("data/absolute", "/data/a"), link("data/climbing", "../../../data/a"))
    first = layer(folder("data"), entry("data/gone", b"x"), entry("data/stays", b"x"), folder("opaque"), entry("opaque/old", b"x"))
    image, _ = registry.push("layers:1", [registry.base, first, second])
    done = shell(box, image, "ls -A /data /opaque; stat -c '%u %g %a' /data /data/a; stat -c %h /data/b; cat /data/absolute "
                 "/data/climbing; echo; ls -A /data | wc -l; ls / | wc -l")
    text = done.text
    assert "gone" not in text.split() and "stays" in text and "old" not in text.split() and "new" in text, done
    assert "5 6 775\n7 8 644\n2\noneone\n" in text, done


HOSTILE = {
    "climbs": [entry("../../../../../../tmp/escaped.%s", b"x")],
    "link": [link("out", "/tmp"), entry("out/escaped.%s", b"x")],
    "parent": [link("up", ".."), entry("up/up/up/escaped.%s", b"x")],
    "hard": [hard_link("etc/shadow.copy", "/etc/shadow")],
    "absolute": [entry("/tmp/escaped.%s", b"x")],
    "whiteout": [entry(".wh.."), entry(".wh...")],
    "device": [entry("dev.block", kind=b"4", devmajor=8, devminor=0), entry("dev.null", kind=b"3", devmajor=1, devminor=3)],
    "owner": [entry("owned", b"x", uid=4000000, gid=4000000)],
    "proc": [link("proc", "/proc/self/root"), entry("proc/tmp/escaped.%s", b"x")],
}


@pytest.mark.parametrize("what", sorted(HOSTILE))
def test_hostile_layers(box, registry, what):
    """A layer reaches nothing outside of its own root: it is harmless, or refused with a reason."""
    mark = box.root.name
    entries = [(m, d) for m, d in HOSTILE[what]]
    members = []
    for member, data in entries:
        fresh, _ = entry(member.name.replace("%s", mark), data, kind=member.type, target=member.linkname, uid=member.uid, gid=member.gid,
                         devmajor=member.devmajor, devminor=member.devminor)
        members.append((fresh, data))
    image, _ = registry.push("hostile.%s.%s:1" % (what, re.sub("[^a-z0-9]", "", mark.lower())), [registry.base, layer(*members)])
    shadow = os.stat("/etc/shadow").st_nlink
    done = shell(box, image, "ls -la / /tmp; cat /etc/shadow.copy; echo survived")
    assert not list(pathlib.Path("/tmp").glob("escaped.*" + mark)) and not list(pathlib.Path("/").glob("escaped.*" + mark))
    assert os.stat("/etc/shadow").st_nlink == shadow
    if done.status == 0:
        assert "survived" in done.text and "root:" not in done.text, done
        for line in done.text.splitlines():
            assert not line.startswith(("b", "c")) or "shadow" in line, line
    else:
        assert "image" in done.words, done
        box.check_end(done, "FAILED", "image-failed", phases=FAILED_LATER)
    box.leftovers()
    check_cache(box)


@pytest.mark.parametrize("name", ["home", "proc", "dev", "run", "etc"])
def test_links_where_something_is_mounted(box, registry, name):
    """The image cannot have the home, or the machine's files, mounted or written elsewhere."""
    trap = layer(folder("trap"), *([entry("etc/.wh..wh..opq"), entry(".wh.etc")] if name == "etc" else []), link(name, "trap"))
    image, _ = registry.push("trap.%s:1" % name, [registry.base, trap])
    done = run(box, image, entrypoint=["/bin/busybox", "true"])
    assert done.status != 0 and "something else than a folder" in done.words, done
    box.leftovers()


# ---- the registry ----

def test_a_second_run_fetches_and_unpacks_nothing(box, registry):
    image, digest = registry.push("again:1", [registry.base], Entrypoint=ENTRY)
    first = run(box, image)
    sent = registry.blobs_sent()
    second = run(box, image)
    third = run(box, image + "@" + digest)
    assert [d.out for d in (first, second, third)] == [b"entry\n"] * 3
    assert registry.blobs_sent() == sent
    assert [box.supervisor_facts(d.id, "image-ready")[0]["unpacked"] for d in (first, second, third)] == [True, False, False]
    assert box.supervisor_facts(first.id, "image-ready")[0]["digest"] == digest
    # Another image of the same layers has those already.
    other, _ = registry.push("again:2", [registry.base], Entrypoint=ENTRY, Cmd=["two"])
    assert run(box, other).out == b"entry two\n"
    assert registry.blobs_sent() == sent + 1
    assert len(unpacked(box)) == 2
    check_cache(box)


def test_a_digest_holds(box, registry):
    """The image must be the one that the job names, whatever its tag is given to."""
    image, digest = registry.push("pinned:1", [registry.base], Entrypoint=ENTRY)
    assert run(box, image, imageDigest=digest).out == b"entry\n"
    registry.push("pinned:1", [registry.base], Entrypoint=ENTRY, Cmd=["changed"])
    assert run(box, image, imageDigest=digest).out == b"entry\n"  # it is here, and the digest says which
    other = RunNode(box.bin)
    try:
        allow(other, registry.host)
        done = run(other, image, imageDigest=digest)
        assert "(imageDigest): the tag was given to another image" in done.words, done
        other.check_end(done, "FAILED", "image-failed", phases=FAILED_EARLY)
        assert run(other, image + "@" + digest).out == b"entry\n"
    finally:
        other.close()


def test_a_list_of_images(box, registry):
    """This machine's is taken from a list; one that has none is refused, as an image for another machine is."""
    mine, theirs = (image_rig.ARCHITECTURE, [registry.base], {"Entrypoint": ENTRY}), (OTHER, [registry.base], {"Cmd": ["other"]})
    image, digest = registry.push_list("list:1", [theirs, mine])
    assert run(box, image, imageDigest=digest).out == b"entry\n"
    sent = registry.blobs_sent()
    assert run(box, image + "@" + digest).out == b"entry\n"
    assert registry.blobs_sent() == sent
    image, _ = registry.push_list("list:2", [theirs])
    done = run(box, image)
    assert "not for this one (linux, %s)" % image_rig.ARCHITECTURE in done.words, done
    image, _ = registry.push("foreign:1", [registry.base], OTHER, Entrypoint=ENTRY)
    done = run(box, image)
    assert "it is built for %s, and this machine is %s" % (OTHER, image_rig.ARCHITECTURE) in done.words, done
    box.check_end(done, "FAILED", "image-failed", phases=FAILED_EARLY)
    check_cache(box)


def test_what_the_registry_does_not_have(box, registry):
    registry.push("there:1", [registry.base])
    for image in ("there:2", "nowhere:1"):
        done = run(box, "%s/%s" % (registry.host, image))
        assert "manifest unknown" in done.words and "check its repository and tag" in done.words, done
        box.check_end(done, "FAILED", "image-failed", phases=FAILED_EARLY)
    done = run(box, "127.0.0.1:%d/x:1" % image_rig.free_port())
    assert "images.insecureRegistries" in done.words or "connection refused" in done.words, done


def test_credentials(box, registry):
    """A registry that wants a password: without one, with a wrong one, and with the right one, which nobody sees."""
    closed = Registry(password="secret-of-the-registry").start()
    try:
        image, _ = closed.push("closed:1", [registry.base], Entrypoint=ENTRY)
        allow(box, closed.host)
        done = run(box, image)
        assert "does not let this node in" in done.words and "images.authFile names no file" in done.words, done
        auth = box.root / "auth.json"
        login = ["skopeo", "login", "--tls-verify=false", "--authfile", str(auth), "-u", "user", "-p", "secret-of-the-registry", closed.host]
        subprocess.run(login, check=True, stdout=subprocess.DEVNULL, timeout=60)
        right = auth.read_text()
        auth.chmod(0o644)
        allow(box, closed.host, images="  authFile: %s\n" % auth)
        auth.write_text(right.replace(json.loads(right)["auths"][closed.host]["auth"], "dXNlcjp3cm9uZw=="))
        done = run(box, image)
        assert "it was given the credentials in %s" % auth in done.words, done
        auth.write_text(right)
        done = run(box, image)
        assert done.out == b"entry\n", done
        for path in [p for p in box.state.rglob("*") if p.is_file() and p.stat().st_size < 1 << 20]:
            text = path.read_bytes()
            assert b"secret-of-the-registry" not in text and json.loads(right)["auths"][closed.host]["auth"].encode() not in text, path
    finally:
        closed.close()


def test_signatures(box, registry):
    """A job that wants a signed image needs a policy; the policy decides, also for an image that is here."""
    image, _ = registry.push("signed:1", [registry.base], Entrypoint=ENTRY)
    done = run(box, image, imageSignatureId="ocid1.containerimagesignature.oc1..x")
    assert "set images.policyFile" in done.words, done
    assert run(box, image).out == b"entry\n"
    policy = box.root / "policy.json"
    policy.write_text('{"default": [{"type": "reject"}]}')
    allow(box, registry.host, images="  policyFile: %s\n" % policy)
    done = run(box, image, imageSignatureId="ocid1.containerimagesignature.oc1..x")
    assert "images.policyFile says who must have signed it" in done.words, done
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    assert run(box, image, imageSignatureId="ocid1.containerimagesignature.oc1..x").out == b"entry\n"
    check_cache(box)


def test_limits_of_size(box, registry):
    image, _ = registry.push("large:1", [registry.base], Entrypoint=ENTRY)
    allow(box, registry.host, images="  maxSize: 100K\n")
    done = run(box, image)
    assert "the limit is 102400 (images.maxSize)" in done.words, done
    # Room for the unpacked images is given back by those that nobody uses.
    allow(box, registry.host, images="  unpackedSize: 3M\n  cacheSize: 0\n")
    assert run(box, image).out == b"entry\n"
    other, _ = registry.push("large:2", [registry.base], Entrypoint=ENTRY, Cmd=["two"])
    assert run(box, other).out == b"entry two\n"
    assert len(unpacked(box)) == 1
    assert run(box, image).out == b"entry\n"
    check_cache(box)


def test_a_node_without_users_for_images(box, registry):
    image, _ = registry.push("idless:1", [registry.base], Entrypoint=ENTRY)
    allow(box, registry.host, images="  idCount: 0\n")
    done = run(box, image)
    assert "set images.idBase and images.idCount" in done.words, done
    allow(box, registry.host, images="  umoci: /nonexistent/umoci\n")
    done = run(box, image)
    assert "/nonexistent/umoci" in done.words, done
    allow(box, registry.host, images="  skopeo: /nonexistent/skopeo\n")
    done = run(box, image.replace(":1", ":2"))
    assert "/nonexistent/skopeo, which fetches images, is not installed (images.skopeo)" in done.words, done


def test_a_damaged_layer_does_not_stay(box, registry):
    """A bit that fell over in the cache is found when the image is unpacked; the next run fetches it anew."""
    image, _ = registry.push("damaged:1", [registry.base], Entrypoint=ENTRY)
    assert run(box, image).out == b"entry\n"
    for kept in (box.state / "images").iterdir():
        if kept.is_dir():
            shutil.rmtree(kept)
    blob = max((box.state / "cache" / "images" / "blobs").iterdir(), key=lambda p: p.stat().st_size)
    with open(blob, "r+b") as file:
        file.seek(1000)
        file.write(b"\0" * 100)
    done = run(box, image)
    assert done.status != 0 and "cannot be unpacked" in done.words, done
    again = run(box, image)
    assert again.out == b"entry\n", (done, again)


# ---- stopping and crashing ----

def test_cancel_while_fetching(box):
    """A registry that says nothing holds neither the run nor the agent; skopeo goes with the run."""
    mute = Mute()
    try:
        allow(box, mute.host)
        started = box.start_run(job(box, mute.host + "/x:1"))
        run_id = started.await_id()
        skopeo = lambda: [p for p in image_rig.programs(shutil.which("skopeo")) if mute.host in command_of(p)]
        until("skopeo runs", skopeo)
        assert box.status_json(run_id)["phase"] == "PREPARING"
        started.process.send_signal(2)
        done = started.end()
        assert "CANCELED" in done.words, done
        until("skopeo ends", lambda: not skopeo())
        box.check_end(done, "CANCELED", "cancelled", phases=FAILED_EARLY)
        check_cache(box)
    finally:
        mute.close()


def command_of(pid):
    try:
        return pathlib.Path("/proc/%d/cmdline" % pid).read_text().replace("\0", " ")
    except OSError:
        return ""


def test_the_agent_is_killed_while_fetching(box, registry):
    """skopeo dies with the agent; the next agent fetches the image and the run goes on."""
    mute = Mute()
    layout_base = registry.base
    allow(box, mute.host)
    box.start()
    document = {"id": "job.1", "displayName": "j", "jobConfigurationDetails": {"jobType": "DEFAULT"},
                "jobEnvironmentConfigurationDetails": {"jobEnvironmentType": "OCIR_CONTAINER", "image": mute.host + "/x:1"}}
    run_id = box.runlet("submit", "--job", box.write("j.json", json.dumps(document)), check=0).stdout.strip()
    skopeo = lambda: [p for p in image_rig.programs(shutil.which("skopeo")) if mute.host in command_of(p)]
    until("skopeo runs", skopeo)
    box.stop(9)
    until("skopeo ends", lambda: not skopeo())
    mute.close()
    real = Registry(port=mute.port).start()
    try:
        real.push("x:1", [layout_base], Entrypoint=ENTRY)
        box.start()
        box.await_finished(run_id)
        assert box.the_end(run_id)["lifecycleState"] == "SUCCEEDED"
        assert box.output(run_id)[0] == "entry\n"
        box.stop()
        check_cache(box)
        box.leftovers()
    finally:
        real.close()


def test_two_at_once(box, registry):
    """Two runs of one image at the same time: it is fetched and unpacked once."""
    image, _ = registry.push("twice:1", [registry.base], Entrypoint=["/bin/sh", "-c", "echo $0"], Cmd=["here"])
    sent = registry.blobs_sent()
    allow(box, registry.host)
    box.configure(concurrency=2, extra="images: {insecureRegistries: '%s'}\n" % registry.host)
    box.start()
    document = {"displayName": "j", "jobConfigurationDetails": {"jobType": "DEFAULT"},
                "jobEnvironmentConfigurationDetails": {"jobEnvironmentType": "OCIR_CONTAINER", "image": image}}
    path = box.write("j.json", json.dumps(document))
    ids = [box.runlet("submit", "--job", path, check=0).stdout.strip() for _ in range(2)]
    for run_id in ids:
        box.await_finished(run_id)
        assert box.output(run_id)[0] == "here\n", box.tail()
    assert registry.blobs_sent() == sent + 2
    assert sorted(box.supervisor_facts(i, "image-ready")[0]["unpacked"] for i in ids) == [False, True]
    box.stop()
    check_cache(box)


# ---- limits, and the end of what unpacks ----

def test_what_is_written_counts(box, registry):
    """The image's root is on the run's own disk, when it has one: the limit on scratch space holds for all of it."""
    if not os.path.exists("/dev/loop-control") or shutil.which("mkfs.ext4", path="/usr/sbin:/sbin") is None:
        pytest.skip("this machine has no loop devices or no mkfs.ext4")
    image, _ = registry.push("scratch:1", [registry.base])
    document = {"jobConfigurationDetails": {"jobType": "DEFAULT"}, "x-runlet": {"limits": {"scratch": "32M"}},
                "jobEnvironmentConfigurationDetails": {
                    "jobEnvironmentType": "OCIR_CONTAINER", "image": image, "entrypoint": ["sh", "-c"],
                    "cmd": ["dd if=/dev/zero of=/fill bs=1M count=100; wc -c < /fill; dd if=/dev/zero of=$HOME/x bs=1M count=1 || echo full"]}}
    done = box.run("-q", "--job", box.write("j.json", json.dumps(document)))
    assert "No space left on device" in done.words, done
    assert 0 < int(done.text.split()[0]) < 32 << 20 and done.text.split()[1:] == ["full"], done
    box.leftovers()


def slow_umoci(box, seconds):
    script = box.root / "umoci"
    script.write_text("#!/bin/sh\nexec sleep %s\n" % seconds)
    script.chmod(0o755)
    return script, lambda: [p for p in image_rig.programs(os.path.realpath(shutil.which("sleep"))) if str(seconds) in command_of(p)]


def test_cancel_while_unpacking(box, registry):
    """What unpacks ends with the run, and nothing half unpacked is taken for an image."""
    image, _ = registry.push("slow:1", [registry.base], Entrypoint=ENTRY)
    script, sleeping = slow_umoci(box, "1000.%d" % os.getpid())
    allow(box, registry.host, images="  umoci: %s\n" % script)
    started = box.start_run(job(box, image))
    run_id = started.await_id()
    pid = until("it unpacks", sleeping)[0]
    uids = [int(u) for u in dict(l.split(":\t", 1) for l in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines())["Uid"].split()]
    assert uids == [FIRST_ID] * 4
    assert os.readlink("/proc/%d/ns/net" % pid) != os.readlink("/proc/self/ns/net")
    started.process.send_signal(2)
    done = started.end()
    assert "CANCELED" in done.words, done
    assert not sleeping()
    box.leftovers()
    assert box.record(run_id)["main"] == "not-started"
    allow(box, registry.host)
    assert run(box, image).out == b"entry\n"
    check_cache(box)


def test_the_supervisor_is_killed_while_unpacking(box, registry):
    """umoci dies with it; the half unpacked image is nobody's, and goes with the next."""
    image, _ = registry.push("killed:1", [registry.base], Entrypoint=ENTRY)
    script, sleeping = slow_umoci(box, "2000.%d" % os.getpid())
    allow(box, registry.host, images="  umoci: %s\n" % script)
    started = box.start_run(job(box, image))
    run_id = started.await_id()
    until("it unpacks", sleeping)
    os.kill(box.supervisor(run_id), 9)
    done = started.end()
    assert done.status == 125, done
    until("what unpacked has ended", lambda: not sleeping())
    box.leftovers()
    allow(box, registry.host)
    assert run(box, image).out == b"entry\n"
    check_cache(box)
