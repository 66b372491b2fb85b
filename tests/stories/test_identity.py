"""Who a node is: by its configuration, by its cloud's instance metadata service, or by its host name."""
import json
import os
import pathlib

import pytest

from metadata_rig import Metadata
from node_rig import ROOT, Node, until

pytestmark = pytest.mark.skipif(not ROOT, reason="needs root")


@pytest.fixture
def node(bin_dir):
    node = Node(bin_dir)
    yield node
    node.close()


@pytest.fixture
def service(request):
    service = Metadata(request.param)
    yield service
    service.close()


def cloud(service, more=""):
    return "cloud:\n  provider: %s\n  endpoint: %s\n%s" % (service.provider, service.endpoint, more)


def test_the_configuration_says_who_the_node_is(node):
    node.start()
    assert node.shown()["id"] == os.uname().nodename and node.shown()["labels"] == [] and "pool" not in node.shown()
    node.stop()
    node.configure(extra="node:\n  id: gpu-7\n  pool: training\n  shape: BM.GPU4.8\n  labels: rack=b12 zone=a/1\n")
    node.start()
    state = node.shown()
    assert (state["id"], state["pool"], state["shape"]) == ("gpu-7", "training", "BM.GPU4.8")
    assert state["labels"] == ["rack=b12", "zone=a/1"]
    assert node.runlet("status", check=0).stdout.splitlines()[1] == "node gpu-7: takes runs"


@pytest.mark.parametrize("service,who", [
    ("oci", ("ocid1.instance.oc1.iad.abc", "VM.GPU.A10.1", "region=us-ashburn-1")),
    ("aws", ("i-0abc", "g5.xlarge", "region=eu-west-1")),
    ("gcp", ("4520031799277581759", "a2-highgpu-1g", "region=us-east1")),
    ("azure", ("02aab8a4-74ef", "Standard_NC6", "region=westeurope")),
], indirect=["service"])
def test_the_cloud_says_who_the_node_is(node, service, who):
    node.configure(extra=cloud(service))
    # A proxy is no way to a metadata service.
    os.environ["http_proxy"] = "http://127.0.0.1:1"
    try:
        node.start()
    finally:
        del os.environ["http_proxy"]
    assert (node.shown()["id"], node.shown()["shape"], node.shown()["labels"][0]) == who
    identity = json.loads((node.state / "agent" / ".instance").read_text())
    assert identity["boot"] == pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    # It is remembered in this boot, and what the configuration says comes before it.
    node.stop()
    service.down = True
    node.configure(extra=cloud(service, "node:\n  shape: Other.1\n  labels: region=mine\n"))
    node.start()
    assert (node.shown()["id"], node.shown()["shape"], node.shown()["labels"]) == (who[0], "Other.1", ["region=mine"])
    assert "c2VjcmV0" not in node.tail()


@pytest.mark.parametrize("service", ["aws"], indirect=True)
def test_a_node_without_a_name_does_not_start_and_says_so(node, service):
    service.down = True
    node.configure(extra=cloud(service))
    node.start(wait=False)
    assert node.daemon.wait(60) == 1
    assert "instance metadata service of 'aws' does not say who this is: status 503" in node.tail()
    service.down = False
    service.put("/latest/dynamic/instance-identity/document", '{"instanceId": "i-0abc", "instanceType": ')
    node.start(wait=False)
    assert node.daemon.wait(60) == 1
    assert "does not say who this is: 1:41: error: not valid JSON" in node.tail(), node.tail()
    # With a name of its own it can do without.
    node.configure(extra=cloud(service, "node:\n  id: mine\n"))
    node.start()
    assert node.shown()["id"] == "mine" and "shape" not in node.shown()
    until("it takes runs", lambda: node.shown()["notReady"] == "")
