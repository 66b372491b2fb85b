"""A server on loopback with the faults of real ones, and the checks that object storage makes of signatures."""
import base64
import datetime
import email.utils
import hashlib
import hmac
import re
import subprocess
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SKEW = 300


class Thing:
    """What a path serves: bytes, and how it misbehaves.

    break_after: bytes of each answer's body after which the connection ends; None: never
    breaks: how often it does that; None: always
    answers: a list of (status, headers, body) that come first, one a request
    ranges: whether Range is understood
    etag, md5, last_modified: as served; None: not said
    length: what Content-Length says, when not the truth; "none": nothing, the body ends with the connection; "chunked"
    hold: an event; the body stops at half until it is set
    """

    def __init__(self, data, **how):
        self.data = data
        self.break_after = self.breaks = self.length = self.hold = None
        self.answers, self.ranges, self.headers = [], True, {}
        self.etag, self.md5, self.last_modified, self.check = '"v1"', None, None, None
        for key, value in how.items():
            assert hasattr(self, key), key
            setattr(self, key, value)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def error(self, status, headers=None, body=b""):
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def start_of(self, thing):
        """Where the body starts: Range, when its version is still the one."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not match or not thing.ranges:
            return 0
        wanted = self.headers.get("If-Range")
        if wanted is not None and wanted not in (thing.etag, thing.last_modified):
            return 0
        return int(match.group(1))

    def unchanged(self, thing):
        return (thing.etag and self.headers.get("If-None-Match") == thing.etag) or (
            thing.last_modified and self.headers.get("If-Modified-Since") == thing.last_modified)

    def do_GET(self):
        server = self.server.rig
        path = urllib.parse.unquote(self.path.split("?")[0])
        server.note(self.path, dict(self.headers))
        thing = server.things.get(path)
        if thing is None:
            self.error(404, {}, b'{"code":"NotAuthorizedOrNotFound","message":"x"}')
            return
        if thing.check is not None:
            problem = thing.check(self)
            if problem:
                server.problems.append(problem)
                self.error(401, {}, b'{"code":"NotAuthenticated","message":"x"}')
                return
        if thing.answers:
            status, headers, body = thing.answers.pop(0)
            if callable(status):
                status(thing)
            else:
                self.error(status, headers, body)
                return
        self.serve(thing)

    def serve(self, thing):
        start = self.start_of(thing)
        if self.unchanged(thing):
            self.send_response(304)
            self.send_header("ETag", thing.etag or "")
            self.end_headers()
            return
        if start >= len(thing.data) > 0:
            self.error(416, {"Content-Range": "bytes */%d" % len(thing.data)})
            return
        body = thing.data[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(thing.data) - 1, len(thing.data)))
        for key, value in (("ETag", thing.etag), ("Last-Modified", thing.last_modified)):
            if value is not None:
                self.send_header(key, value)
        if thing.md5 and not start:
            self.send_header("Content-MD5", thing.md5)
        for key, value in thing.headers.items():
            self.send_header(key, value)
        if thing.length == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        elif thing.length == "none":
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body) if thing.length is None else thing.length))
        self.end_headers()
        self.send_body(thing, body)

    def send_body(self, thing, body):
        cut = thing.break_after if thing.breaks is None or thing.breaks > 0 else None
        if thing.breaks:
            thing.breaks -= 1
        half = len(body) // 2
        try:
            if thing.length == "chunked":
                self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            elif cut is not None and cut < len(body):
                self.wfile.write(body[:cut])
                self.close_connection = True
            elif thing.hold is not None:
                self.wfile.write(body[:half])
                self.wfile.flush()
                thing.hold.wait(60)
                self.wfile.write(body[half:])
            else:
                self.wfile.write(body)
            self.close_connection = self.close_connection or thing.length not in (None, "chunked")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class Server:
    """`things` by path. `requests` are (target, headers) in their order."""

    def __init__(self, ssl_context=None):
        self.things, self.requests, self.problems, self.lock = {}, [], [], threading.Lock()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.rig = self
        if ssl_context is not None:
            self.http.socket = ssl_context.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        self.url = "http%s://127.0.0.1:%d" % ("s" if ssl_context else "", self.port)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def note(self, target, headers):
        with self.lock:
            self.requests.append((target, headers))

    def add(self, path, data, **how):
        thing = self.things[path] = Thing(data, **how)
        return thing

    def targets(self):
        with self.lock:
            return [target for target, _ in self.requests]

    def ranges(self):
        with self.lock:
            return [headers.get("Range") for _, headers in self.requests]

    def close(self):
        for thing in self.things.values():
            if thing.hold is not None:
                thing.hold.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(10)


def md5_header(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


# ---- what Object Storage checks of a request ----

class OciKey:
    """An API key, and a verifier that makes every check the service makes."""

    def __init__(self, folder):
        self.folder = folder
        self.tenancy, self.user, self.fingerprint = "ocid1.tenancy.oc1..aaaa", "ocid1.user.oc1..bbbb", "20:3b:97:13"
        self.private, self.public = folder / "oci.pem", folder / "oci.pub"
        subprocess.run(["openssl", "genrsa", "-out", str(self.private), "2048"], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["openssl", "rsa", "-in", str(self.private), "-pubout", "-out", str(self.public)], check=True,
                       stderr=subprocess.DEVNULL)
        self.private.chmod(0o644)
        self.config = folder / "oci.config"
        self.config.write_text("[DEFAULT]\nuser=%s\ntenancy=%s\nfingerprint=%s\nkey_file=oci.pem\nregion=eu-zurich-1\n"
                               % (self.user, self.tenancy, self.fingerprint))
        self.count = 0

    def check(self, request, body=None):
        """None, or what is wrong with the request. `body`: of one that may have one."""
        match = re.fullmatch(r"Signature (.*)", request.headers.get("Authorization", ""))
        if not match:
            return "no signature"
        parts = dict(re.findall(r'(\w+)="([^"]*)"', match.group(1)))
        if parts.get("version") != "1" or parts.get("algorithm") != "rsa-sha256":
            return "version or algorithm"
        if parts.get("keyId") != "%s/%s/%s" % (self.tenancy, self.user, self.fingerprint):
            return "key id"
        names = parts.get("headers", "").split()
        expected = ["(request-target)", "date", "host"]
        if request.command in ("POST", "PUT"):
            expected += ["content-length", "content-type", "x-content-sha256"]
            if request.headers.get("x-content-sha256") != base64.b64encode(hashlib.sha256(body or b"").digest()).decode():
                return "the body's digest"
        if sorted(names) != sorted(expected):
            return "signed headers: %s" % names
        date = email.utils.parsedate_to_datetime(request.headers["Date"])
        if abs((datetime.datetime.now(datetime.timezone.utc) - date).total_seconds()) > SKEW:
            return "date"
        values = {name: request.headers.get(name) for name in expected}
        values["(request-target)"] = request.command.lower() + " " + request.path
        text = "\n".join("%s: %s" % (name, values[name]) for name in names)
        return self.verify(text.encode(), base64.b64decode(parts["signature"]))

    def verify(self, text, signature):
        self.count += 1
        path = self.folder / ("signature.%d" % self.count)
        path.write_bytes(signature)
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", str(self.public), "-signature", str(path)], input=text,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return None if done.returncode == 0 else "the signature does not fit"


# ---- what S3 checks of a request (Signature Version 4, written from Amazon's description) ----

class S3Key:
    def __init__(self, key_id="AKIDEXAMPLE", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", region="eu-test-1"):
        self.key_id, self.secret, self.region = key_id, secret, region

    def credentials(self, folder):
        path = folder / "s3.credentials"
        path.write_text("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n" % (self.key_id, self.secret))
        return path

    def check(self, request):
        match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^,]+), *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})",
                             request.headers.get("Authorization", ""))
        if not match:
            return "no signature: %r" % request.headers.get("Authorization")
        scope, names, signature = match.groups()
        stamp = request.headers.get("X-Amz-Date", "")
        when = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ")
        if abs((datetime.datetime.utcnow() - when).total_seconds()) > SKEW:
            return "date"
        key_id, day, region, service, end = scope.split("/")
        if (key_id, day, region, service, end) != (self.key_id, stamp[:8], self.region, "s3", "aws4_request"):
            return "scope %s" % scope
        if "host" not in names.split(";") or "x-amz-date" not in names.split(";"):
            return "signed headers %s" % names
        path, _, query = request.path.partition("?")
        payload = request.headers.get("X-Amz-Content-Sha256", hashlib.sha256(b"").hexdigest())
        canonical = "\n".join(["GET", path, query] + ["%s:%s" % (n, request.headers[n].strip()) for n in names.split(";")]
                              + ["", names, payload])
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, "/".join(scope.split("/")[1:]),
                          hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secret).encode()
        for part in (day, region, service, end):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        good = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return None if hmac.compare_digest(good, signature) else "the signature does not fit"


