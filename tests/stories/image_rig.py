"""Images made by hand and a registry on loopback: what the stories of container images need."""
import gzip
import hashlib
import io
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import urllib.error
import urllib.request

from node_rig import until

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
OTHER = "arm64" if ARCHITECTURE == "amd64" else "amd64"
APPLETS = "sh ls cat id env echo pwd stat test sleep dd touch mknod chmod mkdir wc".split()
PASSWD = b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/srv:/bin/sh\n"
GROUP = b"root:x:0:\napp:x:1001:\nstaff:x:50:app\n"


def missing():
    """Why this machine cannot run container images; "" when it can."""
    for program in ("skopeo", "umoci", "docker-registry", "busybox"):
        if shutil.which(program) is None:
            return program + " is not installed"
    if "overlay" not in pathlib.Path("/proc/filesystems").read_text() and subprocess.run(["modprobe", "overlay"]).returncode != 0:
        return "this kernel has no overlayfs"
    if pathlib.Path("/proc/sys/user/max_user_namespaces").read_text().strip() == "0":
        return "this machine allows no user namespaces"
    probe = subprocess.run(["unshare", "--user", "--mount", "true"], stderr=subprocess.PIPE)
    return "" if probe.returncode == 0 else "user namespaces: " + probe.stderr.decode()


# ---- layers ----

def entry(name, data=None, kind=None, target="", **attributes):
    """One member of a layer: a file with data, or what `kind` says."""
    member = tarfile.TarInfo(name)
    member.type = kind or tarfile.REGTYPE
    member.linkname = target
    member.mode = 0o755
    member.size = len(data) if data is not None else 0
    for key, value in attributes.items():
        setattr(member, key, value)
    return member, data


def folder(name, **attributes):
    return entry(name, kind=tarfile.DIRTYPE, **attributes)


def link(name, target):
    return entry(name, kind=tarfile.SYMTYPE, target=target)


def hard_link(name, target):
    return entry(name, kind=tarfile.LNKTYPE, target=target)


def layer(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member, data in entries:
            archive.addfile(member, io.BytesIO(data) if data is not None else None)
    return out.getvalue()


def base_layer():
    busybox = pathlib.Path(shutil.which("busybox")).read_bytes()
    return layer(folder("bin"), folder("etc"), folder("srv", uid=1000, gid=1001), entry("bin/busybox", busybox),
                 *[hard_link("bin/" + name, "bin/busybox") for name in APPLETS],
                 entry("etc/passwd", PASSWD, mode=0o644), entry("etc/group", GROUP, mode=0o644))


# ---- images ----

class Layout:
    """An OCI layout in a folder."""

    def __init__(self, path):
        self.path = path
        (path / "blobs" / "sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data, kind):
        digest = hashlib.sha256(data).hexdigest()
        (self.path / "blobs" / "sha256" / digest).write_bytes(data)
        return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(data)}

    def image(self, layers, architecture=ARCHITECTURE, **config):
        """Adds an image; returns its descriptor."""
        what = "application/vnd.oci.image."
        document = {"architecture": architecture, "os": "linux", "config": config,
                    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(l).hexdigest() for l in layers]}}
        manifest = {"schemaVersion": 2, "mediaType": what + "manifest.v1+json",
                    "config": self.blob(json.dumps(document).encode(), what + "config.v1+json"),
                    "layers": [self.blob(gzip.compress(l, 1, mtime=0), what + "layer.v1.tar+gzip") for l in layers]}
        return self.blob(json.dumps(manifest).encode(), what + "manifest.v1+json")

    def index(self, descriptors):
        """A list of images."""
        kind = "application/vnd.oci.image.index.v1+json"
        return self.blob(json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": descriptors}).encode(), kind)

    def name(self, descriptor, tag):
        named = dict(descriptor, annotations={"org.opencontainers.image.ref.name": tag})
        (self.path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))


# ---- registries ----

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Registry:
    def __init__(self, port=None, password=None):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="rl.registry."))
        self.port, self.password = port or free_port(), password
        self.host = "127.0.0.1:%d" % self.port
        self.log = self.root / "log"
        self.process, self.number = None, 0
        text = ("version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: '%s'}\n"
                % (self.root / "data", self.host))
        if password is not None:
            import crypt
            (self.root / "htpasswd").write_text("user:%s\n" % crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))
            text += "auth: {htpasswd: {realm: test, path: %s}}\n" % (self.root / "htpasswd")
        (self.root / "config.yml").write_text(text)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", str(self.root / "config.yml")], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        until("the registry answers", self._answers)
        return self

    def _answers(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return urllib.request.urlopen("http://%s/v2/" % self.host, timeout=5).status == 200
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False

    def push(self, name, layers, architecture=ARCHITECTURE, **config):
        """Makes an image and pushes it as `name`; returns (reference, digest)."""
        layout = Layout(self.root / ("layout.%d" % self.number))
        self.number += 1
        descriptor = layout.image(layers, architecture, **config)
        return self.send(layout, descriptor, name)

    def push_list(self, name, images):
        layout = Layout(self.root / ("layout.%d" % self.number))
        self.number += 1
        descriptors = [dict(layout.image(layers, architecture, **config), platform={"os": "linux", "architecture": architecture})
                       for architecture, layers, config in images]
        return self.send(layout, layout.index(descriptors), name, "--all")

    def send(self, layout, descriptor, name, *options):
        layout.name(descriptor, "x")
        tag = name if ":" in name else name + ":latest"
        credentials = ["--dest-creds", "user:" + self.password] if self.password is not None else []
        done = subprocess.run(["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", *options, *credentials,
                               "oci:%s:x" % layout.path, "docker://%s/%s" % (self.host, tag)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == 0, done.stderr
        return "%s/%s" % (self.host, name), descriptor["digest"]

    def blobs_sent(self):
        """How many blobs were asked for."""
        return len(re.findall(r'"GET /v2/[^ ]*/blobs/', self.log.read_text()))

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        shutil.rmtree(self.root, ignore_errors=True)


class Mute:
    """A registry that takes connections and never says a word."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(8)
        self.port = self.socket.getsockname()[1]
        self.host = "127.0.0.1:%d" % self.port

    def close(self):
        self.socket.close()


def programs(path):
    """Processes that execute the program at `path`."""
    found = []
    for number in os.listdir("/proc"):
        try:
            if number.isdigit() and os.readlink("/proc/%s/exe" % number) == path:
                found.append(int(number))
        except OSError:
            continue
    return found
