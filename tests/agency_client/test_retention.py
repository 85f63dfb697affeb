# SPDX-License-Identifier: EUPL-1.2
"""What is over is gone from the vault's file, journal included, in time and not before; what proves acts stays."""

from datetime import timedelta
from pathlib import Path

import pytest

from agency_client.draft import Draft
from agency_client.retention import LOOK_BACK, Keeping, erase_what_is_over
from agency_client.states import SignalState
from protocol.encoding import format_time
from protocol.errors import NotFoundError
from tests.fakes.agency import make_client, new_signal
from tests.fakes.small_world import NOW, World

ANNA = [("bsn", "123456782"), ("name-dob", "anna|vries|2004-02-29")]
BRAM = [("bsn", "111222333")]
DAY = timedelta(days=1)
MONTHS = timedelta(days=90)
"""How long the signals of these tests stand."""


@pytest.mark.parametrize(
    ("retention", "days", "over"),
    [
        (timedelta(days=365), 0, False),
        (timedelta(days=365), 29, False),
        (timedelta(days=365), 30, True),
        (timedelta(days=7), 6, False),
        (timedelta(days=7), 7, True),
        (timedelta(), 0, True),
    ],
)
def test_content_stays_a_month_and_no_longer_than_its_purpose_allows(
    retention: timedelta, days: int, over: bool
) -> None:
    """What a signal leaves stays a month after its end, or the purpose's own retention when that is shorter."""
    assert Keeping().is_over(NOW, retention, NOW + timedelta(days=days)) is over


async def test_a_signal_that_ended_is_erased_in_time(tmp_path: Path, world: World) -> None:
    """Draft, envelope keys and hits go a month after the end of a signal; its state and its proofs stay."""
    police, care = make_client(tmp_path / "p", world), make_client(tmp_path / "c", world, "care-linde")
    care.add(("C-1", ANNA))
    assert await care.send() is None
    police.add(("P-1", ANNA), ("P-2", BRAM))
    assert await police.send() is None
    await police.reading.read()
    (hit,) = police.vault.hits.all()
    (gone,) = police.vault.signals.find("P-2")
    await police.acts.withdraw(gone, "ended", "0" * 32)
    vault, covenant = police.vault, world.kit.covenant
    receipts = vault.evidence.count_receipts()
    assert erase_what_is_over(vault, covenant, Keeping(), NOW).signals == 0
    assert erase_what_is_over(vault, covenant, Keeping(), NOW + LOOK_BACK - DAY).signals == 0
    assert erase_what_is_over(vault, covenant, Keeping(), NOW + LOOK_BACK).signals == 1
    left = Draft.from_bytes(vault.signals.get(gone.id).draft)
    assert (left.reference, left.case_reference, left.parts) == ("", "", {})
    assert {key.normal_form for key in left.keys} == {""}
    assert vault.signals.envelope_keys(gone.id) == ()
    # The other still stands, and so does its hit.
    assert vault.hits.get(hit.id).notice.counterpart is not None
    erased = erase_what_is_over(vault, covenant, Keeping(), NOW + MONTHS + LOOK_BACK)
    assert erased.signals == 1
    with pytest.raises(NotFoundError):
        vault.hits.get(hit.id)
    assert vault.signals.count() == {SignalState.ACCEPTED: 1, SignalState.WITHDRAWN: 1}
    assert vault.evidence.count_receipts() == receipts
    assert erase_what_is_over(vault, covenant, Keeping(), NOW + MONTHS + LOOK_BACK).signals == 0


async def test_a_signal_that_is_extended_late_is_kept(tmp_path: Path, world: World) -> None:
    """A signal whose extension was proven after its first time was over is not erased by that first time."""
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA))
    assert await client.send() is None
    (kept,) = client.vault.signals.find("P-1")
    erase_what_is_over(client.vault, world.kit.covenant, Keeping(), NOW + MONTHS)
    with client.vault.signals._database.writing() as session:
        later = format_time(NOW + 2 * MONTHS)
        session.connection().exec_driver_sql("UPDATE signal SET expires_at = ?", (later,))
    erase_what_is_over(client.vault, world.kit.covenant, Keeping(), NOW + MONTHS + LOOK_BACK)
    assert Draft.from_bytes(client.vault.signals.get(kept.id).draft).reference == "P-1"


async def test_an_erased_record_is_still_recognised(tmp_path: Path, world: World) -> None:
    """A record whose signal was withdrawn and erased is not sent again when its source offers it unchanged."""
    client = make_client(tmp_path / "p", world)
    client.add(("P-2", BRAM))
    assert await client.send() is None
    (kept,) = client.vault.signals.find("P-2")
    await client.acts.withdraw(kept, "ended", "0" * 32)
    erase_what_is_over(client.vault, world.kit.covenant, Keeping(), NOW)
    erase_what_is_over(client.vault, world.kit.covenant, Keeping(), NOW + LOOK_BACK)
    added = client.vault.signals.add([new_signal("P-2", BRAM)], NOW + LOOK_BACK)
    assert (added.new, added.withdrawn) == (0, 1)


async def test_nothing_of_it_is_left_in_the_file(tmp_path: Path, world: World) -> None:
    """After an erasure neither the file nor its journal holds the sealed values that were there before."""
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA))
    assert await client.send() is None
    (kept,) = client.vault.signals.find("P-1")
    with client.vault.signals._database.reading() as session:
        row = session.connection().exec_driver_sql("SELECT draft, envelope_keys FROM signal").one()
    sealed = [bytes(value) for value in row]

    def files() -> bytes:
        return b"".join(path.read_bytes() for path in (tmp_path / "p").glob("vault.db*"))

    # A long value may be spread over pages; its beginning is in one.
    assert all(value[:40] in files() for value in sealed)
    await client.acts.withdraw(kept, "ended", "0" * 32)
    erase_what_is_over(client.vault, world.kit.covenant, Keeping(), NOW)
    erase_what_is_over(client.vault, world.kit.covenant, Keeping(), NOW + LOOK_BACK)
    assert not any(value[:40] in files() for value in sealed)


async def test_what_old_notices_said_is_erased(tmp_path: Path, world: World) -> None:
    """A notice is forgotten when no signal that it could be about may stand, and its number is still known."""
    police, care = make_client(tmp_path / "p", world), make_client(tmp_path / "c", world, "care-linde")
    care.add(("C-1", ANNA))
    assert await care.send() is None
    police.add(("P-1", ANNA))
    assert await police.send() is None
    (theirs,) = care.vault.signals.find("C-1")
    await care.acts.withdraw(theirs, "ended", "0" * 32)
    await police.reading.read()
    last = police.vault.hits.last_seq()
    longest = max(one.retention_days for one in world.kit.covenant.purposes.values())
    early = erase_what_is_over(police.vault, world.kit.covenant, Keeping(), NOW + timedelta(days=longest))
    assert early.notices == 0
    late = NOW + timedelta(days=longest) + LOOK_BACK + DAY
    assert erase_what_is_over(police.vault, world.kit.covenant, Keeping(), late).notices == 1
    assert police.vault.hits.last_seq() == last
