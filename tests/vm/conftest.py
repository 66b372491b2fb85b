"""Machines for stories. `vm` is one of a story's own: runlet is installed, runletd not started. About a second each."""
import os
import pathlib
import shutil
import tempfile

import pytest

import machine
from vm import Vm


def pytest_collection_modifyitems(items):
    here = pathlib.Path(__file__).parent
    if os.environ.get("RUNLET_VM") == "1":
        return
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="stories in a virtual machine run with tests/run.sh --vm"))


@pytest.fixture(scope="session")
def release():
    """The folder of the release build."""
    return pathlib.Path(os.environ.get("RUNLET_RELEASE", machine.ROOT / "build" / "release"))


@pytest.fixture(scope="session")
def package(release):
    """The tar of an installed release build."""
    reason = machine.unable()
    if reason:
        pytest.skip(reason)
    if not (release / "bin" / "runletd").exists():
        pytest.fail("no release build in %s" % release)
    folder = tempfile.mkdtemp(prefix="vm.")
    yield machine.package(release, folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def installed(package):
    """(image, snapshot) of the machine with runlet installed."""
    image, base = machine.base_machine()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vm."))
    vm = Vm(folder / "vm", image, snapshot=base)
    try:
        vm.restore()
        machine.install(vm, package)
        snapshot = vm.save(folder / "installed")
    finally:
        vm.close()
    yield image, snapshot
    shutil.rmtree(folder)


@pytest.fixture
def vm(installed):
    image, snapshot = installed
    vm = Vm(tempfile.mkdtemp(prefix="vm."), image, snapshot=snapshot)
    try:
        vm.restore()
        yield vm
    finally:
        vm.close()
