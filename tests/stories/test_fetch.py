"""Artifacts and inputs from elsewhere: a server with faults, signatures that are verified."""
import base64
import hashlib
import shutil
import ssl
import subprocess
import threading
import urllib.parse

import pytest

from fetch_node import FAST, HELLO, big, node, nodes, server, sha256  # noqa: F401 (fixtures)
from fetch_rig import OciKey, S3Key, Server, md5_header
from node_rig import ROOT

pytestmark = pytest.mark.skipif(not ROOT, reason="runlet run starts as root here")


# ---- the simple way ----

def test_an_artifact_at_a_url_is_run(node, server):
    server.add("/a/job.py", HELLO)
    outcome = node.fetch(server.url + "/a/job.py")
    assert (outcome.status, outcome.out) == (0, b"from afar\n"), outcome
    node.check_end(outcome, "SUCCEEDED", "exited", 0)
    done = node.facts(outcome.id, "fetch-done")[0]
    assert (done["name"], done["from"], done["bytes"], done["sha256"]) == ("job.py", "source", len(HELLO), sha256(HELLO)), done
    assert node.cached() == ["%s.%d" % (sha256(HELLO), len(HELLO))] and node.partial() == []


def test_inputs_are_placed_beside_the_code(node, server):
    zipped = node.work / "more.zip"
    (node.work / "in.txt").write_text("zipped")
    subprocess.run(["/usr/bin/python3", "-m", "zipfile", "-c", str(zipped), str(node.work / "in.txt")], check=True)
    server.add("/job.py", b"print(open('/home/datascience/data/x.txt').read(), open('/home/datascience/z/in.txt').read(),"
                          b"open('/home/datascience/inline').read())\n")
    server.add("/x.txt", b"data")
    server.add("/more.zip", zipped.read_bytes())
    outcome = node.fetch(server.url + "/job.py", inputs=[
        {"uri": server.url + "/x.txt", "into": "data"}, {"uri": server.url + "/more.zip", "into": "z", "unpack": True},
        {"content": base64.b64encode(b"inline").decode(), "name": "inline"}])
    assert (outcome.status, outcome.out) == (0, b"data zipped inline\n"), outcome
    node.check_end(outcome, "SUCCEEDED", "exited", 0)


def test_an_artifact_may_stand_in_the_document(node):
    content = base64.b64encode(HELLO).decode()
    outcome = node.fetch({"content": content, "name": "job.py", "sha256": sha256(HELLO)})
    assert (outcome.status, outcome.out) == (0, b"from afar\n"), outcome
    outcome = node.fetch({"content": content, "name": "job.py", "sha256": sha256(b"other")})
    assert outcome.status != 0 and sha256(HELLO) in outcome.words, outcome
    node.check_end(outcome, "FAILED", "artifact-fetch-failed", phases=["ACCEPTED", "PREPARING", "SHIPPING", "REPORTING", "FINISHED"])


def test_an_ads_job_names_its_script_by_a_url(node, server):
    server.add("/s/train.sh", b"echo sh $1\n")
    job = node.write("job.yaml", """kind: job
spec:
  name: far
  runtime:
    kind: runtime
    type: script
    spec:
      scriptPathURI: %s/s/train.sh
      args: [one]
""" % server.url)
    outcome = node.run("-q", job)
    assert (outcome.status, outcome.out) == (0, b"sh one\n"), outcome


def test_a_python_runtime_takes_an_archive_from_a_url(node, server):
    folder = node.work / "pkg"
    folder.mkdir()
    (folder / "main.py").write_text("print('in the archive')\n")
    shutil.make_archive(str(node.work / "pkg"), "zip", str(node.work), "pkg")
    server.add("/pkg.zip", (node.work / "pkg.zip").read_bytes())
    job = node.write("job.yaml", """kind: job
spec:
  runtime:
    kind: runtime
    type: python
    spec: {scriptPathURI: "%s/pkg.zip", entrypoint: pkg/main.py}
""" % server.url)
    outcome = node.run("-q", job)
    assert (outcome.status, outcome.out) == (0, b"in the archive\n"), outcome


# ---- what breaks is gone on with ----

def test_a_broken_transfer_goes_on_where_it_ended(node, server):
    data = big()
    server.add("/job.py", data, break_after=50_000, md5=md5_header(data))
    outcome = node.fetch(server.url + "/job.py")
    assert (outcome.status, outcome.text) == (0, sha256(data) + "\n"), outcome
    resumed = node.facts(outcome.id, "fetch-resumed")
    why = node.call("why", outcome.id).text
    assert why.count("fetch-resumed") == len(resumed) and "What was fetched" in why and "fetch-done" in why, why
    # More often than a transfer may fail that gets nowhere.
    assert len(resumed) > 8 and [f["offset"] for f in resumed] == sorted(f["offset"] for f in resumed), resumed
    assert server.ranges()[1:] == ["bytes=%d-" % f["offset"] for f in resumed]


def test_a_server_without_ranges_is_asked_for_all_again(node, server):
    data = big(100_000)
    server.add("/job.py", data, break_after=60_000, breaks=2, ranges=False)
    outcome = node.fetch(server.url + "/job.py")
    assert (outcome.status, outcome.text) == (0, sha256(data) + "\n"), outcome
    assert len(server.targets()) == 3


def test_an_object_that_changes_in_between_is_never_mixed(node, server):
    old, new = big(200_000), big(200_001)
    thing = server.add("/job.py", old, break_after=90_000, breaks=1)

    def change(thing):
        thing.data, thing.etag = new, '"v2"'
    thing.answers.append((lambda t: None, None, None))
    thing.answers.append((change, None, None))
    outcome = node.fetch(server.url + "/job.py")
    assert (outcome.status, outcome.text) == (0, sha256(new) + "\n"), outcome


def test_a_range_of_another_version_is_thrown_away(node, server):
    """The server ignores If-Range: it sends the rest of what is there now."""
    old, new = big(200_000), big(200_001)
    thing = server.add("/job.py", old, break_after=90_000, breaks=1)

    def change(thing):
        thing.data, thing.etag = new, '"v2"'
        thing.answers.append((206, {"Content-Range": "bytes 90000-200000/200001", "ETag": '"v2"'}, new[90_000:]))
    thing.answers += [(lambda t: None, None, None), (206, {"Content-Range": "bytes 90000-199999/200000", "ETag": '"v2"'},
                                                     new[90_000:200_000])]
    thing.data = old
    thing.answers.append((change, None, None))
    outcome = node.fetch(server.url + "/job.py")
    assert (outcome.status, outcome.text) == (0, sha256(new) + "\n") or outcome.text == sha256(old) + "\n", outcome
    reasons = [f["reason"] for f in node.facts(outcome.id, "fetch-resumed")]
    assert "the object is another one than before" in reasons, reasons


def test_a_stalled_transfer_is_broken_off(node, server):
    data = big(100_000)
    thing = server.add("/job.py", data, hold=threading.Event())

    def let_go(thing):
        thing.hold = None
    thing.answers += [(lambda t: None, None, None), (let_go, None, None)]
    outcome = node.fetch(server.url + "/job.py")
    assert (outcome.status, outcome.text) == (0, sha256(data) + "\n"), outcome
    assert [f["reason"] for f in node.facts(outcome.id, "fetch-resumed")] == ["the transfer stalled"]


def test_what_passes_is_tried_again(node, server):
    server.add("/job.py", HELLO, answers=[
        (429, {"Retry-After": "0"}, b""), (503, {}, b""), (500, {}, b"x" * 9000),
        (409, {}, b'{"code" : "IncorrectState","message":"m"}'), (408, {}, b"")])
    outcome = node.fetch(server.url + "/job.py")
    assert (outcome.status, outcome.out) == (0, b"from afar\n"), outcome
    assert [f["reason"] for f in node.facts(outcome.id, "fetch-resumed")] == [
        "the server answered 429", "the server answered 503", "the server answered 500",
        "the server answered 409 (IncorrectState)", "the server answered 408"]


PREPARED = ["ACCEPTED", "PREPARING", "SHIPPING", "REPORTING", "FINISHED"]


@pytest.mark.parametrize("answer, said", [
    ((404, {}, b'{"code":"BucketNotFound"}'), "404 (BucketNotFound)"),
    ((403, {}, b"<Error><Code>AccessDenied</Code></Error>"), "403 (AccessDenied)"),
    ((501, {}, b""), "501"),
    ((409, {}, b'{"code":"Conflict"}'), "409 (Conflict)"),
    ((302, {"Location": "ftp://h/x"}, b""), "not safe to go"),
    ((301, {}, b""), "301"),
])
def test_what_stays_is_told_at_once(node, server, answer, said):
    server.add("/job.py", HELLO, answers=[answer])
    outcome = node.fetch(server.url + "/job.py")
    assert said in outcome.words and "fetch job.py from %s/job.py" % server.url in outcome.words, outcome
    assert len(server.targets()) == 1
    node.check_end(outcome, "FAILED", "artifact-fetch-failed", phases=PREPARED)


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "2852039166"])
def test_the_metadata_service_is_not_asked(node, host):
    outcome = node.fetch("http://%s/latest/job.py" % host)
    assert "metadata service" in outcome.words, outcome
    node.check_end(outcome, "FAILED", "artifact-fetch-failed", phases=PREPARED)


def test_attempts_have_an_end(nodes, server):
    node = nodes(fetch="  attempts: 3\n")
    thing = server.add("/job.py", HELLO, answers=[(503, {}, b"")] * 9)
    outcome = node.fetch(server.url + "/job.py")
    assert "the server answered 503; given up after 3 attempts" in outcome.words and len(thing.answers) == 6, outcome
    node.check_end(outcome, "FAILED", "artifact-fetch-failed", phases=PREPARED)


def test_nobody_listens(nodes):
    node = nodes(fetch="  attempts: 2\n")
    outcome = node.fetch("http://127.0.0.1:1/job.py")
    assert "given up after 2 attempts" in outcome.words, outcome
    node.check_end(outcome, "FAILED", "artifact-fetch-failed", phases=PREPARED)


# ---- what is not what it should be ----

def test_a_wrong_digest_is_tried_once_more_and_told(node, server):
    server.add("/job.py", HELLO)
    outcome = node.fetch({"uri": server.url + "/job.py", "sha256": sha256(b"other")})
    assert "SHA-256 should be %s and is %s" % (sha256(b"other"), sha256(HELLO)) in outcome.words, outcome
    assert len(server.targets()) == 2 and node.cached() == []
    node.check_end(outcome, "FAILED", "artifact-fetch-failed", phases=PREPARED)


def test_a_flipped_bit_is_healed_by_the_second_try(node, server):
    thing = server.add("/job.py", b"print('from afaR')\n", md5=md5_header(HELLO))

    def mend(thing):
        thing.data = HELLO
    thing.answers += [(lambda t: None, None, None), (mend, None, None)]
    outcome = node.fetch(server.url + "/job.py")
    assert (outcome.status, outcome.out) == (0, b"from afar\n"), outcome


def test_the_md5_of_the_document_counts_in_both_spellings(node, server):
    server.add("/job.py", HELLO)
    for md5 in (hashlib.md5(HELLO).hexdigest().upper(), md5_header(HELLO)):
        assert node.fetch({"uri": server.url + "/job.py", "md5": md5}).out == b"from afar\n"
    outcome = node.fetch({"uri": server.url + "/job.py", "md5": md5_header(b"other")})
    assert outcome.status != 0 and "MD5 should be" in outcome.words, outcome


def test_a_body_without_an_end_of_its_own_needs_a_digest(node, server):
    server.add("/job.py", HELLO, length="none")
    outcome = node.fetch(server.url + "/job.py")
    assert outcome.status != 0 and "give a sha256" in outcome.words, outcome
    assert node.fetch({"uri": server.url + "/job.py", "sha256": sha256(HELLO)}).out == b"from afar\n"
    server.add("/chunked.py", HELLO, length="chunked")
    assert node.fetch(server.url + "/chunked.py").out == b"from afar\n"


@pytest.mark.parametrize("length", [None, "chunked", "none"])
def test_too_many_bytes_are_not_taken(nodes, server, length):
    node = nodes(fetch="  maxBytes: 50K\n")
    server.add("/job.py", big(60_000), length=length)
    outcome = node.fetch(server.url + "/job.py")
    assert outcome.status != 0 and "fetch.maxBytes" in outcome.words and node.cached() == [], outcome


def test_less_than_promised_is_no_object(nodes, server):
    node = nodes(fetch="  attempts: 2\n")
    server.add("/job.py", HELLO, length=len(HELLO) + 1)
    outcome = node.fetch(server.url + "/job.py")
    assert outcome.status != 0 and "given up after 2 attempts" in outcome.words and node.cached() == [], outcome


# ---- redirects and secrets ----

def test_redirects_are_followed_but_not_for_ever(node, server):
    server.add("/job.py", HELLO)
    server.add("/r.py", b"", answers=[(302, {"Location": "/job.py"}, b"")])
    assert node.fetch(server.url + "/r.py").out == b"from afar\n"
    server.add("/loop.py", b"", answers=[(302, {"Location": "/loop.py"}, b"")] * 20)
    outcome = node.fetch(server.url + "/loop.py")
    assert "redirects more than 5 times" in outcome.words, outcome
    assert server.targets().count("/loop.py") == 6


def test_a_signature_goes_to_no_other_host(nodes, server):
    other = Server()
    try:
        node = nodes()
        key = OciKey(node.work)
        node.configure(extra=FAST % "" + "auth:\n  ociConfig: %s\n  ociEndpoint: %s\n" % (key.config, server.url))
        other.add("/job.py", HELLO)
        server.add("/n/ns/b/bu/o/job.py", b"", answers=[(307, {"Location": other.url + "/job.py"}, b"")])
        assert node.fetch("oci://bu@ns/job.py").out == b"from afar\n"
        assert "Authorization" in server.requests[0][1] and "Authorization" not in other.requests[0][1]
        # On the same host it goes along, made anew for the new path.
        server.add("/n/ns/b/bu/o/r.py", b"", answers=[(307, {"Location": "/n/ns/b/bu/o/job2.py"}, b"")])
        server.add("/n/ns/b/bu/o/job2.py", HELLO, check=key.check)
        assert node.fetch("oci://bu@ns/r.py").out == b"from afar\n", server.problems
    finally:
        other.close()


def test_a_query_is_nowhere_but_in_the_assignment(node, server):
    server.add("/job.py", HELLO, break_after=5, breaks=1)
    outcome = node.run(node.job(server.url + "/job.py?sig=TOPSECRET"))
    assert outcome.status == 0 and "TOPSECRET" not in outcome.words + outcome.text, outcome
    assert server.targets() == ["/job.py?sig=TOPSECRET"] * 2
    missing = node.run(node.job(server.url + "/none.py?sig=TOPSECRET"))
    assert missing.status != 0 and "TOPSECRET" not in missing.words, missing
    for run_id in (outcome.id, missing.id):
        for verb in ("status", "why"):
            done = node.call(verb, run_id)
            assert "TOPSECRET" not in done.text + done.words
    assert node.said_anywhere(b"TOPSECRET") == []


# ---- clouds ----

def test_object_storage_gets_the_signature_it_wants(nodes, server):
    node = nodes()
    key = OciKey(node.work)
    node.configure(extra=FAST % "" + "auth:\n  ociConfig: %s\n  ociEndpoint: %s/\n" % (key.config, server.url))
    data = big(200_000)
    server.add("/n/ns/b/my.bucket/o/a dir/job+1?.py", data, check=key.check, break_after=90_000, md5=md5_header(data))
    path = urllib.parse.quote("/n/ns/b/my.bucket/o/a dir/job+1?.py", safe="/")
    outcome = node.fetch({"uri": "oci://my.bucket@ns/a dir/job+1?.py", "name": "job.py"})
    assert (outcome.status, outcome.text) == (0, sha256(data) + "\n"), (outcome, server.problems)
    assert set(server.targets()) == {path} and len(server.targets()) == 3
    assert node.said_anywhere(b"PRIVATE KEY") == []
    server.things["/n/ns/b/my.bucket/o/x.py"] = server.things["/n/ns/b/my.bucket/o/a dir/job+1?.py"]
    key.config.write_text(key.config.read_text().replace(key.user, "ocid1.user.oc1..other"))
    outcome = node.fetch("oci://my.bucket@ns/x.py")
    assert "401 (NotAuthenticated)" in outcome.words and "auth.ociConfig" in outcome.words, outcome
    assert server.problems == ["key id"]


def test_without_a_key_object_storage_is_asked_anonymously(nodes, server):
    node = nodes(extra="auth:\n  ociEndpoint: %s\n" % server.url)
    server.add("/n/ns/b/bu/o/job.py", HELLO)
    assert node.fetch("oci://bu@ns/job.py").out == b"from afar\n"
    assert "Authorization" not in server.requests[0][1]


def test_s3_gets_the_signature_it_wants(nodes, server):
    node = nodes()
    key = S3Key()
    node.configure(extra=FAST % "" + "auth:\n  s3Credentials: %s\n  s3Endpoint: %s\n  s3Region: %s\n"
                   % (key.credentials(node.work), server.url, key.region))
    data = big(150_000)
    server.add("/bu/a/job.py", data, check=key.check, etag='"%s"' % hashlib.md5(data).hexdigest(), break_after=90_000)
    outcome = node.fetch("s3://bu/a/job.py")
    assert (outcome.status, outcome.text) == (0, sha256(data) + "\n"), (outcome, server.problems)
    assert node.said_anywhere(key.secret.encode()) == [str(node.work / "s3.credentials")]
    # An ETag that is an MD5, but of something else.
    server.add("/bu/bad.py", HELLO, check=key.check, etag='"%s"' % hashlib.md5(data).hexdigest())
    outcome = node.fetch("s3://bu/bad.py")
    assert "MD5 by the server's word" in outcome.words, outcome


def test_tls_is_verified(nodes, tmp_path):
    tmp_path.chmod(0o755)
    cert, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(private), "-out", str(cert), "-days",
                    "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, private)
    server = Server(context)
    try:
        server.add("/job.py", HELLO)
        node = nodes()
        ca = shutil.copy(cert, node.work / "ca.pem")
        outcome = node.fetch(server.url + "/job.py")
        assert outcome.status != 0 and "certificate" in outcome.words and server.targets() == [], outcome
        node.configure(extra=FAST % "  caFile: %s\n" % ca)
        assert node.fetch(server.url + "/job.py").out == b"from afar\n"
        # And nobody is led out of it.
        server.add("/down.py", b"", answers=[(302, {"Location": "http://127.0.0.1:1/job.py"}, b"")])
        assert "not safe to go" in node.fetch(server.url + "/down.py").words
    finally:
        server.close()


# ---- files ----

def test_files_are_read_below_the_roots_alone(nodes):
    node = nodes()
    shared, closed = node.root / "shared", node.root / "closed"
    for folder in (shared, closed):
        folder.mkdir(mode=0o755)
        (folder / "job.py").write_bytes(HELLO)
    (shared / "link.py").symlink_to(closed / "job.py")
    (shared / "folder").symlink_to(closed)
    assert "fetch.fileRoots" in node.fetch("file://%s/job.py" % shared).words
    node.configure(extra=FAST % "  fileRoots: %s/other %s\n" % (node.root, shared))
    assert node.fetch({"uri": "file://%s/job.py" % shared, "sha256": sha256(HELLO)}).out == b"from afar\n"
    for uri in ("file://%s/job.py" % closed, "file://%s/../closed/job.py" % shared, "file://%s/link.py" % shared,
                "file://%s/folder/job.py" % shared, "file://%s/none.py" % shared):
        outcome = node.fetch(uri)
        assert outcome.status != 0 and outcome.out == b"", (uri, outcome)
        node.check_end(outcome, "FAILED", "artifact-fetch-failed", phases=PREPARED)
    assert node.fetch({"uri": "file://%s/job.py" % shared, "sha256": sha256(b"x"), "name": "b.py"}).status != 0


# ---- documents ----

@pytest.mark.parametrize("artifact, inputs, said", [
    ({"uri": "gs://b/x.py"}, None, "'uri': expected a URI that begins with"),
    ({"uri": "http://u:p@h/x.py"}, None, "'uri': a name or password"),
    ({"uri": "http://h/x.csv"}, None, "'x.csv' is not a type of artifact"),
    ({"uri": "http://h/"}, None, "does not end in a file's name"),
    ({"uri": "http://h/x.py", "sha256": "12"}, None, "'sha256': expected 64"),
    ({"uri": "http://h/x.py", "md5": "12"}, None, "'md5': expected 32"),
    ({"uri": "http://h/x.py", "sha": "12"}, None, "'sha'"),
    ({"name": "x.py"}, None, "'uri' is missing"),
    ({"content": "Zg=", "name": "x.py"}, None, "'content': expected base64"),
    ({"content": "Zg=="}, None, "'name' is missing"),
    ({"uri": "http://h/x.py"}, [{"uri": "http://h/d", "into": "../x"}], "'into': expected a path below the home"),
    ({"uri": "http://h/x.py"}, [{"uri": "http://h/d", "into": "/x"}], "'into': expected a path below the home"),
    ({"uri": "http://h/x.py"}, [{"uri": "http://h/d", "unpack": True}], "'unpack': 'd' is no .zip"),
    ({"uri": "http://h/x.py"}, [{"uri": "http://h/x.py"}], "is placed there already"),
    ({"uri": "http://h/x.py"}, [{"uri": "http://h/%d" % i} for i in range(5)], "'inputs': more than 4"),
    (None, [{"uri": "http://h/d"}], "nothing to execute"),
])
def test_what_is_wrong_in_a_document_is_named(node, artifact, inputs, said):
    outcome = node.run("-q", node.job(artifact, inputs=inputs))
    assert outcome.status != 0 and said in outcome.words and outcome.id is None, outcome
