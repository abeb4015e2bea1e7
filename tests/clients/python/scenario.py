"""The life of a session over REST, with the client that openapi-python-client makes."""

import os
import time

import httpx
from waypost_client import AuthenticatedClient
from waypost_client.api.sessions import (
    connect_session,
    create_session,
    delete_session,
    disconnect_session,
    get_session,
    get_session_device,
    get_session_qr,
    get_session_status,
    list_sessions,
    logout_session,
    update_session,
)
from waypost_client.models import (
    ConnectReply,
    CreatedSession,
    DesiredState,
    Device,
    Done,
    NewSession,
    NewSessionMetadataType0,
    Problem,
    QrReply,
    Session,
    SessionChanges,
    SessionPage,
    SessionStatus,
    Status,
    StatusReason,
)

PHONE = "15550100103"
ID = "python"


def simulator(path, body):
    answer = httpx.post(os.environ["SIMULATOR_PHONES"] + path, json=body)
    return answer.raise_for_status().json()


def until(what, ask):
    """Asks until the answer is a fact, for at most 60 s."""
    limit = time.monotonic() + 60
    while not (fact := ask()):
        assert time.monotonic() < limit, f"not within 60 s: {what}"
        time.sleep(0.1)
    return fact


def a(kind, value):
    """The value, which must be of this type."""
    assert isinstance(value, kind), value
    return value


def main():
    url = os.environ["WAYPOST_URL"]
    # Set, so that an answer which the document does not know is an error.
    client = AuthenticatedClient(url, os.environ["WAYPOST_ADMIN_TOKEN"], raise_on_unexpected_status=True)

    def reaches(wanted):
        def ask():
            status = a(Status, get_session_status.sync(ID, client=client))
            return status.status == wanted and status

        return until(wanted, ask)

    # Created, and linked by a phone.
    simulator("", {"phone_number": PHONE, "push_name": "Ada"})
    labels = {"team": "north"}
    new = NewSession(id=ID, name="Shop", metadata=NewSessionMetadataType0.from_dict(labels))
    created = create_session.sync_detailed(client=client, body=new)
    assert created.status_code == 201
    assert created.headers["location"] == "/api/v1/sessions/python"
    assert a(CreatedSession, created.parsed).session.metadata.to_dict() == labels
    assert a(Problem, create_session.sync(client=client, body=new)).code == "session_exists"

    qr = until("a QR code", lambda: a(QrReply, get_session_qr.sync(ID, client=client)).qr_codes)[0]
    device_id = simulator(f"/{PHONE}/scan", {"qr": qr})["device"]
    linked = reaches(SessionStatus.LOGGED_IN)
    assert (linked.reason, linked.desired) == (StatusReason.AUTHENTICATED, DesiredState.ONLINE), linked
    assert linked.phone_number == PHONE
    device = a(Device, get_session_device.sync(ID, client=client))
    assert (device.device_id, device.phone_number) == (device_id, PHONE), device

    # Changed, and found.
    changed = a(Session, update_session.sync(ID, client=client, body=SessionChanges(name="Market")))
    assert (changed.name, changed.metadata.to_dict()) == ("Market", labels), changed
    page = a(SessionPage, list_sessions.sync(client=client, status=SessionStatus.LOGGED_IN, q=PHONE, limit=1))
    assert (page.total, page.sessions[0].id, page.next_cursor) == (1, ID, None), page

    # Away and back without another scan, then unlinked.
    a(Done, disconnect_session.sync(ID, client=client))
    assert reaches(SessionStatus.DISCONNECTED).reason == StatusReason.REQUESTED
    a(ConnectReply, connect_session.sync(ID, client=client))
    reaches(SessionStatus.LOGGED_IN)
    a(Done, logout_session.sync(ID, client=client))
    assert reaches(SessionStatus.DISCONNECTED).reason == StatusReason.LOGGED_OUT
    assert a(Problem, get_session_device.sync(ID, client=client)).code == "device_not_linked"

    # Deleted. What went wrong is typed.
    assert a(Done, delete_session.sync(ID, client=client)).success
    gone = get_session.sync_detailed(ID, client=client)
    problem = a(Problem, gone.parsed)
    assert (gone.status_code, problem.status, problem.error.code) == (404, 404, 404)
    assert (problem.code, problem.type_) == ("session_not_found", "urn:waypost:problem:session_not_found")
    assert problem.request_id == gone.headers["x-request-id"]

    stranger = AuthenticatedClient(url, "not-the-key", raise_on_unexpected_status=True)
    assert a(Problem, list_sessions.sync(client=stranger)).code == "unauthenticated"


if __name__ == "__main__":
    main()
