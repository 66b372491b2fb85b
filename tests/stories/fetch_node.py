"""A node whose runs fetch what they need, and the server that they fetch it from: fixtures for stories."""
import hashlib
import json
import os
import pathlib

import pytest

from fetch_rig import Server
from run_rig import RunNode

HELLO = b"print('from afar')\n"
FAST = "fetch:\n  retryDelay: 5ms\n  stallTimeout: 1s\n%s"


class FetchNode(RunNode):
    def __init__(self, bin_dir, fetch="", extra="", **config):
        super().__init__(bin_dir, extra=FAST % fetch + extra, **config)

    def job(self, artifact=None, inputs=None, name="j.json", **more):
        block = dict(more)
        if artifact is not None:
            block["artifact"] = artifact if isinstance(artifact, dict) else {"uri": artifact}
        if inputs is not None:
            block["inputs"] = inputs
        return self.write(name, json.dumps({"displayName": "j", "projectId": "p", "compartmentId": "c", "x-runlet": block,
                                            "jobConfigurationDetails": {"jobType": "DEFAULT"}}))

    def fetch(self, *args, **how):
        return self.run("-q", self.job(*args, **how))

    def facts(self, run_id, event):
        return [f for f in self.journal(run_id) if f["event"] == event]

    def cached(self):
        return sorted(p.name for p in (self.state / "cache" / "objects").iterdir())

    def partial(self):
        return sorted(p.name for p in (self.state / "cache" / "partial").iterdir())

    def said_anywhere(self, secret):
        """Files of the node, but for the assignment, that hold the text."""
        found = []
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = pathlib.Path(folder) / name
                if name not in ("assignment.json", "j.json", "oci.pem") and path.is_file() and secret in path.read_bytes():
                    found.append(str(path))
        return found


@pytest.fixture
def server():
    s = Server()
    yield s
    s.close()


@pytest.fixture
def nodes(bin_dir):
    made = []

    def make(**how):
        made.append(FetchNode(bin_dir, **how))
        return made[-1]
    yield make
    for n in made:
        n.close()


@pytest.fixture
def node(nodes):
    return nodes()


def big(size=600_000):
    """A script of that many bytes that proves it is whole."""
    head = b"import hashlib,sys\nprint(hashlib.sha256(open(__file__,'rb').read()).hexdigest())\n#"
    return head + bytes(97 + (i * i) % 26 for i in range(size - len(head)))


def sha256(data):
    return hashlib.sha256(data).hexdigest()
