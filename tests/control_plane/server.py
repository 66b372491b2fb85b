#!/usr/bin/env python3
"""A control plane for tests and laptops: it keeps everything in memory, and is no product.

    python3 tests/control_plane/server.py --port 8080 [--submit assignment.json ...]

Every request is held against the contract, and so is every answer. By hand, /admin/runs takes assignments (POST) and shows what
became of them (GET), and /admin/nodes/NODE/directives takes directives (POST)."""
import argparse
import email.utils
import json
import pathlib
import socket
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import faults as wrong  # noqa: E402
from contract import Breach, Contract  # noqa: E402
from ledger import Ledger, Refusal  # noqa: E402


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120

    def log_message(self, *args):
        if self.server.rig.verbose:
            super().log_message(*args)

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate((timestamp or time.time()) + self.server.rig.skew, usegmt=True)

    # ---- answers ----

    def send(self, status, headers, body, cut=False):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if cut:
            body = body[:len(body) // 2]
            self.close_connection = True
        if status not in (204, 304):
            self.wfile.write(body)
        self.wfile.flush()

    def gone(self):
        """Whether whoever asked has hung up: only then can its connection be read."""
        try:
            self.connection.settimeout(0)
            return self.connection.recv(1, socket.MSG_PEEK) == b"" if not isinstance(self.connection, ssl.SSLSocket) else False
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        finally:
            self.connection.settimeout(self.timeout)

    # ---- a request ----

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, ssl.SSLError, ValueError, OSError):
            self.close_connection = True

    def serve(self):
        rig = self.server.rig
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if rig.closing:
            self.close_connection = True
            return
        if url.path.startswith("/admin/"):
            self.admin(url.path, body)
            return
        operation, path = rig.contract.find(self.command, urllib.parse.unquote(url.path))
        if operation is None:
            rig.problem("nothing at %s %s" % (self.command, self.path))
            self.send(405 if path else 404, *error_body("NotAuthorizedOrNotFound", "nothing is here"))
            return
        fault = rig.faults.take(operation.id)
        self.carry_out(operation, path, url, body, fault or wrong.Fault(operation.id))

    do_GET = do_PUT = do_POST = do_DELETE = serve

    def carry_out(self, operation, path, url, body, fault):
        rig = self.server.rig
        rig.note(operation.id, path, self.headers)
        if fault.delay:
            time.sleep(fault.delay)
        if fault.before:
            fault.before()
        if fault.reset == "before":
            wrong.reset(self.connection)
            self.close_connection = True
            return
        if fault.answer is not None:
            self.send(*fault.answer)
            return
        status, headers, data = rig.answer(operation, path, url, self, body)
        if fault.body is not None and status == 200:
            data = fault.body
        if fault.after:
            fault.after()
        if fault.reset == "after":
            wrong.reset(self.connection)
            self.close_connection = True
            return
        self.send(status, headers, data, fault.cut)

    # ---- by hand ----

    def admin(self, path, body):
        ledger = self.server.rig.ledger
        words = path.split("/")[2:]
        if words == ["runs"] and self.command == "POST":
            run = ledger.submit(json.loads(body))
            self.send(*json_answer(201, {"id": run.id}))
        elif words == ["runs"]:
            self.send(*json_answer(200, {"runs": json.loads(ledger.describe()), "nodes": ledger.nodes}))
        elif words[:1] == ["nodes"] and words[2:] == ["directives"] and self.command == "POST":
            ledger.want(words[1], **json.loads(body))
            self.send(*json_answer(201, {}))
        else:
            self.send(404, *error_body("NotAuthorizedOrNotFound", "nothing is here"))


def error_body(code, message):
    return {"Content-Type": "application/json"}, json.dumps({"code": code, "message": message}).encode()


def json_answer(status, value):
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


class ControlPlane:
    """The server. `problems` is what broke the contract, on either side; check: what is asked of each request besides, given
    (handler, body): None, or why it is refused."""

    def __init__(self, host="127.0.0.1", port=0, tls=None, token=None, check=None, ledger=None, verbose=False):
        self.contract, self.faults = Contract(), wrong.Faults()
        self.ledger = ledger or Ledger()
        self.token, self.check, self.verbose = token, check, verbose
        self.skew, self.closing = 0, False
        self.problems, self.calls, self.lock = [], [], threading.Lock()
        self.host, self.port, self.tls, self.http = host, port, tls, None
        self.open()

    def open(self):
        """Serves; again after close, at the same port, with what it knew."""
        handler = type("BoundHandler", (Handler,), {})
        server = type("BoundServer", (ThreadingHTTPServer,), {"daemon_threads": True, "request_queue_size": 128, "block_on_close": False,
                                                              "handle_error": lambda *_: None})
        self.closing = False
        self.http = server((self.host, self.port), handler)
        self.http.rig = self
        if self.tls is not None:
            self.http.socket = self.tls.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.http.server_address[1]
        self.url = "http%s://%s:%d" % ("s" if self.tls else "", self.host, self.port)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def close(self):
        self.closing = True
        with self.ledger.changed:
            self.ledger.changed.notify_all()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(10)

    # ---- notes ----

    def problem(self, text):
        with self.lock:
            self.problems.append(text)
        if self.verbose:
            print("against the contract: " + text, file=sys.stderr)

    def note(self, operation, path, headers):
        with self.lock:
            self.calls.append((operation, path, dict(headers)))

    def count(self, operation):
        with self.lock:
            return sum(1 for c in self.calls if c[0] == operation)

    # ---- answering ----

    def authenticate(self, operation, handler, body):
        if operation.id != "bootstrap" and self.token is not None:
            given = handler.headers.get("Authorization", "")
            if given != "Bearer " + (self.token() if callable(self.token) else self.token):
                raise Refusal(401, "NotAuthenticated", "the token is not known")
        refused = self.check(handler, body) if self.check else None
        if refused:
            raise Refusal(401, "NotAuthenticated", refused)

    def answer(self, operation, path, url, handler, body):
        """(status, headers, bytes), held against the contract."""
        query = {k: v[-1] for k, v in urllib.parse.parse_qs(url.query, keep_blank_values=True).items()}
        headers = {}
        try:
            self.authenticate(operation, handler, body)
            value = self.contract.check_request(operation, path, query, handler.headers, body)
            status, headers, result = self.operate(operation.id, path, handler, value)
        except Refusal as e:
            status, result = e.status, {"code": e.code, "message": e.message}
        except Breach as e:
            self.problem(str(e))
            status, result = 400, {"code": "InvalidParameter", "message": str(e)}
        try:
            self.contract.check_answer(operation, status, headers, result)
        except Breach as e:
            self.problem("the server's own answer: " + str(e))
        if result is None:
            return status, headers, b""
        return status, dict({"Content-Type": "application/json"}, **headers), json.dumps(result).encode()

    def operate(self, name, path, handler, body):
        ledger = self.ledger
        wait = int((handler.headers.get("Prefer") or "wait=0").partition("=")[2])
        there = lambda: not self.closing and not handler.gone()  # noqa: E731
        if name == "bootstrap":
            return 200, {}, ledger.bootstrap(handler.headers["opc-retry-token"], body)
        if name == "registerNode":
            return 200, {}, ledger.register(path["nodeId"], body)
        if name == "getAssignment":
            found = ledger.assignment(path["nodeId"], wait, there)
            return (200, {}, found) if found is not None else (204, {}, None)
        if name == "getDirectives":
            found = ledger.wanted(path["nodeId"], handler.headers.get("If-None-Match"), wait, there)
            return (200, {"ETag": found[0]}, {"items": found[1]}) if found is not None else (304, {}, None)
        if name == "renewLease":
            return 200, {}, ledger.renew(path["runId"], body)
        if name == "reportStatus":
            ledger.status(path["runId"], handler.headers["opc-retry-token"], body)
            return 204, {}, None
        ledger.release(path["runId"], body)
        return 204, {}, None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--token", help="the bearer token that nodes must have")
    parser.add_argument("--cert", help="certificate of the server (PEM): https")
    parser.add_argument("--key", help="its private key")
    parser.add_argument("--client-ca", help="nodes need certificates that are signed by these")
    parser.add_argument("--bootstrap", help="a one-time token, which is exchanged for --token")
    parser.add_argument("--submit", nargs="*", default=[], metavar="FILE", help="assignments: JSON documents")
    options = parser.parse_args()
    tls = None
    if options.cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.cert, options.key)
        if options.client_ca:
            tls.load_verify_locations(options.client_ca)
            tls.verify_mode = ssl.CERT_REQUIRED
    server = ControlPlane(options.host, options.port, tls, options.token, verbose=True)
    if options.bootstrap:
        server.ledger.tokens[options.bootstrap] = ("node", options.token or "none")
    for path in options.submit:
        documents = json.loads(pathlib.Path(path).read_text())
        for key in ("epoch", "attempt", "lease"):
            documents.pop(key, None)
        server.ledger.submit(documents)
    print("a control plane at %s" % server.url, flush=True)
    try:
        server.thread.join()
    except KeyboardInterrupt:
        server.close()


if __name__ == "__main__":
    main()
