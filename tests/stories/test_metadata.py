"""The instance's metadata service is out of a job's reach. Nothing here sends a packet to one: what is blocked fails at
once, and what is not is asked with connect(2) on UDP, which sends nothing."""
import json
import os

import pytest

from run_rig import RunNode

TRY = r"""
import errno, json, socket
ADDRESSES = {"169.254.169.254": socket.AF_INET, "::ffff:169.254.169.254": socket.AF_INET6, "fd00:c1::a9fe:a9fe": socket.AF_INET6,
             "fd00:ec2::254": socket.AF_INET6, "127.0.0.1": socket.AF_INET, "::ffff:127.0.0.1": socket.AF_INET6, "169.254.169.253": socket.AF_INET}
def attempt(how):
    try:
        how()
        return "OK"
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))
found = {}
for address, family in ADDRESSES.items():
    udp = socket.socket(family, socket.SOCK_DGRAM)
    found[address] = [attempt(lambda: udp.connect((address, 9)))]
    if found[address] == ["EPERM"]:
        tcp = socket.socket(family, socket.SOCK_STREAM)
        tcp.settimeout(5)
        found[address].append(attempt(lambda: tcp.connect((address, 80))))
        found[address].append(attempt(lambda: socket.socket(family, socket.SOCK_DGRAM).sendto(b"x", (address, 9))))
# Clouds have their resolver at the same address.
found["resolver"] = attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("169.254.169.254", 53)))
found["mptcp"] = attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262))
print(json.dumps(found))
"""
BLOCKED = ["EPERM", "EPERM", "EPERM"]


def test_no_way_leads_there(node):
    done = node.python(TRY)
    assert done.status == 0, done
    found = json.loads(done.text)
    for address in ("169.254.169.254", "::ffff:169.254.169.254"):
        assert found[address] == BLOCKED, found
    for address in ("fd00:c1::a9fe:a9fe", "fd00:ec2::254"):
        assert found[address][0] in ("EPERM", "ENETUNREACH"), found
    assert found["resolver"] in ("OK", "ENETUNREACH") and found["mptcp"] == "EPERM", found
    for address in ("127.0.0.1", "169.254.169.253"):
        assert found[address] in (["OK"], ["ENETUNREACH"]), found
    assert "metadata" in node.call("why", done.id).text


def test_policy_can_open_it(bin_dir):
    if os.geteuid() != 0:
        pytest.skip("needs root: runs are contained by namespaces and other users")
    node = RunNode(bin_dir, extra="sandbox: {allowMetadata: true}\n")
    try:
        done = node.python(TRY.replace('== ["EPERM"]', '== ["never"]'))
        assert json.loads(done.text)["169.254.169.254"] in (["OK"], ["ENETUNREACH"]), done
    finally:
        node.close()
