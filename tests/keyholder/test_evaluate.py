# SPDX-License-Identifier: EUPL-1.2
"""Who may have what evaluated, and that the answer is right and proven."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from keyholder.evaluate import Admitted, admit, answer, within_budget
from keyholder.ledger import Spent
from keyholder.share import HeldSeeds, statement_of
from protocol.errors import Code, InputError, RefusedError
from protocol.group import decode_points
from protocol.ids import Epoch, HolderIndex, PartyId, PurposeId
from protocol.messages import Budget, EvaluationRequest
from protocol.oprf import accept, blind, finalise
from protocol.policy import PolicyEngine
from protocol.threshold import Seed, agree, combine
from tests.fakes.covenants import make_covenant

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
COVENANT = make_covenant(now=NOW, budget=100).covenant
ENGINE = PolicyEngine(COVENANT)
EPOCH = COVENANT.epoch_at(NOW)
POLICE, CARE, PROSECUTION = PartyId("police-oost"), PartyId("care-linde"), PartyId("prosecution-oost")
PREVENTION = PurposeId("offender-prevention")
SEEDS = {members: Seed(bytes([place]) * 32) for place, members in enumerate(COVENANT.sharing.sets, start=1)}
BLINDED = blind([b"one", b"two", b"three"])
ELEMENTS = tuple(element.encoded for element in BLINDED.elements)
ROOM = Budget(used=3, left=97, renews_at=NOW)


def held_by(holder: int) -> HeldSeeds:
    """Return a key-holder's seeds of this epoch."""
    own = {members: seed for members, seed in SEEDS.items() if holder in members}
    return HeldSeeds(HolderIndex(holder), COVENANT.sharing, EPOCH, own)


def asked(**changes: object) -> EvaluationRequest:
    """Return a good request with changes."""
    fields: dict[str, object] = {"purpose": PREVENTION, "epoch": EPOCH, "quorum": (1, 2), "elements": ELEMENTS}
    return EvaluationRequest.model_validate(fields | changes)


def decide(agency: PartyId = POLICE, holder: int = 1, at: datetime = NOW, **changes: object) -> Admitted:
    """Decide on a request."""
    return admit(agency, asked(**changes), covenant=COVENANT, engine=ENGINE, held=held_by(holder), now=at)


def test_any_quorum_gives_the_same_proven_pseudonyms() -> None:
    """Whichever two key-holders answer, each proves its part and the outputs are the same."""
    statements = [statement_of(held_by(holder), PREVENTION, EPOCH) for holder in (1, 2, 3)]
    keys = agree(statements, COVENANT.sharing, PREVENTION, EPOCH)
    outputs = []
    for quorum in ((1, 2), (1, 3), (2, 3)):
        parts = {}
        for holder in quorum:
            given = answer(decide(holder=holder, quorum=quorum), held_by(holder), ROOM)
            assert given.holder == holder
            public = keys.public(HolderIndex(holder), tuple(map(HolderIndex, quorum)))
            parts[HolderIndex(holder)] = accept(public, BLINDED.elements, given.elements, given.proof)
        outputs.append(finalise([b"one", b"two", b"three"], BLINDED.blinds, combine(parts)))
    assert outputs[0] == outputs[1] == outputs[2]
    assert len(set(outputs[0])) == 3


def test_what_is_admitted_says_what_will_be_taken() -> None:
    """An admitted request carries its day in UTC, its purpose's budget and the sets to answer for."""
    late = datetime(2026, 11, 22, 0, 30, tzinfo=UTC) - timedelta(hours=1)
    admitted = decide(at=late.astimezone())
    assert (admitted.day.isoformat(), admitted.limit) == ("2026-11-21", 100)
    assert admitted.sets == ((1, 2), (1, 3))
    assert admitted.elements == tuple(decode_points(ELEMENTS))


@pytest.mark.parametrize(
    ("agency", "purpose", "rule"),
    [
        ("police-west", "offender-prevention", "unknown-entity"),
        ("holder-2", "offender-prevention", "unknown-entity"),
        ("police-oost", "no-purpose", "unknown-entity"),
        ("police-oost", "probation-advice", "guard.not-a-participant"),
        ("probation-oost", "victim-protection", "guard.hidden-from-kind"),
    ],
)
def test_an_agency_evaluates_only_for_its_own_purposes(agency: str, purpose: str, rule: str) -> None:
    """Who is not in the covenant, or does not signal for the purpose, is refused with the deciding rule's name."""
    with pytest.raises(RefusedError) as caught:
        decide(PartyId(agency), purpose=purpose)
    assert caught.value.code is Code.POLICY_REFUSED
    assert caught.value.rule == rule


@pytest.mark.parametrize("epoch", [EPOCH - 1, EPOCH + 1, 0])
def test_an_epoch_that_is_not_live_is_closed(epoch: int) -> None:
    """Neither an epoch that is over nor one to come is evaluated, and the refusal says which are live."""
    with pytest.raises(RefusedError) as caught:
        decide(epoch=epoch)
    assert caught.value.code is Code.EPOCH_CLOSED
    assert caught.value.hint is not None
    assert f"Live now: {EPOCH}." in caught.value.hint


def test_who_may_not_ask_hears_that_first() -> None:
    """An agency that may not ask at all is refused by policy, also for an epoch that is closed."""
    with pytest.raises(RefusedError) as caught:
        decide(PartyId("police-west"), epoch=EPOCH - 1)
    assert caught.value.code is Code.POLICY_REFUSED


def test_an_epoch_whose_seeds_are_gone_is_closed_though_live() -> None:
    """When the clock was set back over a turn, the destroyed epoch stays closed."""
    held = held_by(1).at(Epoch(EPOCH + 1))
    with pytest.raises(RefusedError) as caught:
        admit(POLICE, asked(), covenant=COVENANT, engine=ENGINE, held=held, now=NOW)
    assert caught.value.code is Code.EPOCH_CLOSED


def test_a_batch_has_the_purposes_size_at_most() -> None:
    """One element more than the purpose's largest batch is refused."""
    small = COVENANT.purposes[PREVENTION].model_copy(update={"max_batch": 2})
    covenant = replace(COVENANT, purposes={**COVENANT.purposes, PREVENTION: small})
    with pytest.raises(InputError) as caught:
        admit(POLICE, asked(), covenant=covenant, engine=ENGINE, held=held_by(1), now=NOW)
    assert caught.value.code is Code.TOO_LARGE
    fits = asked(elements=ELEMENTS[:2])
    assert len(admit(POLICE, fits, covenant=covenant, engine=ENGINE, held=held_by(1), now=NOW).elements) == 2


@pytest.mark.parametrize("quorum", [(2, 3), (1,), (1, 2, 3), (1, 4)])
def test_a_quorum_is_exactly_the_threshold_with_this_key_holder(quorum: tuple[int, ...]) -> None:
    """A quorum without this key-holder, of another size or with an unknown number is malformed."""
    with pytest.raises(InputError) as caught:
        decide(quorum=quorum)
    assert caught.value.code is Code.MALFORMED


@pytest.mark.parametrize(
    "element",
    [
        bytes(32),
        b"\xff" * 32,
        bytes.fromhex("01" + "00" * 31),
        bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        bytes.fromhex("f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ],
)
def test_an_element_that_is_no_point_is_refused(element: bytes) -> None:
    """The identity, negative and non-canonical field elements (RFC 9496 appendix A.3) are refused."""
    with pytest.raises(InputError) as caught:
        decide(elements=(*ELEMENTS[:2], element))
    assert caught.value.code is Code.INVALID_ELEMENT


def test_a_granted_reservation_shows_what_is_left() -> None:
    """The budget of an answer is the day's use so far, what is left, and the next midnight UTC."""
    assert within_budget(decide(), Spent(True, 60)) == Budget(
        used=60, left=40, renews_at=datetime(2026, 11, 22, tzinfo=UTC)
    )


def test_a_refused_reservation_says_used_left_and_renewal() -> None:
    """The refusal says what is used and left and when the budget renews, for people and for programs."""
    with pytest.raises(RefusedError) as caught:
        within_budget(decide(), Spent(False, 98))
    assert caught.value.code is Code.BUDGET_EXHAUSTED
    assert "98 of today's 100" in caught.value.detail
    assert {issue.location: issue.message for issue in caught.value.issues} == {
        "budget.used": "98",
        "budget.left": "2",
        "budget.renewsAt": "2026-11-22T00:00:00.000Z",
    }


def test_a_lowered_budget_leaves_nothing_rather_than_less() -> None:
    """When a new covenant lowers the budget below today's use, nothing is left."""
    with pytest.raises(RefusedError) as caught:
        within_budget(decide(), Spent(False, 500))
    assert "0 are left" in caught.value.detail
