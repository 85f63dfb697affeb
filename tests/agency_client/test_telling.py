# SPDX-License-Identifier: EUPL-1.2
"""People are told that something waits, by real mail servers and real HTTP, never what, never lost, never doubled."""

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from agency_client.run_settings import RunSettings
from agency_client.telling import TellTask, require_told
from agency_client.telling_rules import GATHER, Pending, due
from agency_client.telling_settings import Recipient, TellSettings
from agency_client.telling_words import words_for
from protocol.errors import Code, ConfigurationError, InputError
from protocol.messages import parse
from protocol.signing import Request, verify_request
from tests.fakes.agency import make_client
from tests.fakes.processes import free_port
from tests.fakes.small_world import NOW, World
from tests.fakes.staying_client import Staying, stay

CONSOLE = "https://sluis.politie.example"
ANNA = [("bsn", "123456782"), ("name-dob", "anna|vries|2004-02-29")]
BRAM = [("bsn", "111222333")]
MAIL = "team@politie.example"
EVERY = timedelta(minutes=30)


@dataclass
class Mailbox:
    """What a mail server was given; ``answer`` is what it says to a message."""

    got: list[Envelope] = field(default_factory=list)
    answer: str = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802 aiosmtpd's name
        """Take a message."""
        if self.answer.startswith("250"):
            self.got.append(envelope)
        return self.answer

    @property
    def texts(self) -> list[str]:
        """What was received, whole."""
        return [bytes(one.content or b"").decode() for one in self.got]


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    """Return a running mail server and its port."""
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


@dataclass
class Hook:
    """What a system was told; ``status`` is what it answers."""

    requests: list[Request] = field(default_factory=list)
    status: int = 204


@pytest.fixture
def hook() -> Iterator[tuple[Hook, str]]:
    """Return a running system that is told by webhook, and its address."""
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            url = f"http://{self.headers['Host']}{self.path}"
            found.requests.append(Request("POST", url, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(found.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield found, f"http://127.0.0.1:{server.server_address[1]}/sluis/told"
    server.shutdown()
    server.server_close()


def settings_of(port: int, *recipients: dict[str, Any]) -> TellSettings:
    """Return settings as a file has them."""
    smtp = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "sluis@politie.example"}
    return parse(TellSettings, json.dumps({"smtp": smtp, "recipients": recipients}).encode())


def teller(staying: Staying, settings: TellSettings) -> TellTask:
    """Return what tells, after its first look."""
    task = TellTask(staying.running, settings, CONSOLE)
    staying.running.session.vault.telling.begin()
    return task


async def hit(staying: Staying, folder: Path, world: World, reference: str = "1", keys: Any = ANNA) -> None:
    """Let a hit come."""
    staying.client.add((f"P-{reference}", keys))
    assert await staying.client.send() is None
    care = make_client(folder / f"c{reference}", world, "care-linde")
    care.add((f"C-{reference}", keys))
    assert await care.send() is None
    await staying.client.reading.read()


async def test_a_hit_is_told_without_saying_what(tmp_path: Path, world: World, mailbox: tuple[Mailbox, int]) -> None:
    """The e-mail says that there is something and where to look, and nothing of the hit, the case or the number."""
    box, port = mailbox
    staying = stay(tmp_path / "p", world)
    task = teller(staying, settings_of(port, {"name": "team", "email": MAIL}))
    await hit(staying, tmp_path, world)
    await hit(staying, tmp_path, world, "2", BRAM)
    await task.once()
    staying.now += GATHER
    await task.once()
    (text,) = box.texts
    assert box.got[0].rcpt_tos == [MAIL]
    assert f"Kijk op {CONSOLE}" in text
    assert "Subject: Er staat iets voor u klaar in Sluis" in text
    # Drawn at random, so that it may spell anything.
    said = "\n".join(line for line in text.lower().splitlines() if not line.startswith("message-id"))
    kept = staying.client.vault.hits.all()
    told = (
        {str(one.id) for one in kept}
        | {str(one.notice.my_signal) for one in kept}
        | {one.notice.purpose for one in kept}
    )
    names = {agency.id for agency in world.kit.covenant.agencies} | {a.title.nl for a in world.kit.covenant.agencies}
    values = {"123456782", "anna", "p-1", "bsn", "urgent", "twee", " 2 ", *told, *names}
    assert not [value for value in values if value.lower() in said]
    head, _, body = said.partition("\n\n")
    assert body.strip() == words_for("nl", CONSOLE).text.lower().strip()
    assert {line.partition(":")[0] for line in head.splitlines()} <= {
        *("from", "to", "subject", "date", "auto-submitted", "mime-version", "content-type"),
        *("content-transfer-encoding", "x-peer", "x-mailfrom", "x-rcptto"),
    }


async def test_many_hits_are_told_once_in_a_while(tmp_path: Path, world: World, mailbox: tuple[Mailbox, int]) -> None:
    """What comes within the minutes that a recipient wants between messages is told by one message after them."""
    box, port = mailbox
    staying = stay(tmp_path / "p", world)
    task = teller(staying, settings_of(port, {"name": "team", "email": MAIL}))
    await hit(staying, tmp_path, world)
    await task.once()
    staying.now += GATHER
    await task.once()
    await hit(staying, tmp_path, world, "2", BRAM)
    await task.once()
    staying.now += EVERY - timedelta(seconds=1)
    await task.once()
    assert len(box.got) == 1
    staying.now += timedelta(seconds=1)
    await task.once()
    assert len(box.got) == 2
    staying.now += 10 * EVERY
    await task.once()
    assert len(box.got) == 2


async def test_nothing_is_told_twice_or_lost_over_a_crash(
    tmp_path: Path, world: World, mailbox: tuple[Mailbox, int]
) -> None:
    """A message that may be out when the process dies is told again only when a second one would be due."""
    box, port = mailbox
    settings = settings_of(port, {"name": "team", "email": MAIL})
    staying = stay(tmp_path / "p", world)
    teller(staying, settings)
    await hit(staying, tmp_path, world)
    # Killed before anybody looked at what came.
    staying.client.vault.close()
    again = stay(tmp_path / "p", world, now=NOW + GATHER)
    task = teller(again, settings)
    shelf = again.client.vault.telling
    await task._look()
    again.now += GATHER
    shelf.offer("team", again.now)
    # Killed in the middle of sending.
    again.client.vault.close()
    third = stay(tmp_path / "p", world, now=again.now)
    task = teller(third, settings)
    await task.once()
    third.now += EVERY - timedelta(seconds=1)
    await task.once()
    assert box.got == []
    third.now += timedelta(seconds=1)
    await task.once()
    await task.once()
    assert len(box.got) == 1


async def test_a_mail_server_that_is_away_is_tried_again(tmp_path: Path, world: World) -> None:
    """Without a mail server nothing is lost, it is seen in the health, and it is told once when the server is back."""
    port = free_port()
    staying = stay(tmp_path / "p", world)
    task = teller(
        staying, settings_of(port, {"name": "team", "email": MAIL}, {"name": "other", "email": "b@b.example"})
    )
    await hit(staying, tmp_path, world)
    await task.once()
    staying.now += GATHER
    await task.once()
    told = staying.running.health.told
    assert (told.waiting, told.failing) == (2, ("team",))
    assert not staying.running.health.works
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        await task.once()
        assert [one.rcpt_tos for one in box.got] == [["b@b.example"]]
        staying.now += timedelta(seconds=30)
        await task.once()
        await task.once()
    finally:
        controller.stop()
    assert len(box.got) == 2
    assert staying.running.health.told.failing == ()


async def test_a_refusal_by_the_mail_server_is_no_answer_to_keep(
    tmp_path: Path, world: World, mailbox: tuple[Mailbox, int]
) -> None:
    """A mail server that refuses is asked again later, ever more seldom, and its words are kept nowhere."""
    box, port = mailbox
    box.answer = "451 4.3.0 anna@vries.example is busy"
    staying = stay(tmp_path / "p", world)
    task = teller(staying, settings_of(port, {"name": "team", "email": MAIL}))
    await hit(staying, tmp_path, world)
    await task.once()
    staying.now += GATHER
    await task.once()
    assert staying.running.health.told.failing == ("team",)
    box.answer = "250 OK"
    await task.once()
    assert box.got == []
    staying.now += timedelta(seconds=30)
    await task.once()
    assert len(box.got) == 1


async def test_a_webhook_can_be_verified_and_says_nothing(tmp_path: Path, world: World, hook: tuple[Hook, str]) -> None:
    """The request is signed by the agency's key of the covenant, and has no more in it than an e-mail."""
    found, url = hook
    staying = stay(tmp_path / "p", world)
    task = teller(
        staying, parse(TellSettings, json.dumps({"recipients": [{"name": "system", "webhook": url}]}).encode())
    )
    await hit(staying, tmp_path, world)
    await task.once()
    staying.now += GATHER
    await task.once()
    (request,) = found.requests
    verified = verify_request(world.kit.covenant.key_directory(), request, now=staying.now)
    assert verified.party == "police-oost"
    assert json.loads(request.body) == {"message": "Er staat iets voor u klaar in Sluis", "url": CONSOLE}
    assert "sluis-person" not in request.headers
    assert "sluis-purpose" not in request.headers


async def test_a_webhook_that_fails_gets_the_same_key(tmp_path: Path, world: World, hook: tuple[Hook, str]) -> None:
    """A system that was told twice of the same thing can tell by the Idempotency-Key."""
    found, url = hook
    found.status = 500
    staying = stay(tmp_path / "p", world)
    task = teller(
        staying, parse(TellSettings, json.dumps({"recipients": [{"name": "system", "webhook": url}]}).encode())
    )
    await hit(staying, tmp_path, world)
    await task.once()
    staying.now += GATHER
    await task.once()
    found.status = 204
    staying.now += EVERY
    await task.once()
    keys = [request.headers["idempotency-key"] for request in found.requests]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    await hit(staying, tmp_path, world, "2", BRAM)
    await task.once()
    staying.now += EVERY
    await task.once()
    assert len({request.headers["idempotency-key"] for request in found.requests}) == 2


async def test_each_role_is_told_of_its_own(tmp_path: Path, world: World, mailbox: tuple[Mailbox, int]) -> None:
    """A hit is for coordinators, evidence that does not hold for operators and privacy officers."""
    box, port = mailbox
    staying = stay(tmp_path / "p", world)
    recipients = [{"name": role, "role": role, "email": f"{role}@b.example"} for role in
                  ("coordinator", "supervisor", "privacy-officer", "operator")]  # fmt: skip
    task = teller(staying, settings_of(port, *recipients))
    await task.once()
    await hit(staying, tmp_path, world)
    await task.once()
    staying.now += GATHER
    await task.once()
    staying.now += GATHER
    await task.once()
    assert [one.rcpt_tos for one in box.got] == [["coordinator@b.example"]]
    staying.client.vault.evidence.report(Code.LOG_FORKED, "log", "Contradiction.", staying.now)
    await task.once()
    assert [one.rcpt_tos[0] for one in box.got[1:]] == ["privacy-officer@b.example", "operator@b.example"]


def made_certificate(folder: Path) -> tuple[Path, Path]:
    """Return a certificate for this machine that nobody vouches for, and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key)]
    subprocess.run([*command, "-out", str(certificate), *subject], check=True, capture_output=True)
    return certificate, key


async def test_a_secret_connection_is_asked_for(tmp_path: Path, world: World) -> None:
    """By STARTTLS with a user name the message reaches a server whose certificate is trusted, and no other."""
    certificate, key = made_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=data.login == b"sluis" and data.password == b"geheim")

    box, port = Mailbox(), free_port()
    options = {"tls_context": context, "require_starttls": True, "authenticator": check, "auth_required": True}
    controller = Controller(box, hostname="127.0.0.1", port=port, **options)
    controller.start()
    (tmp_path / "password").write_text("geheim\n")
    smtp = {"host": "127.0.0.1", "port": port, "sender": "sluis@politie.example", "username": "sluis",
            "passwordFile": str(tmp_path / "password")}  # fmt: skip
    recipients = [{"name": "team", "email": MAIL, "lang": "en"}]
    try:
        staying = stay(tmp_path / "p", world)
        await hit(staying, tmp_path, world)
        distrusting = parse(TellSettings, json.dumps({"smtp": smtp, "recipients": recipients}).encode())
        task = teller(staying, distrusting)
        staying.client.vault.telling.want([("team", False)], None, staying.now)
        staying.now += GATHER
        await task.once()
        assert box.got == []
        smtp["caFile"] = str(certificate)
        task.settings = parse(TellSettings, json.dumps({"smtp": smtp, "recipients": recipients}).encode())
        staying.now += timedelta(seconds=30)
        await task.once()
    finally:
        controller.stop()
    assert "There is something for you in Sluis" in box.texts[0]


def test_urgent_news_does_not_wait() -> None:
    """What is urgent is told at once, also within the minutes between messages; who does not want that waits."""
    told = NOW - timedelta(minutes=5)
    pending = Pending(wanted_at=NOW, urgent=True, told_at=told)
    eager, calm = (Recipient(name="team", email=MAIL, urgent_at_once=at_once) for at_once in (True, False))
    assert due(pending, eager) == NOW
    assert due(pending, calm) == told + EVERY
    assert due(Pending(wanted_at=NOW), eager) == NOW + GATHER
    assert due(Pending(told_at=told), eager) is None


def test_failures_are_tried_ever_more_seldom() -> None:
    """After a failure it is tried after half a minute, later hourly, and never given up."""
    recipient = Recipient(name="team", email=MAIL)

    def wait(failures: int) -> timedelta:
        moment: datetime | None = due(Pending(NOW - 3 * EVERY, failures=failures, failed_at=NOW), recipient)
        assert moment is not None
        return moment - NOW

    assert [wait(number) for number in (1, 2, 3, 50)] == [
        timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2), timedelta(hours=1)]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"recipients": [{"name": "team", "email": MAIL}]},
        {"recipients": [{"name": "team"}]},
        {"recipients": [{"name": "team", "webhook": "http://elsewhere.example/told"}]},
        {"recipients": [{"name": "team", "webhook": "https://a.example"}] * 2},
        {"smtp": {"host": "mail.example", "sender": "a@b.example", "security": "none"}},
        {"smtp": {"host": "mail.example", "sender": "a@b.example", "username": "sluis"}},
        {"smtp": {"host": "mail.example", "sender": "a@b.example\r\nBcc: c@d.example"}},
    ],
)
def test_settings_that_cannot_be_right_are_refused(wrong: dict[str, Any]) -> None:
    """Names without TLS, ways that lack a server, and addresses that would smuggle a header in are no settings."""
    with pytest.raises(InputError):
        parse(RunSettings, json.dumps({"tell": wrong}).encode())


def test_people_must_know_where_to_look() -> None:
    """Telling people needs the console's public address."""
    with pytest.raises(ConfigurationError):
        require_told(TellSettings(recipients=(Recipient(name="team", webhook="https://a.example"),)), None)
