"""Runs that come from a control plane over HTTP: every end is told once and truly, whatever goes wrong between the two."""
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import threading

import control_rig
import fetch_rig
import node_rig
import pytest
from control_rig import OK, Contract, ControlNode, ControlPlane, Ledger, faults, script_documents, succeeded
from node_rig import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: runs are contained by namespaces and other users")


@pytest.fixture
def node(bin_dir):
    node = ControlNode(bin_dir)
    yield node
    node.close()


WAITING = "echo once >>count; echo begun; while ! [ -e go ]; do sleep 0.05; done; echo done\n"


def test_a_run_is_pulled_executed_and_reported(node):
    node.start()
    facts = node.plane.ledger.nodes[node.id]
    assert facts["concurrency"] == 4 and facts["cpus"] > 0 and facts["memoryInBytes"] > 0 and facts["room"] == 4, facts
    run = node.offer("ocid1.run.hello", "echo out; echo err >&2; exit 7\n")
    end = node.end(run.id)
    assert (end["lifecycleState"], end["cause"], end["exitCode"], end["endCode"]) == ("FAILED", "exited", 7, 7), end
    assert end["lifecycleDetails"] == "Job run artifact execution failed with exit code 7."
    assert end["log"] == {"lines": 2, "bytes": 8, "complete": True} and end["usage"]["wall-ms"] >= 0, end
    assert end["timeAccepted"] <= end["timeStarted"] <= end["timeFinished"], end
    assert node.output(run.id) == ("out\n", "err\n")
    assert [s["sequence"] for s in run.statuses] == sorted({s["sequence"] for s in run.statuses})
    assert run.statuses[-1] is end and run.renewals >= 1 and node.plane.count("registerNode") >= 1
    node.judge()


def test_many_runs_at_once(node):
    node.start()
    runs = [node.offer("run.%d" % i) for i in range(9)]
    for run in runs:
        succeeded(node.end(run.id))
        assert len(run.ends) == 1 and run.attempt == 1
    node.judge()


# ---- faults ----

ASKED = ("registerNode", "getAssignment", "getDirectives", "renewLease", "reportStatus")


@pytest.mark.parametrize("half", [0, 1])
def test_every_fault_at_every_call(bin_dir, half):
    node = ControlNode(bin_dir, ControlPlane(ledger=Ledger(heartbeat=1)))
    node.config.write_text(node.config.read_text().replace("wait: 5s", "wait: 1s"))
    try:
        node.start()
        for kind in sorted(faults.KINDS)[half::2]:
            under_way = {name: node.plane.faults.add(name, **faults.KINDS[kind]) for name in ASKED}
            run = node.offer("run." + kind)
            succeeded(node.end(run.id))
            node.plane.ledger.await_("%s at each call: %s" % (kind, {n: f.happened for n, f in under_way.items()}),
                                     lambda u=under_way: all(f.happened for f in u.values()))
            assert len(run.ends) == 1 and run.attempt == 1, (kind, node.plane.ledger.describe())
        for run in node.plane.ledger.runs.values():
            assert list(run.ends) == [run.epoch], node.plane.ledger.describe()
        node.judge()
    finally:
        node.close()


def test_a_control_plane_that_is_away_for_the_whole_run_changes_nothing(node):
    node.start()
    run = node.offer("run.long", WAITING)
    node.plane.ledger.await_state(run.id, "IN_PROGRESS")
    node.plane.close()
    local = node.submit("echo local\n")  # another source is not held up
    node.await_finished(local)
    node.let_go(run.id)
    until("the run ended here", lambda: node.record(run.id))
    assert not node.finished(run.id) and not node.facts_of(run.id, "lease-lost")
    node.plane.open()
    succeeded(node.end(run.id))
    assert node.output(run.id)[0] == "begun\ndone\n"
    assert node.tail(1 << 20).count("the control plane cannot be used") == 1, node.tail()
    node.judge()


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_agent_that_is_killed_at_any_call_ends_its_runs_once(node, when):
    node.start()
    for number, (call, skip) in enumerate([("registerNode", 0), ("getAssignment", 0), ("getDirectives", 0), ("renewLease", 0)] +
                                          [("reportStatus", n) for n in range(3)]):
        dead = node.daemon
        fault = node.plane.faults.add(call, skip=skip, **{when: dead.kill})
        run = node.offer("run.%d" % number)
        if call in ("registerNode", "getDirectives"):
            node.plane.ledger.forget(node.id)
        until("%s kills the agent: %s" % (call, node.tail()), lambda d=dead: d.poll() is not None)
        assert fault.happened == 1
        node.start(registered=False)
        succeeded(node.end(run.id))
        assert len(run.ends) == 1 and run.attempt == 1, node.plane.ledger.describe()
    node.judge()


def test_what_cannot_be_read_is_told_with_its_position(node):
    json_type = {"Content-Type": "application/json"}
    node.plane.faults.add("getAssignment", answer=(200, json_type, b'{"job": {},\n "jobRun": }'))
    node.plane.faults.add("getAssignment", answer=(200, json_type, b'{"jobRun": {"id": 5}, "epoch": 1}'))
    node.start()
    node.says("the control plane's answer cannot be used: assignment:2:12: error: ")
    node.says("assignment: /jobRun/id: error: 'id': expected a string, found integer")
    name = node.id
    node.plane.ledger.forget(name)
    told = node.plane.ledger.await_("it is told", lambda: node.plane.ledger.nodes.get(name))
    assert "/jobRun/id" in told["problem"], told
    bad = script_documents("run.bad", OK)
    bad["job"]["jobConfigurationDetails"]["maximumRuntimeInMinutes"] = "soon"
    node.plane.contract.check_answer = lambda *_: None  # the server says what the contract does not allow
    node.plane.ledger.submit(bad)
    end = node.end("run.bad")
    assert (end["lifecycleState"], end["cause"]) == ("FAILED", "assignment-invalid"), end
    assert "/job/jobConfigurationDetails/maximumRuntimeInMinutes" in end["lifecycleDetails"], end
    succeeded(node.end(node.offer("run.good").id))
    node.judge()


def test_a_final_word_about_a_report_is_kept_here(node):
    node.start()
    node.plane.faults.add("reportStatus", times=9, answer=faults.error(400, "InvalidParameter"))
    run = node.offer("run.refused")
    until("the run is finished", lambda: node.ids() and node.finished(run.id))
    [refused] = node.facts_of(run.id, "report-refused")
    assert "400 (InvalidParameter)" in refused["reason"], refused
    assert node.record(run.id)["status"] == 0 and not run.ends
    node.judge()


# ---- leases ----

def test_a_run_that_is_given_away_goes_on_here_unless_it_says_otherwise(node):
    node.start()
    run = node.offer("run.given", WAITING, lease=3)
    node.plane.ledger.await_state(run.id, "IN_PROGRESS")
    node.plane.ledger.take_away(run.id, node.id)  # it comes back, as another execution
    node.plane.ledger.await_("it runs again", lambda: (run.statuses[-1]["attempt"], run.statuses[-1]["lifecycleState"]) == (2, "IN_PROGRESS"))
    node.let_go("run.given~2")
    succeeded(node.end(run.id))
    node.let_go("run.given")
    node.await_finished("run.given")
    [lost] = node.facts_of("run.given", "lease-lost")
    [refused] = node.facts_of("run.given", "report-refused")
    assert lost["policy"] == "finish-and-hold" and "409 (StaleEpoch)" in refused["reason"], (lost, refused)
    assert node.record("run.given")["status"] == 0 and node.output("run.given")[0] == "begun\ndone\n"
    assert list(run.ends) == [run.epoch] and run.ends[run.epoch]["attempt"] == 2
    assert node.tail(1 << 20).count("refuses its reports for good") == 1
    node.judge()


def test_a_run_that_is_given_away_before_its_launch_is_left_to_the_other(node):
    server = fetch_rig.Server()
    thing = server.add("/job.sh", OK.encode(), hold=threading.Event())
    try:
        node.start()
        documents = script_documents("run.early", OK)
        part = documents["artifact"]["parts"][0]
        del part["content"]
        part["uri"] = server.url + "/job.sh"
        run = node.plane.ledger.submit(documents, lease=3)
        until("it is fetched", lambda: server.targets())
        node.plane.ledger.take_away(run.id, "somebody else")
        until("it is left", lambda: node.finished(run.id))
        assert node.view(run.id)["cause"] == "lease-lost" and node.record(run.id) is None
        assert not run.ends
        node.judge()
    finally:
        thing.hold.set()
        server.close()


@pytest.mark.parametrize("given", [True, False])
def test_what_has_not_begun_waits_for_its_lease_when_the_agent_is_back(node, given):
    """It dies while it fetches the artifact, and the control plane is away at first when it is back."""
    server = fetch_rig.Server()
    thing = server.add("/job.sh", b"touch begun\necho out\n", hold=threading.Event())
    try:
        node.start()
        documents = script_documents("run.back", OK)
        part = documents["artifact"]["parts"][0]
        del part["content"]
        part["uri"] = server.url + "/job.sh"
        run = node.plane.ledger.submit(documents, lease=60)
        until("it is fetched", lambda: server.targets())
        node.stop(signal.SIGKILL)
        node.plane.close()
        thing.hold.set()
        node.start(registered=False)
        node.says("run=run.back does not begin before its lease is confirmed")
        assert not node.supervisor_facts(run.id)
        if given:
            node.plane.ledger.take_away(run.id, "somebody else")
        node.plane.open()
        until("it is over", lambda: node.finished(run.id))
        if given:
            assert node.view(run.id)["cause"] == "lease-lost" and not run.ends
            assert not (node.home(run.id) / "begun").exists()
        else:
            assert (node.home(run.id) / "begun").exists()
            succeeded(node.end(run.id))
        node.judge()
    finally:
        thing.hold.set()
        server.close()


def test_a_lease_that_runs_out_unheard_is_lost_once_and_may_be_held_again(bin_dir):
    node = ControlNode(bin_dir, concurrency=1)  # it asks for no other run, so its own is not given away
    try:
        node.start()
        run = node.offer("run.unheard", WAITING, lease=2)
        node.plane.ledger.await_state(run.id, "IN_PROGRESS")
        node.plane.close()
        node.says("its lease is lost: the control plane has not confirmed it in time")
        node.plane.open()
        node.says("its lease is held again")
        node.let_go(run.id)
        succeeded(node.end(run.id))
        assert len(node.facts_of(run.id, "lease-lost")) == 1 and not node.facts_of(run.id, "report-refused")
        node.judge()
    finally:
        node.close()


def test_a_run_that_is_to_stop_without_its_lease_stops(bin_dir):
    node = ControlNode(bin_dir, concurrency=1)
    try:
        node.start()
        run = node.offer("run.stop", WAITING, lease=2, job={"x-runlet": {"onLeaseLost": "stop", "stopGrace": "1s"}})
        node.plane.ledger.await_state(run.id, "IN_PROGRESS")
        node.plane.ledger.take_away(run.id, "somebody else")
        until("it is stopped", lambda: node.finished(run.id))
        [lost] = node.facts_of(run.id, "lease-lost")
        assert lost["policy"] == "stop" and node.view(run.id)["cause"] == "lease-lost" and not run.ends
        assert len(node.facts_of(run.id, "report-refused")) == 1
        node.judge()
    finally:
        node.close()


def test_an_assignment_that_comes_twice_is_executed_once(node):
    node.start()
    run = node.offer("run.twice", WAITING)
    node.plane.ledger.await_state(run.id, "IN_PROGRESS")
    renewals = run.renewals
    node.plane.ledger.offer_again(run.id)
    node.plane.ledger.await_("it is confirmed again", lambda: run.renewals > renewals and run.state == "leased")
    assert node.stop() == 0, node.tail()
    renewals = run.renewals
    node.start(registered=False)
    node.plane.ledger.await_("what was found again is renewed at once", lambda: run.renewals > renewals, patience=15)
    node.let_go(run.id)
    succeeded(node.end(run.id))
    assert node.ids() == [run.id] and (node.home(run.id) / "count").read_text() == "once\n"
    node.judge()


def test_what_was_executed_before_is_given_back(node):
    node.start()
    run = node.offer("run.before")
    succeeded(node.end(run.id))
    run.attempt = 0
    run.ends.clear()
    node.plane.ledger.take_away(run.id)  # a control plane that lost its memory
    node.plane.ledger.await_("it is given back", lambda: run.released)
    assert "executed that attempt" in run.released[0]["reason"]
    node.judge()


def test_every_fault_when_a_run_is_given_back(node):
    """What is not given back this time is offered again, and is given back then: it is never executed twice."""
    node.start()
    run = node.offer("run.before", "echo once >>count\n")
    succeeded(node.end(run.id))
    for kind in sorted(faults.KINDS):
        fault = node.plane.faults.add("releaseRun", **faults.KINDS[kind])
        run.attempt = 0
        run.released.clear()
        run.ends.clear()
        node.plane.ledger.take_away(run.id)
        node.plane.ledger.await_("%s is met: %s" % (kind, node.tail()), lambda f=fault: f.happened and run.released)
        succeeded(node.end(node.offer("run." + kind).id))  # and the node goes on
        assert "executed that attempt" in run.released[0]["reason"] and not run.ends, (kind, node.plane.ledger.describe())
    assert (node.home(run.id) / "count").read_text() == "once\n"
    node.judge()


def test_a_node_that_was_forgotten_registers_again(node):
    node.start()
    node.plane.ledger.forget(node.id)
    node.plane.ledger.await_("it registers again", lambda: node.plane.ledger.nodes)
    succeeded(node.end(node.offer("run.forgotten").id))
    node.judge()


# ---- what is wanted ----

def test_runs_are_cancelled_killed_and_stopped(node):
    node.start()
    stubborn = "trap : TERM; touch here; while :; do sleep 0.05; done\n"
    graceful = ("trap 'cat $RUNLET_NOTICE_FILE >told; exit 0' TERM; touch here; while :; do sleep 0.05; done\n")
    wanted = {"run.cancel": (WAITING, {"kind": "cancel"}), "run.kill": (stubborn, {"kind": "cancel", "kill": True}),
              "run.stop": (graceful, {"kind": "stop", "graceInSeconds": 1})}
    for run_id, (text, directive) in wanted.items():
        run = node.offer(run_id, text)
        node.plane.ledger.await_state(run_id, "IN_PROGRESS")
        if run_id != "run.cancel":
            until("the job is ready", lambda r=run_id: (node.home(r) / "here").exists())
        node.plane.ledger.want(node.id, runId=run_id, epoch=run.epoch, **directive)
    assert [(e["lifecycleState"], e["cause"]) for e in map(node.end, wanted)] == [
        ("CANCELED", "cancelled"), ("CANCELED", "cancelled"), ("FAILED", "preempted")]
    node.judge()


def test_a_directive_waits_for_its_run_and_a_deadline_moves(node):
    node.start()
    node.plane.ledger.want(node.id, kind="cancel", runId="run.later")
    node.plane.ledger.want(node.id, kind="cancel", runId="run.other", epoch=1 << 40)  # of another execution
    node.plane.ledger.await_("the list is there", lambda: node.plane.count("getDirectives") >= 2)
    node.offer("run.later", WAITING)
    assert node.end("run.later")["cause"] == "cancelled"
    node.offer("run.other", WAITING)
    node.plane.ledger.await_state("run.other", "IN_PROGRESS")
    node.plane.ledger.want(node.id, kind="deadline", runId="run.other", maximumRuntimeInSeconds=1)
    assert node.end("run.other")["cause"] == "deadline-exceeded"
    node.judge()


def test_a_node_is_drained_over_restarts_and_takes_up_work_again(node):
    node.start()
    name = node.id
    node.plane.ledger.want(name, kind="drain", reason="kernel update")
    node.plane.ledger.want(name, kind="logLevel", logLevel="debug")
    node.plane.ledger.await_("it says so", lambda: node.plane.ledger.nodes[name]["room"] == 0 and node.plane.ledger.nodes[name]["notReady"])
    node.offer("run.drained")
    assert node.stop() == 0, node.tail()
    node.plane.ledger.directives[name] = []
    node.start(registered=False)
    node.plane.ledger.want(name, kind="undrain")
    succeeded(node.end("run.drained"))
    assert "kernel update" in node.tail(1 << 20)
    node.judge()


# ---- who asks ----

def test_a_token_is_rotated_by_replacing_its_file(bin_dir):
    token = {"now": "first-secret"}
    plane = ControlPlane(token=lambda: token["now"])
    node = ControlNode(bin_dir, plane)
    try:
        path = node.root / "token"
        path.write_text("first-secret\n")
        node.http = "  auth: bearer\n  tokenFile: %s\n" % path
        node.configure(4)
        node.start()
        run = node.offer("run.rotated", WAITING)
        plane.ledger.await_state(run.id, "IN_PROGRESS")
        token["now"] = "second-secret"
        node.let_go(run.id)
        node.says("401 (NotAuthenticated)")
        assert not run.ends
        path.write_text("second-secret\n")
        succeeded(node.end(run.id))
        everything = node.tail(1 << 20) + "".join(p.read_text(errors="replace") for p in node.state.rglob("*") if p.is_file())
        assert "-secret" not in everything
        node.judge()
    finally:
        node.close()


def certificates(folder):
    """A CA, a certificate for 127.0.0.1 and one for the node, as files there."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test")
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "node"):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", name + ".pem",
                "-days", "2", "-extfile", "ext")
    os.chown(folder / "node.key", node_rig.AGENT_UID, node_rig.AGENT_GID)


def test_certificates_on_both_sides(bin_dir, tmp_path):
    certificates(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    tls.load_verify_locations(tmp_path / "ca.pem")
    tls.verify_mode = ssl.CERT_REQUIRED
    plane = ControlPlane(tls=tls)
    node = ControlNode(bin_dir, plane)
    try:
        for name in ("ca.pem", "node.pem", "node.key"):
            shutil.copy2(tmp_path / name, node.root / name)
            os.chown(node.root / name, node_rig.AGENT_UID, node_rig.AGENT_GID)
        node.http = "  caFile: %s\n" % (node.root / "ca.pem")
        node.configure(4)
        node.start(registered=False)
        node.says("the control plane cannot be used")
        assert not plane.ledger.nodes
        node.stop()
        node.http += "  certFile: %s\n  keyFile: %s\n" % (node.root / "node.pem", node.root / "node.key")
        node.configure(4)
        node.start()
        succeeded(node.end(node.offer("run.tls").id))
        node.judge()
    finally:
        node.close()


def test_requests_are_signed_as_ocis_are(bin_dir):
    node = ControlNode(bin_dir)
    try:
        key = fetch_rig.OciKey(node.root)
        node.plane.check = key.check
        node.http = "  auth: oci\n"
        node.configure(4, "auth:\n  ociConfig: %s\n" % key.config)
        node.start()
        succeeded(node.end(node.offer("run.signed").id))
        assert key.count > 4 and "NotAuthenticated" not in node.tail(1 << 20)
        node.judge()
    finally:
        node.close()


def test_a_clock_that_is_off_is_said_once(node):
    node.plane.skew = -3600
    node.start()
    succeeded(node.end(node.offer("run.skew").id))
    assert node.tail(1 << 20).count("clock and the control plane's are") == 1, node.tail()
    node.judge()


@pytest.mark.parametrize("lines, words", [
    ("auth: bearer", "http.tokenFile names no file"), ("auth: oci", "auth.ociConfig names no file"),
    ("certFile: /x", "http.certFile and http.keyFile go together")])
def test_settings_that_contradict_each_other_are_refused(node, lines, words):
    node.http = "  %s\n" % lines
    node.configure(4)
    node.start(wait=False, registered=False)
    assert node.daemon.wait(60) != 0 and words in node.tail(), node.tail()


# ---- the contract ----

def test_the_contracts_examples_are_read_and_follow_it(bin_dir, tmp_path):
    contract = Contract()
    names = []
    for name, example, schema in contract.examples():
        contract.check(name, example, schema)
        names.append(name)
        if not name.startswith("getAssignment 200"):
            continue
        path = tmp_path / "assignment.json"
        path.write_text(json.dumps(example))
        done = subprocess.run([bin_dir / "runlet", "validate", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, (name, done.stdout, done.stderr)
    assert len([n for n in names if n.startswith("getAssignment 200")]) >= 3 and len(names) >= 15, names


def curl(url, *words):
    done = subprocess.run(["curl", "-s", "-m", "30", *words, url], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def test_the_server_of_a_laptop(bin_dir, tmp_path):
    assignment = tmp_path / "assignment.json"
    assignment.write_text(json.dumps(dict(script_documents("run.1", "exec sleep 60\n"), epoch=1, attempt=1, lease={"seconds": 60})))
    server = subprocess.Popen(["/usr/bin/python3", control_rig.SERVER, "--port", "0", "--token", "t.t", "--bootstrap", "once", "--submit",
                               assignment], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    node = ControlNode(bin_dir)
    try:
        url = re.search(r"http://\S+", server.stdout.readline()).group()
        credential = curl(url + "/v1/bootstrap", "-H", "opc-retry-token: " + 32 * "k", "-H", "Content-Type: application/json", "-d", '{"token": "once", "nodeId": "laptop"}')
        assert credential == {"nodeId": "laptop", "nodeToken": "t.t"}
        assert curl(url + "/v1/bootstrap", "-H", "opc-retry-token: " + 32 * "k", "-H", "Content-Type: application/json", "-d", '{"token": "once"}')["code"] == "NotAuthenticated"
        (node.root / "token").write_text(credential["nodeToken"])
        node.http = "  auth: bearer\n  tokenFile: %s\n" % (node.root / "token")
        node.configure(4)
        node.config.write_text(node.config.read_text().replace(node.plane.url, url))
        node.start(registered=False)
        shown = until("it runs", lambda: (lambda s: s["runs"]["run.1"]["statuses"][-1:] == ["IN_PROGRESS"] and s)(curl(url + "/admin/runs")))
        curl("%s/admin/nodes/%s/directives" % (url, next(iter(shown["nodes"]))), "-d", '{"kind": "cancel", "runId": "run.1"}')
        until("it is cancelled", lambda: curl(url + "/admin/runs")["runs"]["run.1"]["statuses"][-1:] == ["CANCELED"])
        curl(url + "/admin/runs", "-d", json.dumps(script_documents("run.2", OK)))
        until("it ended", lambda: curl(url + "/admin/runs")["runs"]["run.2"]["statuses"][-1:] == ["SUCCEEDED"])
    finally:
        node.close()
        server.terminate()
        words = server.communicate(timeout=30)[0]
    assert "against the contract" not in words, words
