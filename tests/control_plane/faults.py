"""What goes wrong between a node and its control plane, one request at a time."""
import socket
import struct
import threading

DEEP = b"[" * 100000
HUGE = b'{"items": [' + b" " * (3 << 20) + b"]}"


class Fault:
    """Happens to the next `times` requests for the operation, after the first `skip`.

    delay: seconds before anything is done
    before, after: called before (after) the request is carried out
    answer: (status, headers, bytes) instead of the server's own; the request is not carried out
    body: bytes instead of those of the server's own answer
    cut: the connection ends after half of the answer's body
    reset: "before" or "after" the request is carried out, the connection is reset instead of an answer
    """

    def __init__(self, operation, times=1, skip=0, delay=0, before=None, after=None, answer=None, body=None, cut=False, reset=None):
        self.operation, self.times, self.skip, self.happened = operation, times, skip, 0
        self.delay, self.before, self.after = delay, before, after
        self.answer, self.body, self.cut, self.reset = answer, body, cut, reset


def error(status, code, headers=None):
    body = b'{"code": "%s", "message": "as the test wants it"}' % code.encode()
    return status, dict({"Content-Type": "application/json"}, **(headers or {})), body


# One of each kind, by name: what the matrix goes through. None of them changes what a run's end is.
KINDS = {
    "latency": {"delay": 0.3},
    "500": {"answer": error(500, "InternalServerError")},
    "503-proxy": {"answer": (503, {"Content-Type": "text/html"}, b"<html>no backend</html>")},
    "404-proxy": {"answer": (404, {"Content-Type": "text/html"}, b"<html>not here</html>")},
    "429": {"answer": error(429, "TooManyRequests", {"Retry-After": "1"})},
    "409-later": {"answer": error(409, "IncorrectState")},
    "401": {"answer": error(401, "NotAuthenticated")},
    "403": {"answer": error(403, "NotAuthorized")},
    "cut": {"cut": True},
    "malformed": {"body": b'{"seconds": 60, "items": [}'},
    "no-json": {"body": b"\x00\xff\xfe what"},
    "wrong-types": {"body": b'{"seconds": {}, "heartbeatSeconds": "soon", "items": {"a": 1}, "jobRun": 7, "epoch": [], "code": 1}'},
    "out-of-range": {"body": b'{"seconds": 0, "heartbeatSeconds": -1, "items": [{"id": "", "kind": "cancel"}], '
                             b'"jobRun": {"id": "../../x"}, "epoch": 99999999999999999999}'},
    "deep": {"body": DEEP},
    "huge": {"body": HUGE},
    "empty": {"body": b""},
    "reset-before": {"reset": "before"},
    "reset-after": {"reset": "after"},
}


class Faults:
    """Those that are still to happen. Safe from any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.waiting = []

    def add(self, operation, **how):
        fault = Fault(operation, **how)
        with self.lock:
            self.waiting.append(fault)
        return fault

    def take(self, operation):
        """The fault of this request, or None."""
        with self.lock:
            for fault in self.waiting:
                if fault.operation != operation or fault.times == 0:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                fault.happened += 1
                return fault
        return None


def reset(connection):
    """The peer gets a reset, not an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
