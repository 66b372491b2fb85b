"""Storage of a job in a container image: its home on a volume, and a bucket where the image has nothing."""
import json
import os

import pytest

from node_rig import can_make_disks
from test_images import registry  # noqa: F401 (a fixture)
from test_objects import ObjectNode, bucket, store  # noqa: F401 (fixtures)

SCRIPT = """
id -u
echo kept > $HOME/mine
stat -c '%u %F' $HOME /mnt/data/deep
echo out > /mnt/data/deep/new
cat /mnt/data/deep/old
df -P $HOME | tail -1 | grep -c loop
touch /mnt/beside && echo writable
"""


@pytest.mark.skipif(os.geteuid() != 0 or not can_make_disks(), reason="needs root and loop devices")
@pytest.mark.parametrize("user", ["app", "0"])
def test_a_volume_and_a_bucket(bin_dir, registry, store, bucket, user):  # noqa: F811
    node = ObjectNode(bin_dir)
    try:
        node.configure(extra="images: {insecureRegistries: '%s'}\nvolume: {kind: image, size: 64M}\n"
                             "objects: {endpoint: 'http://127.0.0.1:%d', credentials: %s, timeout: 30s}\n" % (registry.host, store.port, store.key))
        store.put(bucket + "/old", b"was there\n")
        image, _ = registry.push("stored-%s:1" % user, [registry.base], User=user)
        job = node.write("job.yaml", json.dumps({"kind": "job", "spec": {
            "infrastructure": {"kind": "infrastructure", "type": "dataScienceJob", "spec": {
                "storageMount": [{"src": "oci://%s@any" % bucket, "dest": "/mnt/data/deep"}]}},
            "runtime": {"kind": "runtime", "type": "container", "spec": {
                "image": image, "entrypoint": ["/bin/sh", "-c"], "cmd": [SCRIPT]}}}}))
        done = node.run("-q", job)
        uid = "1000" if user == "app" else "0"
        expected = [uid, uid + " directory", uid + " directory", "was there", "1"] + (["writable"] if user == "0" else [])
        assert done.status == (0 if user == "0" else 1) and done.text.splitlines() == expected, done
        assert store.names(bucket) == ["new", "old"] and store.read(bucket + "/new") == b"out\n"
        node.assert_nothing_left(done.id)
        node.leftovers()
    finally:
        node.close()
