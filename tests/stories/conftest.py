"""What all stories share: where the built programs are."""
import os
import pathlib

import pytest


@pytest.fixture(scope="session")
def bin_dir():
    """The folder of the programs under test: RUNLET_BIN_DIR, else the dev preset's."""
    root = pathlib.Path(__file__).resolve().parents[2]
    path = pathlib.Path(os.environ.get("RUNLET_BIN_DIR", root / "build" / "dev" / "bin")).resolve()
    if not path.is_dir():
        pytest.fail("no programs in %s: build first, or set RUNLET_BIN_DIR" % path)
    return path
