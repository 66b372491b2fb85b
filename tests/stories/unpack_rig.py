"""The rig of the unpacker's stories: a home between sentinels, the real program, and builders of archives, hostile ones too."""
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
import zipfile

import pytest

ROOT = os.geteuid() == 0
UID, GID = (1000, 1000) if ROOT else (os.getuid(), os.getgid())
LIMITS = {"max-bytes": 1 << 30, "max-files": 20000, "max-ratio": 200}
LANDING = "decompressed_artifact"

RUN = """
exec "$PROGRAM" --uid "$JOB_UID" --gid "$JOB_GID" 3<"$HOME_DIR" 4>&"$ANSWER" %s
"""


class Result:
    """The unpacker's answer."""

    def __init__(self, status, answer, stderr):
        self.status, self.stderr = status, stderr
        self.facts = [json.loads(line) for line in answer.decode().splitlines()]

    @property
    def env(self):
        return {fact["env"]: fact["value"] for fact in self.facts if "env" in fact}

    @property
    def entry(self):
        return self.facts[-1].get("entry-file")


class Rig:
    """A home between sentinels, and the real program."""

    def __init__(self, program, root):
        self.program, self.root = str(program), root
        self.home = root / "home"
        self.landing = self.home / LANDING
        self.home.mkdir()
        os.chown(self.home, UID, GID)
        (root / "sentinel").write_text("keep")
        (root / "artifacts").mkdir()

    def outside(self):
        """All that is near the home but not in it."""
        seen = {}
        for folder, names, files in os.walk(self.root):
            if folder == str(self.home):
                names[:] = []
                continue
            for name in names + files:
                path = os.path.join(folder, name)
                st = os.lstat(path)
                seen[path] = (st.st_mode, st.st_uid, st.st_size if name != "home" else 0)
        return seen

    def run(self, order, files, before="", **options):
        """Runs the program with these artifacts; `before` is shell that runs first, in the same process."""
        read, write = os.pipe()
        names = []
        for i, data in enumerate(files):
            names.append(self.root / "artifacts" / ("a%d" % i))
            names[-1].write_bytes(data)
        redirect = " ".join('%d<"$A%d"' % (10 + i, i) for i in range(len(files)))
        env = dict(os.environ, PROGRAM=self.program, JOB_UID=str(UID), JOB_GID=str(GID), HOME_DIR=str(self.home),
                   ANSWER=str(write), **{"A%d" % i: str(name) for i, name in enumerate(names)})
        seen = self.outside()
        process = subprocess.Popen(["bash", "-c", before + RUN % redirect], env=env, pass_fds=[write],
                                   stdin=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        os.close(write)
        with open(read, "rb") as pipe:
            process.stdin.write("".join(json.dumps(fact) + "\n" for fact in order).encode())
            process.stdin.close()
            answer = pipe.read()
        result = Result(process.wait(), answer, process.stderr.read().decode())
        process.stderr.close()
        assert self.outside() == seen
        assert "ERROR" not in result.stderr, result.stderr
        return result

    def unpack(self, data, name="project.zip", entrypoint=None, before="", **limits):
        entry = {"entry": "archive"}
        if entrypoint is not None:
            entry["entrypoint"] = entrypoint
        order = [{"place": "archive", "name": name, "into": LANDING}, entry, dict(LIMITS, **limits)]
        return self.run(order, [data], before)

    def good(self, *args, **kwargs):
        result = self.unpack(*args, **kwargs)
        assert result.status == 0 and result.facts[0]["unpacked"] is True, result.facts
        self.check_tree()
        return result

    def refused(self, *args, blame="assignment", **kwargs):
        """The reason; nothing but the refusal is reported."""
        result = self.unpack(*args, **kwargs)
        assert result.status == 1 and len(result.facts) == 1, result.facts
        assert result.facts[0]["unpacked"] is False and result.facts[0]["blame"] == blame, result.facts
        self.check_tree()
        return result.facts[0]["reason"]

    def check_tree(self):
        """Everything in the home is the job's, of an ordinary kind and mode, and no link leads out."""
        landing = os.path.realpath(self.landing)
        for folder, names, files in os.walk(self.home):
            for name in names + files:
                path = os.path.join(folder, name)
                st = os.lstat(path)
                assert (st.st_uid, st.st_gid) == (UID, GID), path
                if stat.S_ISLNK(st.st_mode):
                    assert os.path.realpath(path).startswith(landing), path
                else:
                    assert stat.S_ISDIR(st.st_mode) or stat.S_ISREG(st.st_mode), path
                    assert stat.S_IMODE(st.st_mode) in (0o644, 0o755), path


def make_zip(*members, compression=zipfile.ZIP_DEFLATED):
    """Members: (name, data), or (name, data, mode) with the file type in the mode."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data, *mode in members:
            info = zipfile.ZipInfo("x")
            info.filename = name
            info.compress_type = compression
            info.external_attr = (mode[0] << 16) if mode else 0
            archive.writestr(info, data)
    return out.getvalue()


def tar_member(name, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def make_tar(*members, mode="w", form=tarfile.GNU_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as archive:
        for member in members:
            info, data = member if isinstance(member[0], tarfile.TarInfo) else tar_member(*member)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def patch_tar_name(data, name):
    """The first member under another name, with a right checksum: for names that tarfile would clean."""
    head = name.ljust(100, b"\0") + data[100:148] + b" " * 8 + data[156:512]
    return head[:148] + b"%06o\0 " % sum(head) + head[156:] + data[512:]


def compress(kind, data):
    if shutil.which(kind) is None:
        pytest.skip("no program " + kind)
    return subprocess.run([kind, "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
