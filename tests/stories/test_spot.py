"""The provider takes the machine away: what its metadata service says reaches the jobs, and the node takes up no further run."""
import datetime
import json
import time

import pytest

from metadata_rig import Metadata
from node_rig import HELD, ROOT, Node, until

pytestmark = pytest.mark.skipif(not ROOT, reason="needs root")

# Says what it hears, and ends by itself: RUNLET_NOTICE_FILE is the contract with jobs.
LISTENS = 'echo begin; while [ ! -s "$RUNLET_NOTICE_FILE" ]; do sleep 0.05; done; cat "$RUNLET_NOTICE_FILE"; exit 7\n'

PATHS = {"aws": "/latest/meta-data/spot/instance-action", "gcp": "/computeMetadata/v1/instance/preempted",
         "azure": "/metadata/scheduledevents"}


@pytest.fixture
def node(bin_dir):
    node = Node(bin_dir)
    yield node
    node.close()


@pytest.fixture
def service(request):
    service = Metadata(request.param)
    yield service
    service.close()


def ahead(seconds, form="%Y-%m-%dT%H:%M:%SZ"):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime(form)


def azure_event(seconds, kind="Preempt", machine="worker-3"):
    return {"EventId": "e", "EventType": kind, "ResourceType": "VirtualMachine", "Resources": [machine], "EventStatus": "Scheduled",
            "NotBefore": ahead(seconds, "%a, %d %b %Y %H:%M:%S GMT")}


def notice_of(provider, seconds):
    return {"aws": {"action": "terminate", "time": ahead(seconds)}, "gcp": "TRUE",
            "azure": {"DocumentIncarnation": 2, "Events": [azure_event(seconds)]}}[provider]


def listen(node, service, more=""):
    node.configure(concurrency=2, extra="cloud:\n  provider: %s\n  endpoint: %s\nnotices:\n  period: 100ms\n%s"
                   % (service.provider, service.endpoint, more))


def heard(node, run_id):
    """The notice as the job printed it."""
    return json.loads(node.output(run_id)[0].splitlines()[1])


@pytest.mark.parametrize("service", ["aws", "gcp", "azure"], indirect=True)
def test_a_notice_reaches_the_jobs_and_drains_the_node(node, service):
    listen(node, service)
    node.start()
    run_id = node.submit(LISTENS)
    node.await_running(run_id)
    until("the service was asked", lambda: any(PATHS[service.provider] in a for a in service.asked))
    assert "notice" not in node.shown() and node.shown()["notReady"] == ""
    service.put(PATHS[service.provider], notice_of(service.provider, 60))
    node.await_finished(run_id)
    notice = heard(node, run_id)
    # Of what is left go the margin and the job's grace, 5 seconds each.
    left = 30 if service.provider == "gcp" else 60
    assert notice["reason"] == "spot" and left - 30 < notice["seconds"] <= left - 10, notice
    assert notice["grace-seconds"] == 5
    assert node.shown()["notice"]["what"] in ("terminate", "preempted", "Preempt")
    assert "the machine is taken away by its provider (" in node.shown()["notReady"]
    # What is submitted now waits for the machine's return.
    waiting = node.submit("echo later\n")
    until("it is accepted", lambda: waiting in node.ids())
    time.sleep(0.5)
    assert not node.supervisor_facts(waiting) and not node.finished(waiting)
    calm = {"aws": None, "gcp": "FALSE", "azure": {"DocumentIncarnation": 3, "Events": []}}[service.provider]
    if calm is None:
        del service.values[PATHS["aws"]]
    else:
        service.put(PATHS[service.provider], calm)
    node.await_finished(waiting)
    assert "notice" not in node.shown()


@pytest.mark.parametrize("service", ["aws"], indirect=True)
def test_amazons_token_is_got_anew_when_it_is_not_taken_any_more(node, service):
    listen(node, service)
    node.start()
    until("it was asked", lambda: any(PATHS["aws"] in a for a in service.asked))
    service.forget_tokens()
    run_id = node.submit(LISTENS)
    node.await_running(run_id)
    service.put(PATHS["aws"], notice_of("aws", 60))
    node.await_finished(run_id)
    assert heard(node, run_id)["reason"] == "spot" and "noticesUnheard" not in node.shown()
    # One for who the machine is, one for its notices, one anew: no more than needed.
    assert len([a for a in service.asked if a.startswith("PUT")]) == 3


@pytest.mark.parametrize("service", ["azure"], indirect=True)
def test_what_is_far_ahead_or_of_another_machine_is_not_told(node, service):
    listen(node, service, "  lead: 10s\n")
    service.put(PATHS["azure"], {"DocumentIncarnation": 2, "Events": [azure_event(5, machine="worker-4"), azure_event(5, "Freeze")]})
    node.start()
    run_id = node.submit(HELD)
    node.await_running(run_id)
    assert "notice" not in node.shown()
    service.put(PATHS["azure"], {"DocumentIncarnation": 3, "Events": [azure_event(600, "Redeploy")]})
    until("it is heard", lambda: "notice" in node.shown())
    time.sleep(1)
    assert "hears that the machine" not in node.tail() and node.shown()["notReady"] != ""
    service.put(PATHS["azure"], {"DocumentIncarnation": 4, "Events": [azure_event(9, "Redeploy")]})
    node.await_finished(run_id)
    assert node.the_end(run_id)["cause"] == "preempted"


@pytest.mark.parametrize("service", ["gcp"], indirect=True)
def test_a_service_that_is_away_is_shown_and_asked_again(node, service):
    listen(node, service)
    node.start()
    until("it was asked", lambda: any(PATHS["gcp"] in a for a in service.asked))
    with service.changed:
        service.down = True
        service.changed.notify_all()
    until("it is missed", lambda: node.shown().get("noticesUnheard", {}).get("why", "").endswith("status 503"))
    assert any(line.startswith("warning notices: not heard since ") for line in node.runlet("status", check=0).stdout.splitlines())
    assert node.shown()["notReady"] == ""
    service.down = False
    until("it is heard again", lambda: "noticesUnheard" not in node.shown())
    service.put("/computeMetadata/v1/instance/maintenance-event", "MIGRATE_ON_HOST_MAINTENANCE")
    time.sleep(0.5)
    assert "notice" not in node.shown()
    service.put("/computeMetadata/v1/instance/maintenance-event", "TERMINATE_ON_HOST_MAINTENANCE")
    until("it is told", lambda: "notice" in node.shown())
    # Requests are held open, not repeated.
    assert len([a for a in service.asked if "wait_for_change" in a]) < 60


@pytest.mark.parametrize("text,words", [
    (lambda: json.dumps({"action": "hibernate", "time": ahead(60)}), "hibernate"),
    (lambda: "", "file"),
])
def test_a_file_gives_notice_as_well(node, text, words):
    path = node.root / "notice"
    node.configure(extra="notices:\n  period: 100ms\n  file: %s\n" % path)
    node.start()
    run_id = node.submit(LISTENS)
    node.await_running(run_id)
    path.write_text(text())
    node.await_finished(run_id)
    assert heard(node, run_id)["reason"] == "spot" and node.shown()["notice"]["what"] == words
    path.unlink()
    until("it is over", lambda: "notice" not in node.shown())
