# SPDX-License-Identifier: EUPL-1.2
"""Keys of epochs that are over are destroyed, not earlier and not later, and a crash does not stop that."""

from datetime import timedelta
from pathlib import Path

import pytest

from edge.keyfile import Profile, SecretText
from keyholder.ledger import Destruction, Ledger
from keyholder.ratchet import ratchet
from keyholder.seedfile import SeedFolder
from keyholder.share import HeldSeeds
from protocol.covenant import EPOCH_ZERO
from protocol.errors import Code, ConfigurationError
from protocol.ids import Epoch, HolderIndex
from protocol.threshold import Seed
from tests.fakes.covenants import make_covenant

DAY = timedelta(days=1)
TURN = EPOCH_ZERO + 90 * DAY * 3
"""The first moment of epoch 3."""
COVENANT = make_covenant(now=TURN).covenant
FIRST = HolderIndex(1)


class Place:
    """A key-holder's folder and ledger, with the seeds of epoch 2."""

    def __init__(self, path: Path) -> None:
        self.seeds = SeedFolder(
            path / "seeds", FIRST, COVENANT.sharing, SecretText("vier losse woorden"), Profile.INTERACTIVE
        )
        self.ledger = Ledger(path / "ledger.sqlite")
        sets = COVENANT.sharing.sets_of(FIRST)
        self.held = HeldSeeds(FIRST, COVENANT.sharing, Epoch(2), {members: Seed(b"s" * 32) for members in sets})
        self.seeds.write(self.held)


@pytest.fixture
def place(tmp_path: Path):
    """A place with seeds."""
    made = Place(tmp_path)
    yield made
    made.ledger.close()


@pytest.mark.parametrize("days", [-1, 0, 13])
def test_the_grace_is_respected(place: Place, days: int) -> None:
    """Until the last moment of the grace after the turn, the previous epoch's seeds stay."""
    done = ratchet(place.seeds, place.ledger, COVENANT, TURN + days * DAY)
    assert done is not None
    assert (done.held, list(done.destroyed)) == (place.held, [])
    assert place.ledger.destructions() == ()


def test_after_the_grace_the_old_seeds_are_gone(place: Place) -> None:
    """At the end of the grace the seeds are those of the current epoch, and the destruction is in the ledger."""
    now = TURN + COVENANT.grace_days * DAY
    done = ratchet(place.seeds, place.ledger, COVENANT, now)
    assert done is not None
    assert list(done.destroyed) == [2]
    assert place.seeds.read() == done.held == place.held.at(Epoch(3))
    assert place.ledger.destructions() == (Destruction(Epoch(2), now, now),)
    again = ratchet(place.seeds, place.ledger, COVENANT, now + DAY)
    assert again is not None
    assert list(again.destroyed) == []


def test_several_epochs_are_destroyed_at_once(place: Place) -> None:
    """After a long stop every epoch that is over is destroyed, each with its line in the ledger."""
    ratchet(place.seeds, place.ledger, COVENANT, TURN + 200 * DAY)
    assert [one.epoch for one in place.ledger.destructions()] == [2, 3, 4]
    held = place.seeds.read()
    assert held is not None
    assert held.epoch == 5


def test_a_crash_before_the_old_file_was_destroyed_is_finished(place: Place, tmp_path: Path) -> None:
    """When the new seeds are written and the old are not yet gone, the next call destroys them and says when."""
    now = TURN + COVENANT.grace_days * DAY
    place.ledger.begin_destruction(range(2, 3), now)
    place.seeds.write(place.held.at(Epoch(3)))
    assert len(list((tmp_path / "seeds").iterdir())) == 2
    ratchet(place.seeds, place.ledger, COVENANT, now + DAY)
    assert [path.name for path in (tmp_path / "seeds").iterdir()] == ["seeds-0000000003.key"]
    assert place.ledger.destructions() == (Destruction(Epoch(2), now, now + DAY),)


@pytest.mark.parametrize("years", [-2, 3, 30])
def test_a_clock_that_is_far_off_destroys_nothing(place: Place, years: int) -> None:
    """Outside the covenant's validity no seed is destroyed, whatever the clock says."""
    with pytest.raises(ConfigurationError) as caught:
        ratchet(place.seeds, place.ledger, COVENANT, TURN + years * 365 * DAY)
    assert caught.value.code is Code.COVENANT_INVALID
    assert place.seeds.read() == place.held


def test_a_clock_that_is_set_back_leaves_later_seeds(place: Place) -> None:
    """Seeds that are already at a later epoch stay where they are."""
    later = place.held.at(Epoch(4))
    place.seeds.write(later)
    done = ratchet(place.seeds, place.ledger, COVENANT, TURN)
    assert done is not None
    assert done.held == later


def test_nothing_happens_before_the_ceremony(tmp_path: Path) -> None:
    """A home without seeds has nothing to destroy."""
    seeds = SeedFolder(
        tmp_path / "seeds", FIRST, COVENANT.sharing, SecretText("vier losse woorden"), Profile.INTERACTIVE
    )
    ledger = Ledger(tmp_path / "ledger.sqlite")
    assert ratchet(seeds, ledger, COVENANT, TURN) is None
    ledger.close()
