"""OpenStack Swift with its S3 interface, all of it in one process on loopback: a real object store for the stories.

    object_server.py FOLDER SECRET [PORT]

keeps everything in FOLDER (whose file system needs user extended attributes), listens on 127.0.0.1 and writes the port to FOLDER/port
when it answers. The one user is test:tester with that secret. It ends by SIGTERM.
"""
import array
import contextlib
import gzip
import os
import pickle
import sys

import eventlet

eventlet.monkey_patch()

from eventlet import wsgi  # noqa: E402
from swift.account import server as account_server  # noqa: E402
from swift.common import storage_policy, utils  # noqa: E402
from swift.common.http_protocol import SwiftHttpProtocol  # noqa: E402
from swift.common.middleware import bulk, catch_errors, gatekeeper, slo, tempauth  # noqa: E402
from swift.common.middleware.s3api import s3api  # noqa: E402
from swift.common.ring import RingData  # noqa: E402
from swift.container import server as container_server  # noqa: E402
from swift.obj import server as object_server  # noqa: E402
from swift.proxy import server as proxy_server  # noqa: E402

class Memory:
    """What memcached is to the middleware."""

    def __init__(self):
        self.values = {}

    def get(self, key, *_, **__):
        return self.values.get(key)

    def set(self, key, value, *_, **__):
        self.values[key] = value

    def incr(self, key, delta=1, *_, **__):
        self.values[key] = self.values.get(key, 0) + delta
        return self.values[key]

    def delete(self, key, *_, **__):
        self.values.pop(key, None)


class Cache:
    def __init__(self, application):
        self.application, self.memory = application, Memory()

    def __call__(self, environ, start_response):
        environ["swift.cache"] = self.memory
        return self.application(environ, start_response)


def write_ring(path, port):
    device = {"id": 0, "zone": 0, "region": 1, "device": "disk", "ip": "127.0.0.1", "port": port,
              "replication_ip": "127.0.0.1", "replication_port": port, "weight": 1.0}
    with contextlib.closing(gzip.GzipFile(path, "wb")) as file:
        pickle.dump(RingData([array.array("H", [0] * 4)], [device], 30), file, protocol=2)


def serve(socket, application):
    wsgi.server(socket, application, log_output=False, protocol=SwiftHttpProtocol)


def main(folder, secret, port=0):
    os.makedirs(os.path.join(folder, "devices", "disk", "tmp"), exist_ok=True)
    utils.HASH_PATH_SUFFIX = utils.HASH_PATH_PREFIX = b"runlet"
    storage_policy._POLICIES = storage_policy.StoragePolicyCollection([storage_policy.StoragePolicy(0, "one", True)])
    logger = utils.get_logger({"log_level": "ERROR"}, name="object-server", log_to_console=True)
    conf = {"swift_dir": folder, "devices": os.path.join(folder, "devices"), "mount_check": "false", "fallocate_reserve": "0",
            "disable_fallocate": "true", "account_autocreate": "true", "log_level": "ERROR"}
    for name, server in (("account", account_server.AccountController), ("container", container_server.ContainerController),
                         ("object", object_server.ObjectController)):
        socket = eventlet.listen(("127.0.0.1", 0))
        write_ring(os.path.join(folder, name + ".ring.gz"), socket.getsockname()[1])
        eventlet.spawn(serve, socket, server(conf, logger))
    application = proxy_server.Application(conf, logger=logger)
    for factory, options in ((slo.filter_factory, {}), (bulk.filter_factory, {}),
                             (tempauth.filter_factory, {"user_test_tester": secret + " .admin"}),
                             (s3api.filter_factory, {"location": "us-east-1"}), ):
        application = factory(conf, **options)(application)
    application = Cache(application)
    application = catch_errors.filter_factory(conf)(gatekeeper.filter_factory(conf)(application))
    socket = eventlet.listen(("127.0.0.1", port), reuse_port=False)
    with open(os.path.join(folder, "port.new"), "w") as file:
        file.write(str(socket.getsockname()[1]))
    os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
    serve(socket, application)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(a) for a in sys.argv[3:]))
