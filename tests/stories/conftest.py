"""What all stories share: where the built programs are, and a node of one's own."""
import os
import pathlib

import pytest

import run_rig


@pytest.fixture(scope="session")
def bin_dir():
    """The folder of the programs under test: RUNLET_BIN_DIR, else the dev preset's."""
    root = pathlib.Path(__file__).resolve().parents[2]
    path = pathlib.Path(os.environ.get("RUNLET_BIN_DIR", root / "build" / "dev" / "bin")).resolve()
    if not path.is_dir():
        pytest.fail("no programs in %s: build first, or set RUNLET_BIN_DIR" % path)
    return path


@pytest.fixture
def node(bin_dir):
    """A node with folders and a configuration of its own; running jobs needs root."""
    if os.geteuid() != 0:
        pytest.skip("needs root: runs are contained by namespaces and other users")
    node = run_rig.RunNode(bin_dir)
    yield node
    node.close()
