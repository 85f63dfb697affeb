# SPDX-License-Identifier: EUPL-1.2
"""``broker/publishing.py`` and its route: what the board signed is served whole, fresh, and nothing else ever is."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from broker import main, publishing
from broker.publishing import RENEW_SECONDS, Publication
from broker.routes.covenant import add_covenant
from broker.settings import COVENANT_KEY, Home, HomeFile, make_home
from edge.api import make_app
from edge.covenant_keys import read_public
from edge.covenant_online import KEPT_SNAPSHOTS, SNAPSHOT_LIFE, TIMESTAMP_LIFE
from edge.covenant_repository import Repository
from edge.covenant_trust import CovenantTrust
from edge.keyfile import SecretText
from edge.logs import logger
from protocol.covenant import Covenant
from protocol.covenant_parts import Title
from protocol.errors import Code, ConfigurationError, ConflictError, SluisError, VerificationError
from protocol.ids import PartyId
from tests.fakes.covenant_repository import SignedCovenants, signed_covenants, signer
from tests.fakes.covenants import make_covenant

NOW = datetime.now(UTC).replace(microsecond=0)
PASSPHRASE = "correct horse battery staple"
FILES = {
    path: text
    for path, text in make_covenant(now=NOW).files.items()
    if not path.startswith("purposes/") or "offender-prevention" in path
}
"""One purpose is enough here, and is read the faster."""
SECOND = FILES | {"covenant.yaml": FILES["covenant.yaml"].replace(b"2026.1", b"2026.2")}
WANTED = HomeFile(
    id=PartyId("broker"),
    title=Title(nl="Makelaar", en="Broker"),
    url="http://127.0.0.1:8440",
    log_origin="sluis.test/log",
    key_file_cost="interactive",
)


@pytest.fixture(scope="module", autouse=True)
def read_once() -> Iterator[None]:
    """What bytes mean does not change: each covenant is read once, since reading is most of the time of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Covenant, "read", staticmethod(cache(Covenant.read)))
        yield


@pytest.fixture
def board(tmp_path: Path) -> SignedCovenants:
    """A board that has signed a covenant, under the online key of the broker of ``publication``."""
    return signed_covenants(tmp_path / "board", FILES, publish=False)


@pytest.fixture
def publication(tmp_path: Path) -> Publication:
    """The broker's, with nothing published."""
    (tmp_path / "home").mkdir()
    return Publication(tmp_path / "home", signer("broker"))


@pytest.fixture
def published(publication: Publication, board: SignedCovenants) -> Publication:
    """The broker's, with the first covenant published."""
    publication.publish(board.work.folder, NOW)
    return publication


def party(board: SignedCovenants, folder: Path, source: Publication) -> CovenantTrust:
    """Return a party that fetches what the broker serves."""
    return board.enrol(folder, str(source.served))


def served(publication: Publication) -> dict[str, bytes]:
    """Return what is served, by name."""
    root = publication.served
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


# --- The online key ---


def test_a_home_has_an_online_key_and_an_older_home_gets_one(tmp_path: Path):
    """``init`` makes the key once; a home from before it gets one by ``init`` again, and keeps all else."""
    secret = SecretText(PASSPHRASE)
    home: Home = make_home(tmp_path, WANTED, secret)
    first = read_public(home.online_key_path)
    assert first.name == "broker"
    assert read_public(make_home(tmp_path, WANTED, secret).online_key_path) == first
    log_key = (tmp_path / "log.key").read_bytes()
    (tmp_path / COVENANT_KEY).unlink()
    home.online_key_path.unlink()
    with pytest.raises(ConfigurationError, match="init"):
        home.publication(secret)
    make_home(tmp_path, WANTED, secret)
    assert read_public(home.online_key_path) != first
    assert (tmp_path / "log.key").read_bytes() == log_key
    assert (tmp_path / COVENANT_KEY).stat().st_mode & 0o777 == 0o600


def test_the_command_publishes_what_the_board_signed(tmp_path: Path):
    """``init``, a root that names its key, two signatures, ``publish``: then any party can enrol."""
    secret = {"SLUIS_PASSPHRASE": PASSPHRASE}
    home = make_home(tmp_path / "home", WANTED, SecretText(PASSPHRASE))
    key = read_public(home.online_key_path)
    signed = signed_covenants(tmp_path / "board", FILES, online_key=key)
    arguments = ["publish", "--home", str(home.folder), str(signed.work.folder)]
    for _ in range(2):
        done = CliRunner().invoke(main.app, arguments, env=secret)
        assert done.exit_code == 0, done.output
        assert Covenant.parse(FILES).sha256 in done.output
    assert (
        signed.enrol(tmp_path / "party", str(home.folder / "covenant-repository")).load().covenant.version == "2026.1"
    )


# --- Publishing ---


def test_what_is_published_is_what_the_board_signed(published: Publication, board: SignedCovenants, tmp_path: Path):
    """A party and the broker itself trust the same covenant, until the broker's word runs out."""
    found = party(board, tmp_path / "party", published).load()
    assert found == published.trust().load()
    assert found.covenant.sha256 == board.work.current().sha256
    assert NOW + TIMESTAMP_LIFE / 2 < found.until <= NOW + TIMESTAMP_LIFE


def test_publishing_the_same_again_changes_nothing(published: Publication, board: SignedCovenants):
    """The same folder again leaves every served byte."""
    before = served(published)
    published.publish(board.work.folder, NOW + timedelta(minutes=5))
    assert served(published) == before


def test_the_next_covenant_follows(published: Publication, board: SignedCovenants, tmp_path: Path):
    """A party that fetched the first gets the second; the first stays provable; a reader in between is not cut off."""
    one = party(board, tmp_path / "party", published)
    before = served(published)
    board.add(SECOND)
    assert published.publish(board.work.folder, NOW).covenant.version == "2026.2"
    assert one.refresh().covenant.version == "2026.2"
    assert one.earlier(Covenant.parse(FILES).sha256).version == "2026.1"
    after = served(published)
    assert all(after[name] == content for name, content in before.items() if name != "timestamp.json")


def refused(publication: Publication, board: Path, error: type[SluisError], text: str = ".") -> None:
    """Pass when publishing is refused and leaves everything served and believed as it was."""
    before, there = served(publication), sorted(publication.served.parent.iterdir())
    with pytest.raises(error, match=text):
        publication.publish(board, NOW)
    assert served(publication) == before
    assert sorted(publication.served.parent.iterdir()) == there


def test_too_few_signatures_are_not_published(published: Publication, board: SignedCovenants):
    """A proposal that waits for signatures stays with the board, and the refusal names who has yet to sign."""
    board.add(SECOND, signers=["chair"])
    refused(published, board.work.folder, ConfigurationError, "still needs signatures")


def test_nothing_signed_is_not_published(publication: Publication, board: SignedCovenants, tmp_path: Path):
    """A first covenant without signatures is not served, nor is its root pinned."""
    unsigned = SignedCovenants(tmp_path / "unsigned")
    unsigned.add_root(signers=[])
    unsigned.add(FILES, signers=[])
    with pytest.raises(ConfigurationError):
        publication.publish(unsigned.work.folder, NOW)
    assert not publication.served.exists()
    assert publication.publish(board.work.folder, NOW).covenant.version == "2026.1"


def test_an_older_covenant_is_not_published(published: Publication, board: SignedCovenants, tmp_path: Path):
    """A folder of the board from before the last publishing is refused."""
    older = shutil.copytree(board.work.folder, tmp_path / "older")
    board.add(SECOND)
    published.publish(board.work.folder, NOW)
    refused(published, older, ConflictError, "newer")


def test_another_covenant_of_the_same_number_is_not_published(
    published: Publication, board: SignedCovenants, tmp_path: Path
):
    """A board that signed two different second covenants has to make a third: parties may not be split."""
    twin = SignedCovenants(shutil.copytree(board.folder, tmp_path / "twin"))
    board.add(SECOND)
    published.publish(board.work.folder, NOW)
    twin.add(SECOND | {"covenant.yaml": SECOND["covenant.yaml"].replace(b"2026.2", b"2026.3")})
    refused(published, twin.work.folder, ConflictError, "Another covenant")


def test_another_boards_covenant_is_not_published(published: Publication, tmp_path: Path):
    """A home that pinned one board's root serves no other board's covenant."""
    other = SignedCovenants(tmp_path / "other", board=("x1", "x2", "x3"))
    other.add_root()
    other.add(FILES)
    other.add(SECOND)
    refused(published, other.work.folder, ConflictError)
    for path in other.work.folder.glob("*.root.json"):
        path.rename(path.with_name("2.root.json"))
    refused(published, other.work.folder, SluisError)


def test_another_boards_next_root_is_not_published(published: Publication, tmp_path: Path):
    """A whole, well-signed second root of other people is refused, since the first board did not sign it."""
    other = SignedCovenants(tmp_path / "other", board=("x1", "x2", "x3"))
    for _ in range(2):
        other.add_root()
    other.add(FILES)
    other.add(SECOND)
    with pytest.raises(VerificationError) as raised:
        published.publish(other.work.folder, NOW)
    assert raised.value.code == "covenant_untrusted"
    refused(published, other.work.folder, VerificationError)


def test_expired_signatures_are_not_published(published: Publication, board: SignedCovenants):
    """What no party would act under is not served."""
    board.add(SECOND, days=-1)
    refused(published, board.work.folder, VerificationError, "expired")


def test_a_root_that_names_another_online_key_is_not_published(publication: Publication, tmp_path: Path):
    """A board that named another broker's key hears which file to take."""
    other = SignedCovenants(tmp_path / "other", online=signer("another-broker"))
    other.add_root()
    other.add(FILES)
    with pytest.raises(ConfigurationError, match=r"covenant\.pub"):
        publication.publish(other.work.folder, NOW)
    assert not publication.served.exists()


def test_changed_bytes_are_not_published(published: Publication, board: SignedCovenants):
    """A rule changed after it was signed, in the board's folder, is not served."""
    board.add(SECOND)
    path = board.work.folder / "targets" / f"{board.work.current().sha256}.covenant.json"
    path.write_bytes(path.read_bytes().replace(b"forbid", b"permit", 1))
    refused(published, board.work.folder, ConfigurationError)


def test_what_the_operator_changes_by_hand_is_refused_by_parties(
    published: Publication, board: SignedCovenants, tmp_path: Path
):
    """With every file and the online key in hand, the operator still brings no rule of its own to any party."""
    one = party(board, tmp_path / "party", published)
    kept = one.load()
    for path in (published.served / "targets").glob("*.json"):
        path.write_bytes(path.read_bytes().replace(b"forbid", b"permit", 1))
    newest = published.served / "1.targets.json"
    newest.write_bytes(newest.read_bytes().replace(b'"version":1', b'"version":2'))
    newest.rename(newest.with_name("2.targets.json"))
    published.renew(NOW + timedelta(minutes=1))
    with pytest.raises(VerificationError) as raised:
        one.refresh()
    assert raised.value.code == "covenant_untrusted"
    assert one.load() == kept


# --- Freshness ---


def test_signatures_are_renewed_at_half_their_life(published: Publication, board: SignedCovenants, tmp_path: Path):
    """Not before, and then so that a party sees a later end; a snapshot lives longer than a timestamp."""
    one = party(board, tmp_path / "party", published)
    turn = one.load().until - TIMESTAMP_LIFE / 2
    assert not published.renew(turn - timedelta(seconds=1))
    assert published.renew(turn)
    assert not published.renew(turn)
    assert one.refresh().until == turn + TIMESTAMP_LIFE
    assert published.renew(turn + SNAPSHOT_LIFE)
    assert len(Repository(published.served).versions("snapshot")) > 1


def test_two_homes_with_the_same_key_serve_the_same(published: Publication, board: SignedCovenants, tmp_path: Path):
    """Behind one address two brokers may publish: whichever answers, no party sees versions going back."""
    (tmp_path / "home-2").mkdir()
    twin = Publication(tmp_path / "home-2", signer("broker"))
    later = NOW + timedelta(days=1)
    board.add(SECOND)
    for each in (published, twin):
        each.publish(board.work.folder, NOW)
        each.renew(later)
    newest = Repository(twin.served).versions("snapshot")[-1]
    for name in ("timestamp.json", f"{newest}.snapshot.json", "2.targets.json"):
        assert served(published)[name] == served(twin)[name]


def test_there_are_many_tries_before_a_word_runs_out():
    """A timer that fails for hours still has time."""
    assert 100 * timedelta(seconds=RENEW_SECONDS) < TIMESTAMP_LIFE / 2


def test_a_broker_that_slept_starts_with_a_fresh_word(published: Publication, board: SignedCovenants):
    """After days of standing still, the covenant is in force again at the first moment of running."""
    made = SignedCovenants(board.folder)
    with suppress(FileNotFoundError):
        (published.served / "timestamp.json").unlink()
    found = published.current(datetime.now(UTC))
    assert found.covenant.sha256 == made.work.current().sha256


def test_versions_follow_the_clock(published: Publication, board: SignedCovenants, tmp_path: Path):
    """A home restored from an older copy signs above all that it has forgotten: no party sees a rollback."""
    copy = shutil.copytree(tmp_path / "home", tmp_path / "backup", symlinks=True)
    one = party(board, tmp_path / "party", published)
    for days in (1, 2, 3):
        published.renew(NOW + timedelta(days=days))
        seen = one.refresh().until
    shutil.rmtree(tmp_path / "home")
    shutil.copytree(copy, tmp_path / "home", symlinks=True)
    published.renew(NOW + timedelta(days=4))
    assert one.refresh().until == seen + timedelta(days=1)


def test_old_snapshots_are_forgotten(published: Publication, board: SignedCovenants):
    """What nobody asks for any more does not pile up."""
    for place in range(5):
        board.add(FILES | {"covenant.yaml": FILES["covenant.yaml"].replace(b"2026.1", f"2027.{place}".encode())})
        published.publish(board.work.folder, NOW)
    assert len(Repository(published.served).versions("snapshot")) == KEPT_SNAPSHOTS
    assert len(list(published.served.parent.glob(".covenant-repository-*"))) == 2


async def test_the_timer_goes_on_after_a_failure(published: Publication, monkeypatch: pytest.MonkeyPatch):
    """A disk that is full for a moment does not end the renewing."""
    monkeypatch.setattr(publishing, "RENEW_SECONDS", 0.01)
    renewed = asyncio.Event()
    calls: list[datetime] = []
    renew = Publication.renew

    def unsteady(self: Publication, now: datetime) -> bool:
        calls.append(now)
        if len(calls) == 1:
            raise ConfigurationError(Code.SETTINGS_INVALID, "The disk is full.")
        done = renew(self, now)
        loop.call_soon_threadsafe(renewed.set)
        return done

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(Publication, "renew", unsteady)
    before = served(published)["timestamp.json"]
    task = asyncio.create_task(publishing.run(published, lambda: NOW + timedelta(hours=20), logger("test")))
    async with asyncio.timeout(10):
        await renewed.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert served(published)["timestamp.json"] != before


# --- Whole at any moment ---


@pytest.mark.parametrize("step", [0, 1, 2, 3, 5, 7, 9])
def test_a_crash_leaves_the_old_or_the_new_whole(
    published: Publication, board: SignedCovenants, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
):
    """Cut off after any number of renamed files, a party finds the one or the other; publishing again completes it."""
    one = party(board, tmp_path / "party", published)
    board.add(SECOND)
    done = 0
    replace = Path.replace

    def cut(self: Path, target: Path) -> Path:
        nonlocal done
        if done == step:
            raise KeyboardInterrupt
        done += 1
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut)
        # A process that is killed clears nothing away.
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        with suppress(KeyboardInterrupt):
            published.publish(board.work.folder, NOW)
    assert one.refresh().covenant.version in ("2026.1", "2026.2")
    assert published.publish(board.work.folder, NOW).covenant.version == "2026.2"
    assert one.refresh().covenant.version == "2026.2"


# --- Over HTTP ---


@pytest.fixture
async def client(published: Publication) -> AsyncIterator[httpx.AsyncClient]:
    """Asks the broker's application."""
    app = make_app("Test", "1", "A test.", role="broker")
    add_covenant(app, published)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://broker.test") as made:
        yield made


async def test_every_published_file_is_served(published: Publication, client: httpx.AsyncClient):
    """Each by its name and byte for byte; only the timestamp is to be asked for anew."""
    for name, content in served(published).items():
        answer = await client.get(f"/covenant/{name}")
        assert (answer.status_code, answer.content) == (200, content)
        assert ("immutable" in answer.headers["cache-control"]) == (name != "timestamp.json")


@pytest.mark.parametrize(
    "name",
    ["2.root.json", "nothing", "", "targets", "%2e%2e/broker.json", "../broker.json", "targets/../../broker.json",
     "..%2fcovenant.key", "/etc/passwd", "%2fetc%2fpasswd", "1.root.json/", "timestamp.json%00", "targets/history"],
)  # fmt: skip
async def test_nothing_else_is_served(published: Publication, client: httpx.AsyncClient, name: str):
    """Whatever is asked, no file of the home outside the published ones comes out."""
    (published.served.parent / "broker.json").write_text("secret")
    answer = await client.get(f"/covenant/{name}")
    assert answer.status_code == 404
    assert "secret" not in answer.text
