# SPDX-License-Identifier: EUPL-1.2
"""``edge/covenant_trust.py``: what a party believes, and every way in which it must not be led to believe more."""

import random
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import time_machine

from edge.covenant_online import renew
from edge.covenant_trust import CovenantTrust, Trusted
from protocol.covenant import Covenant
from protocol.errors import Code, ConfigurationError, ConflictError, NotFoundError, SluisError, UnavailableError
from tests.fakes.covenant_repository import SignedCovenants, signed_covenants, signer
from tests.fakes.covenants import make_covenant

NOW = datetime.now(UTC)
FILES = {
    path: text
    for path, text in make_covenant(now=NOW).files.items()
    if not path.startswith("purposes/") or "offender-prevention" in path
}
"""One purpose is enough here, and is read the faster."""
FIRST = Covenant.parse(FILES)
SECOND_FILES = FILES | {"covenant.yaml": FILES["covenant.yaml"].replace(b"2026.1", b"2026.2")}
ROLES = ("root", "targets", "snapshot", "timestamp")


@pytest.fixture(scope="module", autouse=True)
def read_once() -> Iterator[None]:
    """What bytes mean does not change: each covenant is read once, since reading is most of the time of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Covenant, "read", staticmethod(cache(Covenant.read)))
        yield


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board whose first covenant is published; copied by each test."""
    return signed_covenants(tmp_path_factory.mktemp("board"), FILES).folder


@pytest.fixture
def board(signed: Path, tmp_path: Path) -> SignedCovenants:
    """A board of three, two of which must sign, whose first covenant is published."""
    shutil.copytree(signed, tmp_path / "board")
    return SignedCovenants(tmp_path / "board")


@pytest.fixture
def party(board: SignedCovenants, tmp_path: Path) -> CovenantTrust:
    """A party that has pinned the root and fetched the first covenant."""
    return board.enrol(tmp_path / "party")


def second(board: SignedCovenants) -> None:
    """Let the board sign a second covenant and the broker publish it."""
    board.add(SECOND_FILES)
    board.publish()


def refused(party: CovenantTrust, code: Code) -> None:
    """Pass when a refresh is refused with this code, and leaves what was kept before."""
    before = party.load()
    files = snapshot_of(party.folder)
    with pytest.raises(SluisError) as raised:
        party.refresh()
    assert raised.value.code == code
    assert snapshot_of(party.folder) == files
    assert party.load() == before


def snapshot_of(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def replace_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Let a folder hold just these files."""
    shutil.rmtree(folder)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def newest(board: SignedCovenants, role: str) -> Path:
    """Return the published file of a role that is in use."""
    name = "timestamp.json" if role == "timestamp" else f"{board.published_as(role)}.{role}.json"
    return board.published / name


def expire(board: SignedCovenants, role: str, moment: datetime) -> None:
    """Let one published role expire at a moment, with every signature as it should be."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    signers = board.board if role in ("root", "targets") else ("broker",)
    board.bend(newest(board, role).name, lambda signed: signed.update(expires=text), signers=signers)
    if role == "targets":
        renew(board.published, board.online, NOW)
    if role == "snapshot":
        board.repoint()


# --- Pinning ---


def test_nothing_is_believed_before_a_root_is_pinned(tmp_path: Path):
    """A home that has not enrolled says so, and how."""
    with pytest.raises(ConfigurationError) as raised:
        CovenantTrust.open(tmp_path)
    assert raised.value.code == "covenant_invalid"
    assert "enrol" in (raised.value.hint or "")


def test_pinning_again_changes_nothing_and_may_move_the_source(board: SignedCovenants, tmp_path: Path):
    """The same root may be pinned any number of times; the last source counts."""
    first = CovenantTrust.begin(tmp_path / "a", board.root, "https://one.example/covenant/")
    again = CovenantTrust.begin(tmp_path / "a", board.root, "https://two.example/covenant/")
    assert (first.source, again.source) == ("https://one.example/covenant/", "https://two.example/covenant/")
    assert CovenantTrust.open(tmp_path / "a").source == again.source


def test_another_root_cannot_be_pinned_over_the_first(board: SignedCovenants, tmp_path: Path):
    """Who has pinned one board's root does not change to another's by a command."""
    CovenantTrust.begin(tmp_path / "a", board.root, "/nowhere")
    other = SignedCovenants(tmp_path / "other", board=("x1", "x2", "x3"))
    other.add_root()
    with pytest.raises(ConflictError):
        CovenantTrust.begin(tmp_path / "a", other.root, "/nowhere")
    assert (tmp_path / "a" / "root.json").read_bytes() == board.root


def test_what_is_no_root_is_not_pinned(board: SignedCovenants, tmp_path: Path):
    """Other bytes, another role's file, and a root that too few of its own keys have signed are refused."""
    unsigned = SignedCovenants(tmp_path / "other")
    unsigned.add_root(signers=["chair"])
    for root in (b"", b"{}", b"[" * 5_000, board.work.raw("targets", 1), unsigned.root):
        with pytest.raises(SluisError) as raised:
            CovenantTrust.begin(tmp_path / "a", root, "/nowhere")
        assert raised.value.code == "covenant_untrusted"
    assert not (tmp_path / "a").exists()


# --- Believing ---


def test_nothing_kept_is_no_covenant(board: SignedCovenants, tmp_path: Path):
    """Before the first fetch there is nothing to load."""
    with pytest.raises(UnavailableError):
        CovenantTrust.begin(tmp_path / "a", board.root, str(board.published)).load()


def test_what_was_fetched_holds_without_the_source(board: SignedCovenants, party: CovenantTrust):
    """A party whose source is gone still loads what it has, verified, and ``latest`` gives just that."""
    shutil.rmtree(board.published)
    found = CovenantTrust.open(party.folder).load()
    assert found.covenant == FIRST
    assert (found.root_version, found.targets_version) == (1, 1)
    with pytest.raises(UnavailableError):
        party.refresh()
    assert party.latest() == found


def test_the_next_covenant_is_taken_over_and_the_earlier_stays_provable(board: SignedCovenants, party: CovenantTrust):
    """A refresh takes the new version; the earlier one is still read, also by who comes later; others are not."""
    second(board)
    assert party.load().covenant.version == "2026.1"
    found = party.refresh()
    assert (found.covenant.version, found.targets_version) == ("2026.2", 2)
    assert party.load() == found
    late = board.enrol(party.folder.parent / "late")
    for one in (party, late):
        assert one.earlier(FIRST.sha256) == FIRST
        assert one.earlier(found.covenant.sha256) == found.covenant
        with pytest.raises(NotFoundError):
            one.earlier("0" * 64)


def test_an_earlier_covenant_with_another_byte_is_refused(board: SignedCovenants, tmp_path: Path):
    """What the source gives as an earlier version must be what the board signed."""
    second(board)
    late = board.enrol(tmp_path / "late")
    for path in (board.published / "targets" / "history").iterdir():
        path.write_bytes(path.read_bytes().replace(b"2026.1", b"2026.9"))
    with pytest.raises(SluisError) as raised:
        late.earlier(FIRST.sha256)
    assert raised.value.code == "covenant_untrusted"


@pytest.mark.parametrize("role", ROLES)
def test_it_holds_until_the_first_signature_expires(board: SignedCovenants, tmp_path: Path, role: str):
    """Whichever of the four files expires first says until when anybody may act."""
    moment = NOW.replace(microsecond=0) + timedelta(hours=2)
    if role == "root":
        board = SignedCovenants(tmp_path / "short")
        board.add_root(days=2 / 24, now=moment - timedelta(hours=2))
        board.add(FILES)
        board.publish()
    else:
        expire(board, role, moment)
    assert board.enrol(tmp_path / "a").load().until == moment


# --- Expired ---


@pytest.mark.parametrize("role", ROLES)
def test_expired_signatures_are_refused(board: SignedCovenants, tmp_path: Path, role: str):
    """Of each of the four files an expired one stops everything, by name."""
    if role == "root":
        board = SignedCovenants(tmp_path / "old")
        board.add_root(days=-1)
        board.add(FILES)
        board.publish()
    else:
        expire(board, role, NOW - timedelta(minutes=1))
    trust = CovenantTrust.begin(tmp_path / "a", board.root, str(board.published))
    with pytest.raises(SluisError) as raised:
        trust.refresh()
    assert raised.value.code == "covenant_expired"
    assert raised.value.hint
    with pytest.raises(UnavailableError):
        trust.load()


def test_a_frozen_source_is_refused_when_its_word_runs_out(board: SignedCovenants, tmp_path: Path):
    """A source that goes on serving the old state, truthful once, is believed no longer than it said."""
    party = board.enrol(tmp_path / "a")
    with time_machine.travel(party.load().until + timedelta(seconds=1)):
        for act in (party.load, party.refresh, party.latest):
            with pytest.raises(SluisError) as raised:
                act()
            assert raised.value.code == "covenant_expired"
        board.publish()
        assert party.refresh().covenant == FIRST


# --- Older ---


def test_rollback_to_an_older_state_is_refused(board: SignedCovenants, party: CovenantTrust):
    """Who has seen the second covenant does not go back to the first, though every signature on it holds."""
    before = snapshot_of(board.published)
    second(board)
    party.refresh()
    replace_folder(board.published, before)
    refused(party, Code.COVENANT_UNTRUSTED)
    assert party.load().covenant.version == "2026.2"


def test_rollback_under_a_fresh_word_of_the_broker_is_refused(board: SignedCovenants, party: CovenantTrust):
    """A broker that signs anew that the first covenant is the current one is not believed either."""
    before = snapshot_of(board.published)
    second(board)
    party.refresh()
    replace_folder(board.published, before)
    (board.published / "timestamp.json").unlink()
    newest(board, "snapshot").unlink()
    renew(board.published, board.online, NOW + timedelta(days=4))
    refused(party, Code.COVENANT_UNTRUSTED)


# --- Signers ---


@pytest.mark.parametrize("role", ["targets", "snapshot", "timestamp"])
@pytest.mark.parametrize("signers", [(), ("stranger",), ("stranger", "another")])
def test_other_signers_are_refused(board: SignedCovenants, party: CovenantTrust, role: str, signers: tuple[str, ...]):
    """Files signed by nobody or by strangers are refused, also when all that leads to them is as it should be."""
    second(board)
    board.bend(newest(board, role).name, lambda signed: None, signers=signers)
    if role == "targets":
        renew(board.published, board.online, NOW + timedelta(minutes=1))
    if role == "snapshot":
        board.repoint()
    refused(party, Code.COVENANT_UNTRUSTED)


@pytest.mark.parametrize("signers", [("chair",), ("chair", "stranger"), ("chair", "broker"), ("broker",)])
def test_too_few_signers_are_refused(board: SignedCovenants, party: CovenantTrust, signers: tuple[str, ...]):
    """One of the two that must sign a covenant is not enough, whoever else signs; least of all the broker."""
    second(board)
    board.bend(newest(board, "targets").name, lambda signed: None, signers=signers)
    renew(board.published, board.online, NOW + timedelta(minutes=1))
    refused(party, Code.COVENANT_UNTRUSTED)


# --- Changed ---


def test_a_changed_byte_of_the_covenant_is_refused(board: SignedCovenants, party: CovenantTrust):
    """A broker that changes one letter of a rule cannot make it a rule."""
    second(board)
    for path in (board.published / "targets").glob("*.json"):
        path.write_bytes(path.read_bytes().replace(b"forbid", b"permit", 1))
    refused(party, Code.COVENANT_UNTRUSTED)


def test_files_that_do_not_go_together_are_refused(board: SignedCovenants, party: CovenantTrust):
    """Each file truly signed, but of different states: no party takes the mixture."""
    old = {role: newest(board, role).read_bytes() for role in ROLES}
    second(board)
    for role in ("snapshot", "targets"):
        new = newest(board, role)
        there = new.read_bytes()
        new.write_bytes(old[role])
        refused(party, Code.COVENANT_UNTRUSTED)
        new.write_bytes(there)
    assert party.refresh().covenant.version == "2026.2"


def outcome(act: Callable[[], Trusted]) -> Trusted | str:
    """Return what a party believes then, or the code of its refusal."""
    try:
        return act()
    except SluisError as error:
        return error.code.value


REFUSALS = ("covenant_untrusted", "covenant_expired", "unavailable")


def flipped(content: bytes, pick: random.Random) -> bytes:
    """Return the content with one bit changed."""
    bent = bytearray(content)
    bent[pick.randrange(len(bent))] ^= 1 << pick.randrange(8)
    return bytes(bent)


def test_any_changed_bit_at_the_source_is_refused(board: SignedCovenants, party: CovenantTrust):
    """Whatever bit of whatever file changes, it is refused, or it was no part of what is signed and changes nothing."""
    pick = random.Random(1)
    kept = party.load()
    second(board)
    wanted = board.enrol(party.folder.parent / "other").load()
    harmless = 0
    bundle = board.published / "targets" / f"{wanted.covenant.sha256}.covenant.json"
    for path in (bundle, *(newest(board, role) for role in ("targets", "snapshot", "timestamp"))):
        there = path.read_bytes()
        for _ in range(12):
            path.write_bytes(flipped(there, pick))
            found = outcome(lambda: party.rehearse(str(board.published)))
            assert found in (*REFUSALS, wanted)
            harmless += found == wanted
            assert found != wanted or path.name == "timestamp.json"
            assert party.load() == kept
        path.write_bytes(there)
    assert harmless < 4
    assert party.refresh() == wanted


def test_any_changed_bit_of_what_is_kept_is_refused(board: SignedCovenants, party: CovenantTrust):
    """Whatever bit changes on a party's own disk, it acts under the same covenant or under none; a refresh mends it."""
    pick = random.Random(2)
    second(board)
    wanted = party.refresh()
    for name, there in snapshot_of(party.folder).items():
        if not name.startswith(("metadata/", "targets/")) or name.startswith(f"targets/{FIRST.sha256}"):
            continue
        path = party.folder / name
        for _ in range(8):
            path.write_bytes(flipped(there, pick))
            assert outcome(CovenantTrust.open(party.folder).load) in (*REFUSALS, wanted)
        if not name.endswith("1.root.json"):
            assert CovenantTrust.open(party.folder).refresh() == wanted
            assert CovenantTrust.open(party.folder).load() == wanted
        path.write_bytes(there)


def test_no_changed_bit_of_the_pinned_root_lets_another_board_in(board: SignedCovenants, party: CovenantTrust):
    """A damaged anchor stops a party, or changes nothing."""
    pick = random.Random(3)
    wanted = party.load()
    anchor = party.folder / "root.json"
    for _ in range(60):
        anchor.write_bytes(flipped(board.root, pick))
        assert outcome(CovenantTrust.open(party.folder).load) in (*REFUSALS, wanted)


# --- Roots ---


def rotated(board: SignedCovenants, old: tuple[str, ...], new: tuple[str, ...]) -> SignedCovenants:
    """Return the board after a change of all its people, its root signed by these of the old and the new."""
    after = SignedCovenants(board.folder, board=("north", "south", "east"), online=board.online)
    after.add_root(signers=(*old, *new))
    return after


def test_a_root_signed_by_the_old_and_the_new_board_is_taken_over(
    board: SignedCovenants, party: CovenantTrust, tmp_path: Path
):
    """After a change of the whole board, parties go over by themselves, and who enrols with the first root too."""
    after = rotated(board, ("chair", "minister"), ("north", "south"))
    after.add(SECOND_FILES)
    after.publish()
    for one in (party, after.enrol(tmp_path / "late")):
        found = one.refresh()
        assert (found.root_version, found.covenant.version) == (2, "2026.2")
        assert CovenantTrust.open(one.folder).load() == found


def test_the_old_board_signs_nothing_more_after_it(board: SignedCovenants, party: CovenantTrust):
    """Keys that a root took away no longer count."""
    after = rotated(board, ("chair", "minister"), ("north", "south"))
    after.add(FILES)
    after.publish()
    party.refresh()
    after.add(SECOND_FILES, signers=())
    path = after.work.folder / "3.targets.json"
    shutil.copy(path, after.published / path.name)
    after.bend(path.name, lambda signed: None, signers=("chair", "minister", "privacy-officer"))
    renew(after.published, after.online, NOW + timedelta(minutes=1))
    refused(party, Code.COVENANT_UNTRUSTED)


@pytest.mark.parametrize(
    ("old", "new"),
    [((), ("north", "south", "east")), (("chair", "minister"), ()), (("chair",), ("north", "south"))],
    ids=["new-only", "old-only", "one-old"],
)
def test_a_root_without_enough_of_both_boards_is_refused(
    board: SignedCovenants, party: CovenantTrust, old: tuple[str, ...], new: tuple[str, ...]
):
    """Nobody takes over a partnership with new keys alone, nor hands it over with old keys alone."""
    after = rotated(board, old, new)
    shutil.copy(after.work.folder / "2.root.json", after.published)
    refused(party, Code.COVENANT_UNTRUSTED)


def test_another_boards_covenant_is_refused(board: SignedCovenants, party: CovenantTrust, tmp_path: Path):
    """A source with a complete, correct covenant of another board convinces nobody who pinned this one."""
    other = SignedCovenants(tmp_path / "other", board=("x1", "x2", "x3"), online=signer("x-broker"))
    other.add_root()
    other.add(SECOND_FILES)
    other.publish()
    replace_folder(board.published, snapshot_of(other.published))
    refused(party, Code.COVENANT_UNTRUSTED)
    # Also when this partnership's broker vouches for it with its own key.
    (board.published / "timestamp.json").unlink()
    mixed = shutil.copytree(board.published, tmp_path / "mixed")
    (mixed / "1.root.json").write_bytes(board.root)
    renew(mixed, board.online, NOW + timedelta(days=4))
    shutil.copytree(mixed, board.published, dirs_exist_ok=True)
    refused(party, Code.COVENANT_UNTRUSTED)


def test_the_broker_gets_another_online_key_by_a_root(board: SignedCovenants, party: CovenantTrust):
    """After a root that names another online key, the old one's word counts no more, and the new one's does."""
    after = SignedCovenants(board.folder, online=signer("broker-2"))
    after.add_root()
    shutil.copy(after.work.folder / "2.root.json", after.published)
    refused(party, Code.COVENANT_UNTRUSTED)
    renew(after.published, after.online, NOW + timedelta(minutes=1))
    assert party.refresh().root_version == 2


# --- Keeping ---


def test_what_a_crash_left_behind_is_cleared_away(board: SignedCovenants, party: CovenantTrust):
    """A refresh that was cut off leaves what was kept in force; the next one removes its remains."""
    (party.folder / ".metadata-cut-off").mkdir()
    (party.folder / ".metadata-cut-off" / "timestamp.json").write_bytes(b"half")
    assert party.load().covenant == FIRST
    second(board)
    party.refresh()
    assert not (party.folder / ".metadata-cut-off").exists()


def test_refreshing_side_by_side_is_safe(board: SignedCovenants, party: CovenantTrust):
    """Several commands of one home may refresh and load at once."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            mine = CovenantTrust.open(party.folder)
            for _ in range(3):
                mine.refresh()
                mine.load()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    second(board)
    for thread in threads:
        thread.join()
    assert not failed
    assert party.refresh().covenant.version == "2026.2"


def test_a_rehearsal_keeps_nothing(board: SignedCovenants, party: CovenantTrust):
    """What a source would bring can be seen without taking it over."""
    second(board)
    before = {name for name in snapshot_of(party.folder) if not name.startswith("targets/")}
    assert party.rehearse(str(board.published)).covenant.version == "2026.2"
    assert {name for name in snapshot_of(party.folder) if not name.startswith("targets/")} == before
    assert party.load().covenant == FIRST


# --- Over HTTP ---


@pytest.fixture
def web(board: SignedCovenants) -> Iterator[Callable[[type[BaseHTTPRequestHandler] | Any], str]]:
    """Serves with a handler and returns the address."""
    servers: list[ThreadingHTTPServer] = []

    def start(handler: Any) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_it_is_fetched_over_http(board: SignedCovenants, tmp_path: Path, web: Callable[[Any], str]):
    """An address gives what a folder gives, with or without its last slash."""
    address = web(partial(_Quiet, directory=str(board.published)))
    for place, source in enumerate((address, address.rstrip("/"))):
        assert board.enrol(tmp_path / str(place), source).load().covenant == FIRST


def test_nobody_there_is_not_a_refusal(board: SignedCovenants, tmp_path: Path):
    """A source that cannot be reached leaves what is kept in force."""
    party = board.enrol(tmp_path / "a")
    moved = CovenantTrust.begin(party.folder, board.root, "http://127.0.0.1:1/covenant/")
    refused(moved, Code.UNAVAILABLE)


@pytest.mark.parametrize("status", [301, 403, 500])
def test_a_server_that_does_not_answer_as_agreed_is_not_a_refusal(
    board: SignedCovenants, party: CovenantTrust, web: Callable[[Any], str], status: int
):
    """Redirects are not followed, and failures leave what is kept in force."""

    class Handler(_Quiet):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

    moved = CovenantTrust.begin(party.folder, board.root, web(Handler))
    refused(moved, Code.UNAVAILABLE)


def test_an_endless_answer_is_cut_off(board: SignedCovenants, party: CovenantTrust, web: Callable[[Any], str]):
    """A server that never stops sending is refused after as many bytes as the file may have."""

    class Handler(_Quiet):
        def do_GET(self) -> None:
            if self.path.endswith("root.json"):
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b" " * 65_536)
            except OSError:
                pass

    moved = CovenantTrust.begin(party.folder, board.root, web(Handler))
    refused(moved, Code.COVENANT_UNTRUSTED)
