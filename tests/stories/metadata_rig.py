"""Instance metadata services, as their providers document them: who must say what to be answered, and what is answered.

Oracle: version 2 wants "Authorization: Bearer Oracle". Amazon: a token by PUT with a time to live, then the token in each request; 401
without it. Google: "Metadata-Flavor: Google" or 403; wait_for_change holds a request until the value is another than last_etag's.
Microsoft: "Metadata: true" or 400."""
import hashlib
import http.server
import json
import threading
import time
import urllib.parse

INSTANCES = {
    "oci": ("/opc/v2/instance/", {"id": "ocid1.instance.oc1.iad.abc", "shape": "VM.GPU.A10.1", "region": "iad",
                                  "canonicalRegionName": "us-ashburn-1", "metadata": {"user_data": "c2VjcmV0"}}),
    "aws": ("/latest/dynamic/instance-identity/document", {"instanceId": "i-0abc", "instanceType": "g5.xlarge", "region": "eu-west-1"}),
    "gcp": ("/computeMetadata/v1/instance/", {"id": 4520031799277581759, "name": "w", "zone": "projects/1/zones/us-east1-b",
                                              "machineType": "projects/1/machineTypes/a2-highgpu-1g"}),
    "azure": ("/metadata/instance/compute", {"vmId": "02aab8a4-74ef", "vmSize": "Standard_NC6", "location": "westeurope", "name": "worker-3"}),
}


class Metadata:
    """A service on a port of its own. `values` maps paths to bodies; what is missing is answered with 404."""

    def __init__(self, provider):
        self.provider, self.values, self.asked, self.down = provider, {}, [], False
        self.tokens, self.token_life = [], True
        self.changed = threading.Condition()
        path, instance = INSTANCES[provider]
        self.values[path] = json.dumps(instance)
        if provider == "gcp":
            self.values["/computeMetadata/v1/instance/preempted"] = "FALSE"
            self.values["/computeMetadata/v1/instance/maintenance-event"] = "NONE"
        if provider == "azure":
            self.values["/metadata/scheduledevents"] = json.dumps({"DocumentIncarnation": 1, "Events": []})
        handler = type("Handler", (_Handler,), {"service": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.endpoint = "http://127.0.0.1:%d" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def put(self, path, value):
        with self.changed:
            self.values[path] = value if isinstance(value, str) else json.dumps(value)
            self.changed.notify_all()

    def forget_tokens(self):
        self.tokens.clear()

    def close(self):
        with self.changed:
            self.down = True
            self.changed.notify_all()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def etag(self, path):
        return hashlib.sha256(self.values.get(path, "").encode()).hexdigest()[:16]

    def wait(self, path, query):
        """Google's: until the value is another, or the time is over."""
        until = time.monotonic() + float(query.get("timeout_sec", ["60"])[0])
        with self.changed:
            while not self.down and self.etag(path) == query.get("last_etag", [self.etag(path)])[0] and time.monotonic() < until:
                self.changed.wait(0.2)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body="", etag=None):
        data = body.encode()
        self.send_response(status)
        if etag:
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refused(self):
        """The status that a request without what its provider demands gets; None when it has it."""
        get = self.headers.get
        if self.service.provider == "oci" and get("Authorization") != "Bearer Oracle":
            return 401
        if self.service.provider == "aws" and get("X-aws-ec2-metadata-token") not in self.service.tokens:
            return 401
        if self.service.provider == "gcp" and get("Metadata-Flavor") != "Google":
            return 403
        if self.service.provider == "azure" and get("Metadata") != "true":
            return 400
        return None

    def do_PUT(self):
        self.service.asked.append("PUT " + self.path)
        life = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if self.service.provider != "aws" or self.path != "/latest/api/token" or not life.isdigit() or not 1 <= int(life) <= 21600:
            self.answer(400)
            return
        self.service.tokens.append("token-%d==" % len(self.service.asked))
        self.answer(200, self.service.tokens[-1])

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        self.service.asked.append("GET " + self.path)
        refused = self.refused()
        if self.service.down or refused:
            self.answer(refused or 503)
            return
        if self.service.provider == "azure" and "api-version" not in query:
            self.answer(400)
            return
        if self.service.provider == "gcp" and query.get("wait_for_change") == ["true"]:
            self.service.wait(url.path, query)
        value = self.service.values.get(url.path)
        self.answer(404 if value is None else 200, value or "<html>Not Found</html>", self.service.etag(url.path))
