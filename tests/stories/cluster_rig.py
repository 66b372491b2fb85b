"""An etcd cluster and the machines around it: each in a network namespace of its own, joined by a bridge in one more. Nothing of it
is in the machine's own network, so clusters of tests side by side have the same addresses and do not meet.

A namespace lives as long as the process that holds it, which ends when this program does. A machine is cut off by taking its port at
the bridge down: packets of open connections are lost without a word, as with a cable that was pulled.
"""
import base64
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from node_rig import PATIENCE, until
from run_rig import RunNode

CLIENT_PORT, PEER_PORT = 2379, 2380


def _run(*command, timeout=PATIENCE, **how):
    how = dict({"stdin": subprocess.DEVNULL} if "input" not in how else {}, **how)
    return subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout, **how)


def _must(*command, **how):
    done = _run(*command, **how)
    assert done.returncode == 0, (command, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


@functools.cache
def why_no_cluster():
    """Why this machine cannot have a cluster, or None."""
    if os.geteuid() != 0:
        return "needs root: network namespaces are made"
    for program in ("etcd", "etcdctl", "ip", "unshare", "nsenter"):
        if shutil.which(program) is None:
            return "needs the program %s" % program
    done = _run("unshare", "--net", "sh", "-c", "ip link add name switch type bridge && ip link add name port1 type veth peer name eth0")
    return None if done.returncode == 0 else "no network namespaces with a bridge can be made here: %s" % done.stderr.strip()


class Network:
    """The bridge, and whoever is joined to it."""

    def __init__(self):
        self.hosts, self.holders = [], []
        self.pid = self._namespace()
        self.inside("ip", "link", "add", "name", "switch", "type", "bridge")
        self.inside("ip", "link", "set", "switch", "up")

    def _namespace(self):
        mine = os.readlink("/proc/self/ns/net")
        holder = subprocess.Popen(["unshare", "--net", "--uts", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.holders.append(holder)
        # It holds its own from the moment at which it is cat.
        until("a network namespace is made", lambda: holder.poll() is not None or
              (os.readlink("/proc/%d/ns/net" % holder.pid) != mine and
               pathlib.Path("/proc/%d/comm" % holder.pid).read_text() == "cat\n"))
        assert holder.poll() is None, "unshare failed"
        return holder.pid

    def inside(self, *command):
        return _must("nsenter", "--net=/proc/%d/ns/net" % self.pid, *command)

    def host(self, name):
        number = len(self.hosts) + 1
        host = Host(self, name, number, self._namespace())
        self.hosts.append(host)
        return host

    def close(self):
        for holder in self.holders:
            holder.stdin.close()
        for holder in self.holders:
            holder.wait(PATIENCE)


class Host:
    """A machine of the network: the words before a command that execute it there, and its cable."""

    def __init__(self, network, name, number, pid):
        self.network, self.name, self.port = network, name, "port%d" % number
        self.address = "10.77.%d.%d" % (number // 250, number % 250 + 1)
        self.prefix = ["nsenter", "--net=/proc/%d/ns/net" % pid, "--uts=/proc/%d/ns/uts" % pid]
        self.cut = False
        _must(*self.prefix, "hostname", name)
        network.inside("ip", "link", "add", self.port, "type", "veth", "peer", "name", "eth0", "netns", pid)
        network.inside("ip", "link", "set", self.port, "master", "switch", "up")
        for words in (["link", "set", "lo", "up"], ["addr", "add", self.address + "/16", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            _must(*self.prefix, "ip", *words)

    def partition(self):
        self.network.inside("ip", "link", "set", self.port, "down")
        self.cut = True

    def heal(self):
        self.network.inside("ip", "link", "set", self.port, "up")
        self.cut = False

    def run(self, *command, **how):
        return _run(*self.prefix, *command, **how)


class Member:
    """One etcd of the cluster. What it has written stays when it is killed."""

    def __init__(self, cluster, host):
        self.cluster, self.host, self.name = cluster, host, host.name
        self.data, self.log = cluster.root / host.name, cluster.root / (host.name + ".log")
        self.url = "http://%s:%d" % (host.address, CLIENT_PORT)
        self.peer = "http://%s:%d" % (host.address, PEER_PORT)
        self.process = None

    def start(self):
        command = ["etcd", "--name", self.name, "--data-dir", self.data, "--listen-client-urls", self.url + ",http://127.0.0.1:2379",
                   "--advertise-client-urls", self.url, "--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer,
                   "--initial-cluster", ",".join("%s=%s" % (m.name, m.peer) for m in self.cluster.members),
                   "--initial-cluster-token", self.cluster.root.name, "--log-level", "warn", "--logger", "zap"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.host.prefix + [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.cluster.root)

    def end(self, how=signal.SIGKILL):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
        if self.process is not None:
            self.process.wait(PATIENCE)

    def healthy(self):
        """Whether it answers with the consent of a majority."""
        return self.host.run("etcdctl", "--endpoints", "http://127.0.0.1:2379", "--command-timeout", "2s", "endpoint",
                             "health").returncode == 0

    def leads(self):
        done = self.host.run("etcdctl", "--endpoints", "http://127.0.0.1:2379", "--command-timeout", "2s", "-w", "json", "endpoint",
                             "status")
        if done.returncode != 0:
            return False
        status = json.loads(done.stdout)[0]["Status"]
        return status.get("leader", 0) == status["header"]["member_id"]

    def tail(self):
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""


class Cluster:
    """Members, machines for agents, and one from which people work."""

    def __init__(self, members=3):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="rl-etcd."))
        self.root.chmod(0o755)
        self.network, self.members, self.nodes = None, [], []
        try:
            self.network = Network()
            self.members = [Member(self, self.network.host("member%d" % i)) for i in range(1, members + 1)]
            self.operator = self.network.host("operator")
            for member in self.members:
                member.start()
            self.await_healthy()
        except BaseException:
            self.close()
            raise

    @property
    def endpoints(self):
        return [m.url for m in self.members]

    def await_healthy(self, members=None):
        for member in members or self.members:
            until("%s serves: %s" % (member.name, member.tail()), member.healthy, pause=0.1)

    def leader(self):
        return until("the cluster has a leader", lambda: [m for m in self.members if m.leads()], pause=0.1)[0]

    def _etcdctl(self, *words, text=""):
        return self.operator.run("etcdctl", "--endpoints", ",".join(self.endpoints), "--command-timeout", "5s", *words, input=text)

    def refuses(self, *words):
        """Whether a request fails that is made once."""
        return self._etcdctl(*words).returncode != 0

    def etcdctl(self, *words, text=""):
        """Its output, given the text on standard input; of the first time that it succeeds: a request that changes something fails while there is no leader."""
        def once():
            done = self._etcdctl(*words, text=text)
            said.append(done.stderr[-500:])
            return done if done.returncode == 0 else None

        said = []
        return until("etcdctl %s: %s" % (" ".join(words), said), once, pause=0.2).stdout

    def keys(self, prefix):
        """{key: value as text} of everything below the prefix."""
        found = json.loads(self.etcdctl("get", "--prefix", prefix, "-w", "json")).get("kvs", [])
        return {base64.b64decode(kv["key"]).decode(): base64.b64decode(kv.get("value", "")).decode() for kv in found}

    def node(self, bin_dir, name, concurrency=1, extra="", prefix="/runlet"):
        """A machine with an agent that takes runs from this cluster; not started yet. extra: further lines of its configuration's
        block of etcd."""
        node = HostedNode(bin_dir, self, self.network.host(name), concurrency, extra, prefix)
        self.nodes.append(node)
        return node

    def desk(self, bin_dir, prefix="/runlet"):
        """The machine from which people work, with the command line and a configuration; runletd is not started there."""
        desk = HostedNode(bin_dir, self, self.operator, 1, "", prefix)
        self.nodes.append(desk)
        return desk

    def close(self):
        for node in self.nodes:
            node.close()
        for member in self.members:
            member.end()
        if self.network is not None:
            self.network.close()
        shutil.rmtree(self.root, ignore_errors=True)


class HostedNode(RunNode):
    """A node whose programs execute on a host of the cluster's network."""

    def __init__(self, bin_dir, cluster, host, concurrency, extra, prefix_of_keys):
        self.host, self.name, self.prefix_of_keys = host, host.name, prefix_of_keys
        super().__init__(bin_dir, concurrency=concurrency, extra="etcd:\n  endpoints: %s\n  prefix: %s\n%s" % (
            ",".join(cluster.endpoints), prefix_of_keys, extra))
        self.prefix = host.prefix
