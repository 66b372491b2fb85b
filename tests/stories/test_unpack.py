"""runlet-unpack: honest archives land as they should, hostile ones are refused by name and change nothing outside the home."""
import os
import pathlib
import random
import shutil
import stat
import subprocess
import tarfile
import tempfile
import zipfile

import pytest

from unpack_rig import GID, LANDING, LIMITS, ROOT, UID, Rig, compress, make_tar, make_zip, patch_tar_name, tar_member

needs_root = pytest.mark.skipif(not ROOT, reason="needs root")


@pytest.fixture
def rig(bin_dir, tmp_path):
    return Rig(bin_dir / "runlet-unpack", tmp_path)


PROJECT = [("main.py", b"print(1)\n"), ("pkg/util.py", b"x = 1\n"), ("pkg/data/big.bin", bytes(range(256)) * 1000)]
NAMES = ["p.zip", "p.tar", "p.tar.gz", "p.tgz", "p.tar.xz", "p.tar.bz2", "p.tar.zst"]


def make_project(name, members=None):
    members = PROJECT if members is None else members
    if name.endswith(".zip"):
        return make_zip(*members)
    if name.endswith(".zst"):
        return compress("zstd", make_tar(*members))
    return make_tar(*members, mode="w:" + {"tar": "", "gz": "gz", "tgz": "gz", "xz": "xz", "bz2": "bz2"}[name.rsplit(".")[-1]])


# ---- honest archives ----


@pytest.mark.parametrize("name", NAMES)
def test_every_format_lands(rig, name):
    result = rig.good(make_project(name), name, entrypoint="main.py")
    assert result.facts[0] == {"unpacked": True, "files": 3, "bytes": sum(len(data) for _, data in PROJECT)}
    assert result.entry == "main.py"
    for path, data in PROJECT:
        assert (rig.landing / path).read_bytes() == data


def test_a_single_file_is_placed(rig):
    order = [{"place": "file", "name": "train.py", "into": ""}, {"entry": "file", "entrypoint": "train.py"}, LIMITS]
    data = os.urandom(300000)
    result = rig.run(order, [data])
    assert result.facts == [{"unpacked": True, "files": 1, "bytes": 300000}, {"entry-file": "train.py"}]
    st = (rig.home / "train.py").stat()
    assert (rig.home / "train.py").read_bytes() == data
    assert (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (0o644, UID, GID)


def test_an_entry_program_beside_the_code(rig):
    order = [{"place": "file", "name": "driver_python.py", "into": LANDING},
             {"place": "archive", "name": "p.zip", "into": LANDING + "/code"},
             {"entry": "archive", "entrypoint": "driver_python.py"}, LIMITS]
    result = rig.run(order, [b"driver", make_project("p.zip")])
    assert result.entry == "driver_python.py" and result.facts[0]["files"] == 4
    assert (rig.landing / "driver_python.py").read_bytes() == b"driver"
    assert (rig.landing / "code" / "main.py").is_file()


def test_litter_is_skipped(rig):
    data = make_zip(("__MACOSX/", b""), ("__MACOSX/._main.py", b"x"), (".DS_Store", b"x"), ("d/.DS_Store", b"x"),
                    ("main.py", b"1"), ("d/a", b"1"))
    assert rig.good(data, entrypoint="main.py").facts[0]["files"] == 2
    assert sorted(os.listdir(rig.landing)) == ["d", "main.py"]
    assert os.listdir(rig.landing / "d") == ["a"]


def test_modes_become_plain(rig):
    members = [tar_member("m%o" % mode, b"", mode=mode) for mode in (0, 0o600, 0o644, 0o755, 0o4755, 0o2755, 0o1777, 0o444)]
    folder = tar_member("d", type=tarfile.DIRTYPE, mode=0)
    rig.good(make_tar(folder, tar_member("d/main.py", mode=0), *members), "p.tar", entrypoint="d/main.py")
    got = {name: stat.S_IMODE((rig.landing / name).stat().st_mode) for name in os.listdir(rig.landing)}
    assert got == {"d": 0o755, "m0": 0o644, "m600": 0o644, "m644": 0o644, "m755": 0o755, "m4755": 0o755, "m2755": 0o755,
                   "m1777": 0o755, "m444": 0o644}


def test_zip_without_attributes(rig):
    rig.good(make_zip(("d/", b""), ("d/main.py", b"1")), entrypoint="d/main.py")
    assert stat.S_IMODE((rig.landing / "d/main.py").stat().st_mode) == 0o644


def test_times_are_kept(rig):
    folder = tar_member("d", type=tarfile.DIRTYPE, mode=0o755, mtime=1000000000)
    rig.good(make_tar(folder, tar_member("d/main.py", b"1", mtime=1234567890)), "p.tar", entrypoint="d/main.py")
    assert (rig.landing / "d").stat().st_mtime == 1000000000
    assert (rig.landing / "d/main.py").stat().st_mtime == 1234567890


@pytest.mark.parametrize("name", ["p.zip", "p.tar"])
def test_unusual_names(rig, name):
    names = ["h\u00e9llo \u2603.py", "a b", "-rf", "A.py", "a.py", "~", "\u65e5\u672c/\u8a9e.txt"]
    rig.good(make_project(name, [(n, n.encode()) for n in names]), name, entrypoint="a.py")
    for n in names:
        assert (rig.landing / n).read_bytes() == n.encode(), n


def test_backslashes(rig):
    """In a tar they are letters like others; in a zip, where Windows programs write them for '/', they part folders."""
    rig.good(make_tar(("d\\main.py", b"1")), "p.tar", entrypoint="d\\main.py")
    shutil.rmtree(rig.landing)
    rig.good(make_zip(("d\\main.py", b"1")), entrypoint="d/main.py")
    assert "'..'" in rig.refused(make_zip(("..\\..\\evil", b"1")), entrypoint="x")


def test_names_marked_as_unicode_are_composed(rig):
    """As libarchive has it: the composed form, which is what people type. Unmarked names stay as they are."""
    rig.good(make_zip(("e\u0301.py", b"1")), entrypoint="\u00e9.py")
    shutil.rmtree(rig.landing)
    rig.good(make_tar(("e\u0301.py", b"1")), "p.tar", entrypoint="e\u0301.py")


def test_names_that_are_not_utf8(rig):
    data = patch_tar_name(make_tar(("x", b"1")), b"caf\xe9\xff.py")
    assert "did you mean 'caf\ufffd\ufffd.py'" in rig.refused(data, "p.tar", entrypoint="x")
    assert os.listdir(os.fsencode(rig.landing)) == [b"caf\xe9\xff.py"]


def test_ten_thousand_small_files(rig):
    members = [("d%d/f%d.txt" % (i % 100, i), b"%d" % i) for i in range(10000)]
    result = rig.good(make_zip(*members, ("main.py", b"")), entrypoint="main.py")
    assert result.facts[0]["files"] == 10001
    assert (rig.landing / "d99/f9999.txt").read_bytes() == b"9999"


def test_deep_paths(rig):
    path = "/".join(["folder%d" % i for i in range(100)]) + "/main.py"
    assert rig.good(make_tar((path, b"1"), form=tarfile.PAX_FORMAT), "p.tar", entrypoint=path).entry == path


def test_links_inside(rig):
    link = lambda name, to, kind: tar_member(name, type=kind, linkname=to)
    data = make_tar(("d/e/main.py", b"1"), link("run.py", "d/e/main.py", tarfile.SYMTYPE), link("d/up", "../run.py", tarfile.SYMTYPE),
                    link("d/here", ".", tarfile.SYMTYPE), link("same.py", "./d/e/main.py", tarfile.LNKTYPE),
                    link("missing", "not/there", tarfile.SYMTYPE))
    assert rig.good(data, "p.tar", entrypoint="d/up").entry == "d/up"
    assert os.readlink(rig.landing / "run.py") == "d/e/main.py"
    assert (rig.landing / "same.py").stat().st_ino == (rig.landing / "d/e/main.py").stat().st_ino


def test_zip_symbolic_link(rig):
    data = make_zip(("d/main.py", b"1", 0o100644), ("run.py", b"d/main.py", 0o120777))
    rig.good(data, entrypoint="run.py")
    assert os.readlink(rig.landing / "run.py") == "d/main.py"


def test_sparse_files(rig):
    source = rig.root / "artifacts" / "sparse"
    with open(source, "wb") as file:
        file.write(b"start")
        file.seek(64 << 20)
        file.write(b"end")
        file.truncate(80 << 20)
    data = subprocess.run(["tar", "-C", str(source.parent), "--sparse", "-cf", "-", "sparse"], stdout=subprocess.PIPE, check=True).stdout
    assert len(data) < 1 << 20
    rig.refused(data, "p.tar", entrypoint="sparse", **{"max-bytes": 1 << 20})
    shutil.rmtree(rig.landing)
    assert rig.good(data, "p.tar", entrypoint="sparse").facts[0]["bytes"] == 80 << 20
    st = (rig.landing / "sparse").stat()
    assert st.st_size == 80 << 20 and st.st_blocks * 512 < 4 << 20


def test_repeated_folders_are_one(rig):
    data = make_tar(*[tar_member("d", type=tarfile.DIRTYPE, mode=0o755)] * 3, ("d/main.py", b"1"))
    rig.good(data, "p.tar", entrypoint="d/main.py")


def test_content_decides_how_a_tar_is_compressed(rig):
    rig.good(make_project("p.tar.xz"), "p.tar.gz", entrypoint="main.py")


def test_small_files_may_compress_well(rig):
    data = make_tar(("main.py", b"\0" * (10 << 20)), mode="w:bz2")
    assert (10 << 20) / len(data) > 1000
    rig.good(data, "p.tar.bz2", entrypoint="main.py", **{"max-ratio": 10})


# ---- variables and the entry file ----


def with_yaml(yaml, *members, folder=""):
    return make_zip((folder + "jobruntime.yaml", yaml), *members)


def test_jobruntime_at_the_root(rig):
    yaml = "A: 123123\nB: 'x y'\nCONDA_ENV_TYPE: service\nJOB_RUN_ENTRYPOINT: d/main.py\n"
    result = rig.good(with_yaml(yaml, ("d/main.py", b"1")))
    assert result.env == {"A": "123123", "B": "x y", "CONDA_ENV_TYPE": "service", "JOB_RUN_ENTRYPOINT": "d/main.py"}
    assert result.entry == "d/main.py"


@pytest.mark.parametrize("entrypoint", ["project/main.py", "main.py", "./main.py"])
def test_jobruntime_in_the_top_folder(rig, entrypoint):
    """Entry files are named from the archive's root, or from the yaml's own folder."""
    data = with_yaml("JOB_RUN_ENTRYPOINT: %s\n" % entrypoint, ("project/main.py", b"1"), ("__MACOSX/._x", b""), folder="project/")
    assert rig.good(data).entry == "project/main.py"


def test_the_root_comes_before_the_yaml_folder(rig):
    data = with_yaml("JOB_RUN_ENTRYPOINT: p/main.py\n", ("p/main.py", b"1"), ("p/p/main.py", b"1"), folder="p/")
    assert rig.good(data).entry == "p/main.py"


def test_jobruntime_elsewhere_does_not_count(rig):
    result = rig.good(with_yaml("A: 1\n", ("main.py", b"1"), folder="conf/"), entrypoint="main.py")
    assert result.env == {}


def test_the_job_decides_over_jobruntime(rig):
    data = with_yaml("JOB_RUN_ENTRYPOINT: a.py\n", ("a.py", b"1"), ("b.py", b"1"))
    assert rig.good(data, entrypoint="b.py").entry == "b.py"


@pytest.mark.parametrize("yaml, says", [
    ("A: 1\nB:\n  C: 1\n", "project.zip: jobruntime.yaml:3:3: error: the value of B must be a single value"),
    ("A-B: 1\n", "jobruntime.yaml:1:1: error: 'A-B' is not a name"),
    ("A: [\n", "jobruntime.yaml:"),
    ("A: " + "x" * 70000, "jobruntime.yaml: larger than"),
])
def test_bad_jobruntime(rig, yaml, says):
    assert says in rig.refused(with_yaml(yaml, ("main.py", b"1")), entrypoint="main.py")


def test_a_missing_entry_file_names_candidates(rig):
    members = [("z.sh", b""), ("a.py", b""), ("lib/deep/b.py", b""), ("notes.txt", b""), ("__pycache__/c.py", b"")]
    reason = rig.refused(make_zip(*members), entrypoint="main.py")
    assert reason == "project.zip: entrypoint 'main.py' is not a file of the artifact; it holds 'a.py', 'z.sh', 'lib/deep/b.py'"


def test_at_most_ten_candidates(rig):
    reason = rig.refused(make_zip(*[("f%02d.py" % i, b"") for i in range(30)]), entrypoint="main.py")
    assert reason.count("'f") == 10 and reason.endswith("'f09.py' and more")


def test_no_entrypoint_suggests_the_only_program(rig):
    reason = rig.refused(make_zip(("train.py", b""), ("data.csv", b"")))
    assert "JOB_RUN_ENTRYPOINT is not set" in reason and "did you mean 'train.py'" in reason


@pytest.mark.parametrize("entrypoint, says", [
    ("d", "is not a file"), ("../main.py", "'..'"), ("/bin/sh", "absolute"), ("MAIN.PY", "is not a file"), ("main.py/x", "is not a file"),
])
def test_bad_entrypoints(rig, entrypoint, says):
    assert says in rig.refused(make_zip(("main.py", b""), ("d/x.py", b"")), entrypoint=entrypoint)


# ---- hostile archives ----


def link(name, to, kind=tarfile.SYMTYPE):
    return tar_member(name, type=kind, linkname=to)


HOSTILE = {
    "up": (make_tar(("../evil", b"x")), "member '../evil': its name has a '..' part"),
    "up later": (make_tar(("d/../../evil", b"x")), "member 'd/../../evil': its name has a '..' part"),
    "link out": (make_tar(link("l", "../../sentinel")), "member 'l': it is a link out of the archive"),
    "link absolute": (make_tar(link("l", "/etc/passwd")), "member 'l': it is a link to an absolute path"),
    "link through a link": (make_tar(link("d", "."), link("l", "d/../x")), "member 'l': its link target has a '..' after"),
    "write through a link": (make_tar(("t/x", b""), link("l", "t"), ("l/evil", b"x")), "member 'l/evil': it lies below a symbolic link"),
    "replace a link": (make_tar(link("l", "x"), ("l", b"x")), "member 'l': the name is already taken"),
    "hard link out": (make_tar(link("l", "../../sentinel", tarfile.LNKTYPE)), "member 'l': it is a hard link to a name that is not accepted"),
    "hard link absolute": (make_tar(link("l", "/etc/passwd", tarfile.LNKTYPE)), "hard link to a name that is not accepted"),
    "hard link to nothing": (make_tar(link("l", "x", tarfile.LNKTYPE)), "hard link to a file that is not in the archive"),
    "hard link to a link": (make_tar(("d/e/x", b""), link("d/e/s", "../../d/e/x"), link("s", "d/e/s", tarfile.LNKTYPE)),
                            "member 's': it is a hard link to a file that is not in the archive"),
    "hard link below a link": (make_tar(("d/x", b""), link("s", "d"), link("l", "s/x", tarfile.LNKTYPE)), "hard link to a file that is not"),
    "hard link to a folder": (make_tar(tar_member("d", type=tarfile.DIRTYPE), link("l", "d", tarfile.LNKTYPE)), "hard link to a file that is not"),
    "character device": (make_tar(tar_member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3)), "member 'null': it is a device"),
    "block device": (make_tar(tar_member("sda", type=tarfile.BLKTYPE, devmajor=8)), "member 'sda': it is a device"),
    "pipe": (make_tar(tar_member("p", type=tarfile.FIFOTYPE)), "member 'p': it is a named pipe"),
    "control characters": (make_tar(("a\nunpacked", b"")), "member 'a?unpacked': its name has a control character"),
    "twice": (make_tar(("a.py", b"1"), ("./a.py", b"2")), "member './a.py': the name is already taken"),
    "file and folder": (make_tar(("a", b"1"), ("a/b", b"2")), "member 'a/b': it lies below something that is not a folder"),
    "folder over file": (make_tar(("a", b"1"), tar_member("a", type=tarfile.DIRTYPE)), "member 'a/': the name is already taken"),
    "file over folder": (make_tar(("a/b", b"1"), ("a", b"2")), "member 'a': the name is already taken"),
    "too deep": (make_tar(("d/" * 200 + "x", b"1")), "it lies too deep"),
    "long name": (make_tar(("x" * 300, b"1"), form=tarfile.PAX_FORMAT), "longer than 255 bytes"),
    "long path": (make_tar(("/".join(["y" * 250] * 20), b"1"), form=tarfile.PAX_FORMAT), "too long"),
    "garbage": (b"garbage" * 1000, "not an archive that is accepted"),
    "empty": (b"", "project.tar: it is an empty file"),
    "cpio": (b"070701" + b"0" * 104, "not an archive that is accepted"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + b"\0" * 64, "not an archive that is accepted"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_tar(rig, case):
    data, says = HOSTILE[case]
    assert says in rig.refused(data, "project.tar", entrypoint="main.py")


@pytest.mark.parametrize("name, says", [(b"/etc/evil", "absolute path"), (b"//evil", "absolute path"), (b"..", "'..'"), (b"a/\x1b[2J", "control")])
def test_raw_tar_names(rig, name, says):
    assert says in rig.refused(patch_tar_name(make_tar(("x", b"1")), name), "p.tar", entrypoint="x")


ZIPPED = {
    "up": ([("../evil", b"x")], "member '../evil': its name has a '..' part"),
    "absolute": ([("/etc/evil", b"x")], "member '/etc/evil': its name is an absolute path"),
    "link out": ([("l", b"../../sentinel", 0o120777)], "member 'l': it is a link out of the archive"),
    "write through a link": ([("t/x", b""), ("l", b"t", 0o120777), ("l/evil", b"x")], "member 'l/evil': it lies below a symbolic link"),
    "twice": ([("a.py", b"1"), ("a.py", b"2")], "member 'a.py': the name is already taken"),
    "control": ([("a\rb", b"1")], "control character"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", ZIPPED)
def test_hostile_zip(rig, case):
    members, says = ZIPPED[case]
    assert says in rig.refused(make_zip(*members), entrypoint="main.py")


def test_encrypted_members_are_named(rig):
    data = bytearray(make_zip(("plain.py", b"1"), ("secret.py", b"0123456789abcdef")))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(mark) + at] |= 1
    assert "member 'secret.py': it is encrypted" in rig.refused(bytes(data), entrypoint="plain.py")


def test_wrong_checksum_in_zip(rig):
    data = bytearray(make_zip(("main.py", b"0123456789" * 10), compression=zipfile.ZIP_STORED))
    data[data.index(b"0123456789") + 5] ^= 1
    assert "member 'main.py': damaged" in rig.refused(bytes(data), entrypoint="main.py")


@pytest.mark.parametrize("name, data, says", [
    ("p.zip", make_project("p.tar.gz"), "a zip by its name, but its content is a tar"),
    ("P.TAR.GZ", make_project("p.zip"), "a tar by its name, but its content is a zip"),
], ids=["tar as zip", "zip as tar"])
def test_wrong_content_for_the_name(rig, name, data, says):
    assert rig.refused(data, name, entrypoint="main.py") == "%s: %s" % (name, says)


@pytest.mark.parametrize("inner, outer", [("p.tar.gz", "bzip2"), ("p.zip", "gzip"), ("p.tar.xz", "xz")])
def test_compressed_twice(rig, inner, outer):
    reason = rig.refused(compress(outer, make_project(inner)), "artifact", entrypoint="main.py")
    assert "compressed more than once" in reason or "not an archive that is accepted" in reason


@pytest.mark.parametrize("name", NAMES)
def test_cut_short_is_never_unpacked(rig, name):
    data = make_project(name)
    # A tar is padded after its end mark; what is cut there is not missing.
    end = len(data) if name != "p.tar" else len(data.rstrip(b"\0"))
    for keep in sorted({1, 100, end // 4, end // 2, end * 3 // 4, end - 5}):
        assert "cut short" in rig.refused(data[:keep], name, entrypoint="main.py")
        shutil.rmtree(rig.landing, ignore_errors=True)


def test_tar_cut_between_members(rig):
    data = make_tar(("main.py", b"1" * 512), ("b.py", b"2"))
    assert "cut short" in rig.refused(data[:1024], "p.tar", entrypoint="main.py")


@pytest.mark.parametrize("name", NAMES)
def test_damage_never_crashes(rig, name):
    """Whatever happens to the bytes, there is one well-formed answer and nothing outside changes."""
    data = make_project(name)
    rng = random.Random(name)
    for _ in range(6):
        broken = bytearray(data)
        for _ in range(rng.choice([1, 3, 20])):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        result = rig.unpack(bytes(broken), name, entrypoint="main.py")
        assert result.status in (0, 1)
        assert result.facts[0]["unpacked"] is (result.status == 0)
        rig.check_tree()
        shutil.rmtree(rig.landing, ignore_errors=True)


# ---- bombs and the node's limits ----


def test_total_size(rig):
    data = make_zip(("a", b"x" * 600), ("b", b"x" * 600))
    assert rig.refused(data, entrypoint="a", **{"max-bytes": 1000}) == "project.zip: member 'b': unpacks to more than 1000 bytes"


def test_a_member_that_lies_about_its_size(rig):
    data = make_tar(("a", b"\0" * 5000), mode="w:gz")
    assert "more than 4096 bytes" in rig.refused(data, "p.tgz", entrypoint="a", **{"max-bytes": 4096})
    assert (rig.landing / "a").exists() is False or (rig.landing / "a").stat().st_size <= 4096


def test_number_of_members(rig):
    data = make_tar(*[("f%d" % i, b"") for i in range(50)])
    assert rig.refused(data, "p.tar", entrypoint="f0", **{"max-files": 49}) == "p.tar: more than 49 files and folders"
    shutil.rmtree(rig.landing)
    rig.good(data, "p.tar", entrypoint="f0", **{"max-files": 50})


def test_litter_counts_as_members(rig):
    data = make_tar(*[(".DS_Store", b"")] * 50, ("main.py", b""))
    assert "more than 50 files" in rig.refused(data, "p.tar", entrypoint="main.py", **{"max-files": 50})


def test_ratio(rig):
    data = make_tar(("zeros", b"\0" * (130 << 20)), mode="w:bz2")
    reason = rig.refused(data, "p.tar.bz2", entrypoint="zeros", **{"max-ratio": 100})
    assert reason == "p.tar.bz2: member 'zeros': unpacks to more than 100 times its size"


@needs_root
def test_a_full_disk_is_the_nodes_fault(rig):
    mount = 'mount -t tmpfs -o size=64k none "$HOME_DIR" && chown %d:%d "$HOME_DIR" || exit 9' % (UID, GID)
    probe = subprocess.run(["unshare", "-m", "sh", "-c", mount], env=dict(os.environ, HOME_DIR=str(rig.home)))
    if probe.returncode != 0:
        pytest.skip("no private mounts here")
    inner = rig.program
    wrapper = rig.root / "in-small-home"
    wrapper.write_text('#!/bin/bash\nexec unshare -m bash -c \'%s; exec "%s" "$@" 3<"$HOME_DIR"\' sh "$@"\n' % (mount, inner))
    wrapper.chmod(0o755)
    rig.program = str(wrapper)
    reason = rig.refused(make_zip(("big", os.urandom(200000))), entrypoint="big", blame="node")
    assert reason == "project.zip: member 'big': no space left in the job's home"


# ---- containment and the caller's mistakes ----


@needs_root
def test_unprivileged(bin_dir):
    """Started as the job's user, Landlock alone holds it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        shutil.copy(bin_dir / "runlet-unpack", folder + "/runlet-unpack")
        rig = Rig(folder + "/runlet-unpack", pathlib.Path(folder))
        order = [{"place": "archive", "name": "p.zip", "into": LANDING}, {"entry": "archive", "entrypoint": "main.py"}, LIMITS]
        result = rig.run(order, [make_project("p.zip")], user=UID, group=GID, extra_groups=[])
        if "Landlock, which this kernel" in result.facts[0].get("reason", ""):
            pytest.skip("no Landlock in this kernel")
        assert result.status == 0, result.facts
        rig.check_tree()


@needs_root
def test_supervisors_folders_need_not_be_readable(rig):
    os.chmod(rig.root, 0o700)
    rig.good(make_project("p.zip"), entrypoint="main.py")


@pytest.mark.parametrize("order, says", [
    ([], "work order: it ends too early"),
    ([{"place": "archive", "name": "p.zip", "into": "../x"}, {"entry": "archive"}, LIMITS], "work order, line 1: 'into'"),
    ([{"place": "archive", "name": "p.zip", "into": ""}] * 2 + [{"entry": "archive"}, LIMITS], "descriptor 11 is not a file opened for reading"),
])
def test_bad_orders(rig, order, says):
    result = rig.run(order, [b"x"])
    assert result.status == 1 and result.facts[0]["blame"] == "node" and says in result.facts[0]["reason"]
    assert os.listdir(rig.home) == []


def test_without_its_descriptors_it_does_nothing(bin_dir):
    done = subprocess.run([str(bin_dir / "runlet-unpack"), "--uid", "1", "--gid", "1"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert done.returncode == 2 and b"runlet-supervisor" in done.stderr
