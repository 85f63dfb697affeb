# SPDX-License-Identifier: EUPL-1.2
"""What a role acts under from moment to moment: the newest that the board signed, the last one, or nothing."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge import logs
from edge.covenant_trust import CovenantTrust
from edge.covenant_watch import LOOK_SECONDS, CovenantWatch, enrol, newest, recent
from edge.logs import logger
from protocol.covenant import Covenant
from protocol.errors import Code, ConfigurationError, UnavailableError, VerificationError
from tests.fakes.covenant_repository import SignedCovenants, signed_covenants
from tests.fakes.covenants import amended, make_covenant

NOW = datetime.now(UTC)
KIT = make_covenant(now=NOW)
NEXT = amended(KIT, "2026.2")
LATER = amended(KIT, "2026.3")


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Log here: what an earlier test logged to may be closed by now."""
    logs.configure(stream=io.StringIO())
    yield
    logs.configure()


@pytest.fixture
def board(tmp_path: Path) -> SignedCovenants:
    """Return a board that has signed and published one covenant."""
    return signed_covenants(tmp_path / "board", KIT.files)


def _fits_all(_: Covenant) -> None:
    """Pass for every covenant."""


def _watch(board: SignedCovenants, folder: Path) -> CovenantWatch:
    return CovenantWatch(board.enrol(folder / "covenant"), _fits_all, logger("test"))


def _sign(board: SignedCovenants, files: dict[str, bytes]) -> None:
    board.add(files)
    board.publish()


def test_a_new_version_is_taken_over_whole(board: SignedCovenants, tmp_path: Path) -> None:
    """A look returns the board's next version with its own rules and keys; without a change the very same value."""
    watch = _watch(board, tmp_path)
    first = watch.agreed
    assert watch.look(NOW) is first
    _sign(board, NEXT.files)
    found = watch.look(NOW)
    assert (found.covenant.sha256, found.engine.covenant.sha256) == (NEXT.covenant.sha256,) * 2
    assert first.covenant.sha256 == KIT.covenant.sha256


def test_the_same_version_signed_anew_keeps_its_rules(board: SignedCovenants, tmp_path: Path) -> None:
    """Fresh signatures under the same bytes only move the end: nothing is parsed again."""
    watch = _watch(board, tmp_path)
    first = watch.agreed
    board.publish(now=NOW + timedelta(hours=20))
    found = watch.look(NOW)
    assert first.until is not None
    assert found.until is not None
    assert found.until > first.until
    assert found.covenant is first.covenant


def test_a_source_that_is_away_changes_nothing(board: SignedCovenants, tmp_path: Path) -> None:
    """While the source cannot be reached the last version counts, and one that starts takes it from its own home."""
    watch = _watch(board, tmp_path)
    first = watch.agreed
    board.published.rename(tmp_path / "gone")
    assert watch.look(NOW) is first
    again = CovenantWatch(CovenantTrust.open(tmp_path / "covenant"), _fits_all, logger("test"))
    assert again.agreed.covenant.sha256 == first.covenant.sha256


def test_a_source_that_lies_changes_nothing(board: SignedCovenants, tmp_path: Path) -> None:
    """What is offered with too few signatures is not taken over, neither by one that runs nor by one that starts."""
    watch = _watch(board, tmp_path)
    first = watch.agreed
    _sign(board, NEXT.files)
    board.bend("2.targets.json", lambda signed: None, signers=["chair"])
    assert watch.look(NOW) is first
    again = CovenantWatch(CovenantTrust.open(tmp_path / "covenant"), _fits_all, logger("test"))
    assert again.agreed.covenant.sha256 == first.covenant.sha256


def test_a_signed_version_without_a_place_for_us_ends_the_last_one(board: SignedCovenants, tmp_path: Path) -> None:
    """When the board signs what this home cannot act under, it acts under nothing, until a version fits again."""
    refused = NEXT.covenant.sha256

    def fits(covenant: Covenant) -> None:
        if covenant.sha256 == refused:
            raise ConfigurationError(Code.COVENANT_INVALID, "Other keys.")

    watch = CovenantWatch(board.enrol(tmp_path / "covenant"), fits, logger("test"))
    _sign(board, NEXT.files)
    for moment in (NOW, NOW + timedelta(minutes=1)):
        with pytest.raises(UnavailableError) as over:
            watch.look(moment).require_in_force(moment)
        assert over.value.code is Code.COVENANT_EXPIRED
    _sign(board, LATER.files)
    watch.look(NOW).require_in_force(NOW)


def test_short_commands_ask_once_a_minute(board: SignedCovenants, tmp_path: Path) -> None:
    """A command asks the source unless another of the same home did within the minute."""
    trust = board.enrol(tmp_path / "covenant")
    assert recent(trust, NOW).covenant.sha256 == KIT.covenant.sha256
    _sign(board, NEXT.files)
    assert recent(trust, NOW + timedelta(seconds=LOOK_SECONDS / 2)).covenant.sha256 == KIT.covenant.sha256
    assert recent(trust, NOW + timedelta(seconds=LOOK_SECONDS)).covenant.sha256 == NEXT.covenant.sha256


def test_a_clock_that_went_back_keeps_no_command_from_asking(board: SignedCovenants, tmp_path: Path) -> None:
    """A mark of a later moment than now does not count: a corrected clock would hide new versions for as long."""
    trust = board.enrol(tmp_path / "covenant")
    recent(trust, NOW + timedelta(days=1))
    _sign(board, NEXT.files)
    assert recent(trust, NOW).covenant.sha256 == NEXT.covenant.sha256


def test_a_changed_byte_at_home_is_refused(board: SignedCovenants, tmp_path: Path) -> None:
    """A kept covenant that was changed is fetched anew, and refused while the source is away."""
    trust = board.enrol(tmp_path / "covenant")
    (kept,) = (tmp_path / "covenant" / "targets").glob("*.json")
    false = kept.read_bytes().replace(b"forbid", b"permit", 1)
    kept.write_bytes(false)
    assert newest(trust).covenant.sha256 == KIT.covenant.sha256
    assert kept.read_bytes() != false
    kept.write_bytes(false)
    board.published.rename(tmp_path / "gone")
    with pytest.raises(VerificationError) as refused:
        newest(CovenantTrust.open(tmp_path / "covenant"))
    assert refused.value.code is Code.COVENANT_UNTRUSTED


def test_a_root_that_cannot_be_read_is_said(board: SignedCovenants, tmp_path: Path) -> None:
    """Enrolling names the file that is not there, and pins nothing."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.json cannot be read"):
        enrol(tmp_path / "home", tmp_path / "nowhere.json", str(board.published))
    assert not (tmp_path / "home").exists()
    assert enrol(tmp_path / "home", board.root_path, str(board.published)).covenant.sha256 == KIT.covenant.sha256
