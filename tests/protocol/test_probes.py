# SPDX-License-Identifier: EUPL-1.2
"""Probes: both agencies draw the same without a word, nobody else can, and the chances are what a simulation finds."""

import random
from collections import Counter
from datetime import UTC, datetime

import pytest
from nacl.bindings import crypto_sign_ed25519_pk_to_curve25519

from protocol.ids import KeyKind, PartyId, PurposeId
from protocol.keys import quality_of
from protocol.probe_chances import chance_of_given, chance_to_catch, cost, weeks_until
from protocol.probes import (
    BEFORE_TURN,
    LARGEST_GAP,
    SMALLEST_GAP,
    PairSecret,
    Probe,
    pair_secret,
    probes_of,
    week_at,
)
from protocol.signing import Signer, _montgomery
from tests.fakes.covenants import make_covenant

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
KIT = make_covenant(now=NOW)
POLICE, CARE, COUNCIL = (PartyId(name) for name in ("police-oost", "care-linde", "municipality-dalen"))
PURPOSES = [PurposeId("offender-prevention"), PurposeId("victim-protection")]


def secret_of(mine: PartyId, other: PartyId) -> PairSecret:
    """Return the pair's secret as one of the two makes it."""
    theirs: Signer = KIT.signers[other]
    return pair_secret(KIT.signers[mine], other, theirs.key_id, theirs.public_key)


def many(weeks: int = 300, rate: float = 1) -> list[Probe]:
    """Return the probes of many weeks."""
    secret = secret_of(POLICE, CARE)
    return [one for week in range(weeks) for one in probes_of(secret, week, rate, PURPOSES, KIT.covenant)]


def test_both_make_the_same_secret_and_a_third_makes_another() -> None:
    """Two agencies' keys give one secret from either side; with anybody else each has another."""
    assert secret_of(POLICE, CARE) == secret_of(CARE, POLICE)
    assert len({secret_of(POLICE, CARE).value, secret_of(POLICE, COUNCIL).value, secret_of(CARE, COUNCIL).value}) == 3
    assert "value" not in repr(secret_of(POLICE, CARE))


def test_the_x25519_form_of_a_key_is_libsodiums() -> None:
    """An Ed25519 public key is turned into its X25519 form as libsodium does it; what is no such key is refused."""
    for signer in KIT.signers.values():
        assert _montgomery(signer.public_key) == crypto_sign_ed25519_pk_to_curve25519(signer.public_key)
    for bad in (bytes(32), (1).to_bytes(32, "little"), b"short", (2**255 - 20).to_bytes(32, "little")):
        with pytest.raises(ValueError, match="no public key"):
            KIT.signers[POLICE].agree(bad)


def test_both_draw_the_same_probes_and_each_has_its_own_moment() -> None:
    """Week for week the two agencies know the same probes, with the same values where they agree."""
    week = week_at(NOW)
    mine, theirs = (
        probes_of(secret_of(*pair), week, 5, PURPOSES, KIT.covenant) for pair in ((POLICE, CARE), (CARE, POLICE))
    )
    assert mine == theirs
    assert mine
    for one in mine:
        assert one.due(POLICE) != one.due(CARE)
        for kind in KIT.covenant.purpose(one.purpose).key_kinds:
            same = one.form(kind, 0, POLICE) == one.form(kind, 0, CARE)
            assert same == (kind not in one.differs)
            assert one.form(kind, 1, POLICE) != one.form(kind, 1, CARE)


def test_the_rate_is_kept_and_moments_are_random() -> None:
    """On average as many as agreed begin a week, with none in some weeks and several in others, of all purposes."""
    found = many()
    weeks = Counter(one.id.week for one in found)
    assert 0.8 < len(found) / 300 < 1.2
    assert max(weeks.values()) >= 3
    assert sum(week not in weeks for week in range(300)) > 60
    assert {one.purpose for one in found} == set(PURPOSES)
    first = sum(one.first_due < one.second_due for one in found)
    assert 0.4 < first / len(found) < 0.6


def test_gaps_are_of_every_size_and_stay_within_the_epoch() -> None:
    """From minutes to weeks lie between the two signals, always of one epoch."""
    gaps = []
    for one in many():
        earlier, later = sorted((one.first_due, one.second_due))
        gaps.append(later - earlier)
        turn = KIT.covenant.epoch_start(one.epoch + 1)  # type: ignore[arg-type]  # the next number
        assert KIT.covenant.epoch_at(earlier) == KIT.covenant.epoch_at(later) == one.epoch
        assert later <= turn - BEFORE_TURN
    assert min(gaps) >= SMALLEST_GAP
    assert max(gaps) <= LARGEST_GAP
    hours = [gap.total_seconds() / 3600 for gap in gaps]
    assert sum(one < 2 for one in hours) > len(hours) / 8
    assert sum(one > 48 for one in hours) > len(hours) / 4


def test_two_whole_signals_always_make_a_hit_of_some_quality() -> None:
    """Whatever differs, something that makes a hit alone stays; hits and probable hits both occur."""
    found: Counter[str | None] = Counter()
    for one in many():
        kinds = frozenset(KIT.covenant.purpose(one.purpose).key_kinds)
        found[quality_of(kinds - one.differs)] += 1
    assert set(found) == {"hit", "probable"}


def test_no_record_has_the_form_of_a_probe() -> None:
    """A probe's values are no values that anybody can write in a record, and each occurs once."""
    forms = [one.form(KeyKind("phone"), 0, POLICE) for one in many()]
    assert len(set(forms)) == len(forms)
    assert all(form.startswith("probe|") and len(form) == 70 for form in forms)


def test_nothing_is_probed_without_a_rate_or_a_purpose() -> None:
    """A covenant with rate 0, and a pair with nothing in common, have no probes."""
    assert many(rate=0) == []
    assert probes_of(secret_of(POLICE, CARE), 10, 5, [], KIT.covenant) == []


@pytest.mark.parametrize(("share", "pairs", "weeks"), [(0.01, 10, 13), (0.05, 3, 52 / 12), (0.5, 1, 4), (0.1, 1, 13)])
def test_the_chance_is_what_a_simulation_finds(share: float, pairs: int, weeks: float) -> None:
    """Two thousand simulated brokers that withhold a share at random are caught as often as computed."""
    dice, runs, caught = random.Random(4), 4_000, 0
    for _ in range(runs):
        time, seen = dice.expovariate(pairs), False
        while time < weeks and not seen:
            seen = dice.random() < share
            time += dice.expovariate(pairs)
        caught += seen
    assert caught / runs == pytest.approx(chance_to_catch(share, 1, pairs, weeks), abs=0.03)


def test_chances_have_the_limits_that_they_must() -> None:
    """Nothing withheld or nothing probed is never caught; all withheld is caught by the first; the inverse fits."""
    assert chance_to_catch(0, 1, 10, 52) == chance_to_catch(0.5, 0, 10, 52) == chance_to_catch(0.5, 1, 0, 52) == 0
    assert chance_of_given(1, 1) == 1
    assert chance_of_given(0.5, 2) == 0.75
    assert chance_to_catch(0.1, 1, 10, weeks_until(0.1, 1, 10)) == pytest.approx(0.95)
    assert weeks_until(0, 1, 1) == float("inf")
    assert chance_to_catch(0.1, 1, 4, 10, working=0.5) == pytest.approx(chance_to_catch(0.1, 1, 2, 10))
    assert cost(1, 4, 36) == pytest.approx(0.1)
    assert cost(0, 4, 0) == 0
    with pytest.raises(ValueError, match="shares"):
        chance_to_catch(1.5, 1, 1, 1)
