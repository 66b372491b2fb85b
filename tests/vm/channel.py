"""The two JSON conversations with a machine: QEMU's monitor (QMP) and the guest agent."""
import json
import random
import socket
import time


class Refused(Exception):
    """The other side answered with an error."""


class Channel:
    """Commands and answers, one JSON document a line, over a unix socket."""

    def __init__(self, path, patience=30.0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(patience)
        self.socket.connect(str(path))
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, command, arguments=None, prefix=b""):
        message = {"execute": command}
        if arguments:
            message["arguments"] = arguments
        self.socket.sendall(prefix + json.dumps(message).encode() + b"\n")

    def line(self):
        while b"\n" not in self.buffer:
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError("the machine closed the channel")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.lstrip(b"\xff")

    def call(self, command, **arguments):
        """The answer to a command; events that come before it are passed over."""
        self.send(command, arguments)
        while True:
            line = self.line()
            answer = json.loads(line) if line.strip() else {}
            if "error" in answer:
                raise Refused(answer["error"].get("desc", answer["error"]))
            if "return" in answer:
                return answer["return"]


def monitor(path):
    channel = Channel(path)
    channel.line()
    channel.call("qmp_capabilities")
    return channel


def guest_agent(path, patience=60.0):
    """A channel on which the agent is known to listen: whatever a former conversation left half read is passed over."""
    end = time.monotonic() + patience
    while True:
        mark = random.randrange(1 << 31)
        try:
            channel = Channel(path, patience=2.0)
            try:
                channel.send("guest-sync-delimited", {"id": mark}, prefix=b"\xff")
                while not _is_answer(channel.line(), mark):
                    pass
                channel.socket.settimeout(30.0)
                return channel
            except BaseException:
                channel.socket.close()
                raise
        except (OSError, EOFError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def _is_answer(line, mark):
    try:
        return json.loads(line).get("return") == mark
    except ValueError:
        return False
