"""What the server delivers, as a receiver verifies it with the package of Standard Webhooks; and the journal beside it."""

import base64
import http.server
import os
import threading

from standardwebhooks import Webhook, WebhookVerificationError
from waypost_client import AuthenticatedClient
from waypost_client.api.events import list_session_events
from waypost_client.api.sessions import create_session, delete_session, get_session_qr
from waypost_client.api.webhooks import create_session_webhook, ping_session_webhook, rotate_session_webhook_secret
from waypost_client.models import (
    DeliveryAttempt,
    Done,
    EventPage,
    EventType,
    MessageEvent,
    NewSession,
    NewWebhook,
    QrReply,
    RotatedSecret,
    RotateSecretBody,
)
from waypost_client.models import Webhook as CreatedWebhook

from scenario import a, simulator, until

ADA, GRACE = "15550100106", "15550100107"
ID = "hooked-python"
FIRST = "whsec_" + base64.b64encode(b"twenty-four bytes or more").decode()
STRANGE = "whsec_" + base64.b64encode(bytes(24)).decode()

requests = []


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        requests.append((dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Says nothing."""


def verified(request, secret):
    """The event in a request that carries this secret's signature."""
    headers, body = request
    event = Webhook(secret).verify(body, headers)
    assert headers["webhook-id"] == event["id"], headers
    return event


def refuses(request, secret):
    try:
        verified(request, secret)
    except WebhookVerificationError:
        return
    raise AssertionError("it was taken")


def arrives(text):
    """The request with the message that says this."""

    def ask():
        return next((request for request in requests if f'"text":"{text}"'.encode() in request[1]), None)

    return until(text, ask)


def main(url):
    client = AuthenticatedClient(
        os.environ["WAYPOST_URL"], os.environ["WAYPOST_ADMIN_TOKEN"], raise_on_unexpected_status=True
    )
    for number, name in [(ADA, "Ada"), (GRACE, "Grace")]:
        simulator("", {"phone_number": number, "push_name": name})

    # A session with a webhook that gets everything.
    create_session.sync(client=client, body=NewSession(id=ID))
    new = NewWebhook(url=url, secret=FIRST)
    webhook = a(CreatedWebhook, create_session_webhook.sync(ID, client=client, body=new))
    assert webhook.events == [EventType.ALL], webhook
    assert a(DeliveryAttempt, ping_session_webhook.sync(ID, webhook.id, client=client)).status == 204
    qr = until("a QR code", lambda: a(QrReply, get_session_qr.sync(ID, client=client)).qr_codes)[0]
    simulator(f"/{ADA}/scan", {"qr": qr})

    # A message comes as the journal has it.
    simulator(f"/{GRACE}/messages", {"to": ADA, "text": "Hello"})
    delivered = verified(arrives("Hello"), FIRST)
    page = a(EventPage, list_session_events.sync(ID, client=client, type_="message"))
    assert [event.to_dict() for event in page.events] == [delivered], page
    assert a(MessageEvent, page.events[0].data).text == "Hello"

    # Each request verifies; one that was changed on the way, or is somebody else's, does not.
    for headers, body in requests:
        verified((headers, body), FIRST)
        refuses((headers, body.replace(b"{", b"{ ", 1)), FIRST)
        refuses((headers, body), STRANGE)

    # Both secrets sign while the first one is being replaced.
    body = RotateSecretBody()
    rotated = a(RotatedSecret, rotate_session_webhook_secret.sync(ID, webhook.id, client=client, body=body))
    simulator(f"/{GRACE}/messages", {"to": ADA, "text": "Again"})
    assert verified(arrives("Again"), FIRST) == verified(arrives("Again"), rotated.secret)

    assert a(Done, delete_session.sync(ID, client=client)).success


with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as receiver:
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    main(f"http://127.0.0.1:{receiver.server_port}/hook")
    receiver.shutdown()
