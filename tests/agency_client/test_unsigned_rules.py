# SPDX-License-Identifier: EUPL-1.2
"""Whoever operates the broker writes rules of his own into its database: no client uses anything told under them."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from agency_client.signed_versions import REPLACED_GRACE, Earlier
from agency_client.taken import note_taken, replaced_at
from protocol.covenant import Covenant
from protocol.errors import Code, NotFoundError, UnavailableError, VerificationError
from protocol.ids import PartyId
from tests.fakes.agency import Client, make_client
from tests.fakes.agency_vault import open_vault
from tests.fakes.covenants import CovenantKit, amended
from tests.fakes.small_world import NOW, PURPOSE, World

ANNA = [("bsn", "123456782")]
POLICE = PartyId("police-oost")
SECOND = timedelta(seconds=1)
RULES = f"purposes/{PURPOSE}.cedar"


def _forged(kit: CovenantKit) -> Covenant:
    """Return what no board signed: the same version name, and a rule that gives more away."""
    return amended(
        kit, kit.covenant.version, {RULES: ('action == Action::"push"', 'action == Action::"push" ')}
    ).covenant


def _signed(*versions: Covenant) -> Earlier:
    """Return the lookup of a board that signed these."""
    known = {one.sha256: one for one in versions}

    def look(sha256: str) -> Covenant:
        if sha256 not in known:
            raise NotFoundError(Code.NOT_FOUND, "The board has signed no such version of the covenant.")
        return known[sha256]

    return look


async def _pair(folder: Path, world: World, earlier: Earlier | None = None) -> tuple[Client, Client]:
    """Return police whose signal is accepted, and care that is about to send one of the same person."""
    more = {} if earlier is None else {"earlier": earlier}
    police = make_client(folder / "p", world, **more)  # type: ignore[arg-type]
    care = make_client(folder / "c", world, "care-linde", **more)  # type: ignore[arg-type]
    police.add(("P-1", ANNA))
    assert await police.send() is None
    care.add(("C-1", ANNA))
    return police, care


def _act_under(world: World, covenant: Covenant) -> None:
    world.broker.recorder = replace(world.broker.recorder, covenant=covenant)


def _found(client: Client) -> list[str]:
    return [finding.code for finding in client.vault.evidence.findings()]


async def test_a_receipt_under_an_unsigned_rule_settles_nothing(tmp_path: Path, world: World) -> None:
    """An answer whose log entry names rules that the board never signed is a finding, and the request stays."""
    _, care = await _pair(tmp_path, world)
    _act_under(world, _forged(world.kit))
    refused = await care.send()
    assert isinstance(refused, VerificationError)
    assert refused.code is Code.COVENANT_UNTRUSTED
    assert _found(care) == [Code.COVENANT_UNTRUSTED]
    assert care.vault.outbox.count_open() == 1
    # Proven to be logged under the signed rules after all, the same request is settled.
    world.broker._answers.clear()
    world.broker.signals.popitem()
    world.broker.hits.clear()
    _act_under(world, world.kit.covenant)
    assert await care.send() is None
    assert care.vault.outbox.count_open() == 0


async def test_a_notice_under_an_unsigned_rule_is_not_shown(tmp_path: Path, world: World) -> None:
    """A hit told under rules that the board never signed is a finding, and there is no hit to open."""
    police, care = await _pair(tmp_path, world)
    _act_under(world, _forged(world.kit))
    await care.send()
    news = await police.reading.read()
    assert [failure.code for failure in news.failures] == [Code.COVENANT_UNTRUSTED]
    assert _found(police) == [Code.COVENANT_UNTRUSTED]
    assert police.vault.hits.all() == []


async def test_more_than_the_signed_rules_allow_is_not_shown(tmp_path: Path, world: World) -> None:
    """A broker that names the signed version and tells more than it allows is caught by the client's own engine."""
    police, care = await _pair(tmp_path, world)
    world.broker.level = "content"
    assert await care.send() is None
    news = await police.reading.read()
    assert [failure.code for failure in news.failures] == [Code.COVENANT_UNTRUSTED]
    assert "more than any rule" in news.failures[0].detail
    assert police.vault.hits.all() == []


async def test_less_than_the_rules_allow_for_somebody_nobody_names(tmp_path: Path, world: World) -> None:
    """At level existence no counterpart is named: it is believed, since there is somebody of whom it may be told."""
    police, care = await _pair(tmp_path, world)
    world.broker.level = "existence"
    assert await care.send() is None
    assert len((await police.reading.read()).verified) == 1


async def test_what_an_earlier_signed_version_says_still_counts(tmp_path: Path, world: World) -> None:
    """What was logged under a version that the board signed before holds, by that version's own rules."""
    before = amended(world.kit, "2025.9").covenant
    police, care = await _pair(tmp_path, world, _signed(before))
    _act_under(world, before)
    assert await care.send() is None
    assert len((await police.reading.read()).verified) == 1
    assert _found(police) == _found(care) == []


async def test_a_signed_version_under_another_name_is_a_lie(tmp_path: Path, world: World) -> None:
    """An entry that calls a signed version by another name than the board did is a finding."""
    before = amended(world.kit, "2025.9").covenant
    _, care = await _pair(tmp_path, world, _signed(before))
    _act_under(world, cast(Covenant, SimpleNamespace(version="2025.8", sha256=before.sha256)))
    refused = await care.send()
    assert isinstance(refused, VerificationError)
    assert refused.code is Code.COVENANT_UNTRUSTED


async def test_a_broker_that_stays_behind_is_caught(tmp_path: Path, world: World) -> None:
    """What is done under a version that this agency saw replaced more than a day ago is a finding; before that, not."""
    before = amended(world.kit, "2025.9").covenant
    for number, (ago, codes) in enumerate(((REPLACED_GRACE, []), (REPLACED_GRACE + SECOND, [Code.COVENANT_UNTRUSTED]))):
        seen = {before.sha256: NOW - ago}
        care = make_client(tmp_path / f"c{number}", world, "care-linde", earlier=_signed(before), replaced=seen)
        care.add((f"C-{number}", ANNA))
        _act_under(world, before)
        await care.send()
        assert _found(care) == codes


def test_when_a_version_was_replaced_is_remembered(tmp_path: Path) -> None:
    """Each version ends when the next was taken over; one that the board brought back counts again."""
    shelf = open_vault(tmp_path, b"police").evidence
    for days, sha256 in enumerate(("a", "a", "b", "c", "b")):
        note_taken(shelf, sha256 * 64, NOW + timedelta(days=days))
    assert replaced_at(shelf) == {"a" * 64: NOW + timedelta(days=2), "c" * 64: NOW + timedelta(days=4)}


async def test_who_makes_versions_up_is_looked_up_no_more(tmp_path: Path, world: World) -> None:
    """A version that was looked up in vain once is not looked up again: lookups are work that a liar could ask for."""
    asked: list[str] = []

    def look(sha256: str) -> Covenant:
        asked.append(sha256)
        raise NotFoundError(Code.NOT_FOUND, "The board has signed no such version of the covenant.")

    _, care = await _pair(tmp_path, world, look)
    _act_under(world, _forged(world.kit))
    for _ in range(3):
        await care.send()
    assert len(asked) == 1


async def test_an_own_copy_that_cannot_be_verified_accuses_nobody(tmp_path: Path, world: World) -> None:
    """When this agency's own kept covenant does not hold, the request waits and no finding is made about the broker."""

    def look(_: str) -> Covenant:
        raise VerificationError(Code.COVENANT_EXPIRED, "It has expired.")

    _, care = await _pair(tmp_path, world, look)
    _act_under(world, amended(world.kit, "2025.9").covenant)
    refused = await care.send()
    assert isinstance(refused, UnavailableError)
    assert refused.code is Code.COVENANT_EXPIRED
    assert _found(care) == []
    assert care.vault.outbox.count_open() == 1
