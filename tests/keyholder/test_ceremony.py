# SPDX-License-Identifier: EUPL-1.2
"""The key ceremony: who ends up with which seed, and what is not accepted."""

from datetime import UTC, datetime
from typing import Any

import pytest
from nacl.public import PublicKey, SealedBox

from keyholder.ceremony import accept, deal, fingerprints
from keyholder.share import HeldSeeds
from protocol.errors import Code, ConflictError, InputError, SluisError, VerificationError
from protocol.ids import Epoch, HolderIndex, PartyId
from protocol.messages import SealedSeed
from protocol.threshold import HolderSet, Seed
from tests.fakes.covenants import CovenantKit, make_covenant

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
EPOCH = Epoch(3)
KIT = make_covenant(now=NOW)


def empty(holder: int, epoch: int = EPOCH, kit: CovenantKit = KIT) -> HeldSeeds:
    """Return a key-holder before the ceremony."""
    return HeldSeeds(HolderIndex(holder), kit.covenant.sharing, Epoch(epoch), {})


def dealt_by(holder: int, held: HeldSeeds | None = None, kit: CovenantKit = KIT) -> Any:
    """Let one key-holder deal."""
    return deal(held or empty(holder, kit=kit), kit.covenant, kit.signers[PartyId(f"holder-{holder}")])


def taken_by(holder: int, package: SealedSeed, held: HeldSeeds | None = None, kit: CovenantKit = KIT) -> Any:
    """Let one key-holder accept a package."""
    key = bytes(kit.sealing_keys[PartyId(f"holder-{holder}")])
    return accept(held or empty(holder, kit=kit), package, kit.covenant, key, NOW)


def one_package(dealer: int, receiver: int) -> SealedSeed:
    """Return the package from one to another of the first set that both are in."""
    return next(package for package in dealt_by(dealer).packages if package.place.receiver == receiver)


@pytest.mark.parametrize(("threshold", "holders"), [(2, 3), (3, 5), (2, 2)])
def test_everyone_ends_with_exactly_its_own_seeds(threshold: int, holders: int) -> None:
    """After one round each holds the seed of every set that it is in, and the members of a set hold the same."""
    kit = make_covenant(now=NOW, key_holders=holders, threshold=threshold)
    held = {number: empty(number, kit=kit) for number in range(1, holders + 1)}
    for number in held:
        dealt = dealt_by(number, held[number], kit)
        held[number] = dealt.held
        for package in dealt.packages:
            to = package.place.receiver
            held[to] = taken_by(to, package, held[to], kit).held
    seeds: dict[HolderSet, set[bytes]] = {}
    for one in held.values():
        assert one.missing == ()
        for members, seed in one.seeds.items():
            seeds.setdefault(members, set()).add(seed.encoded)
    assert set(seeds) == set(kit.covenant.sharing.sets)
    assert all(len(same) == 1 for same in seeds.values())
    assert len(set.union(*seeds.values())) == len(seeds)


def test_dealing_again_seals_the_same_seeds_again() -> None:
    """Who deals twice, because a package was lost, hands out the same seeds."""
    first = dealt_by(1)
    again = dealt_by(1, first.held)
    assert again.held == first.held
    assert taken_by(2, again.packages[0]).held == taken_by(2, first.packages[0]).held


def test_accepting_again_changes_nothing() -> None:
    """The same package twice is known the second time."""
    package = one_package(1, 2)
    first = taken_by(2, package)
    assert first.new
    again = taken_by(2, package, first.held)
    assert (again.new, again.held) == (False, first.held)


def test_another_seed_of_the_same_set_is_refused() -> None:
    """A set that has a seed keeps it when its dealer sends another one."""
    held = taken_by(2, one_package(1, 2)).held
    with pytest.raises(ConflictError) as caught:
        taken_by(2, one_package(1, 2), held)
    assert caught.value.code is Code.CONFLICT


def test_a_seed_is_ratcheted_to_the_receivers_epoch() -> None:
    """A package that travelled over the turn of an epoch gives the seed of the receiver's epoch."""
    package = one_package(1, 2)
    members = package.place.members
    same, later = taken_by(2, package).held, taken_by(2, package, empty(2, EPOCH + 2)).held
    assert later.seeds == same.at(Epoch(EPOCH + 2)).seeds
    assert later.seeds[members] != same.seeds[members]


def test_a_seed_of_a_later_epoch_is_refused() -> None:
    """A dealer whose clock is an epoch ahead is not followed."""
    refusal(InputError, Code.MALFORMED, lambda: taken_by(2, one_package(1, 2), empty(2, EPOCH - 1)))


def test_a_package_for_another_is_refused() -> None:
    """Key-holder 3 does not take what is for key-holder 2."""
    refusal(InputError, Code.MALFORMED, lambda: taken_by(3, one_package(1, 2)))


def test_a_package_of_another_sharing_is_refused() -> None:
    """A seed for another threshold than the covenant's is not taken."""
    kit = make_covenant(now=NOW, key_holders=3, threshold=3)
    refusal(InputError, Code.MALFORMED, lambda: taken_by(2, one_package(1, 2), empty(2, kit=kit), kit))


@pytest.mark.parametrize("field", ["members", "epoch"])
def test_a_package_moved_to_another_place_is_refused(field: str) -> None:
    """Neither set nor epoch of a package can be changed after it was signed."""
    package = one_package(1, 3)
    other: dict[str, object] = {"members": (1, 2, 3)[: len(package.place.members)], "epoch": EPOCH - 1}
    place = package.place.model_copy(update={field: other[field], "receiver": 2 if field == "members" else 3})
    moved = package.model_copy(update={"place": place})
    refusal(VerificationError, Code.SIGNATURE_INVALID, lambda: taken_by(place.receiver, moved))


def test_only_the_lowest_member_deals() -> None:
    """A seed that a set's other member signed is refused, also when that member is named as its signer."""
    package = one_package(1, 3)
    forged = one_package(2, 3).model_copy(update={"place": package.place})
    refusal(VerificationError, Code.SIGNATURE_INVALID, lambda: taken_by(3, forged))


def test_a_package_that_the_dealer_sealed_for_elsewhere_is_refused() -> None:
    """What was sealed for one place and signed for another, by a dealer that errs, does not open."""
    from keyholder.ceremony import _digest
    from protocol.signing import sign_statement

    package = one_package(1, 2)
    box = SealedBox(PublicKey(KIT.covenant.key_holders[1].sealing_key))
    sealed = bytes(box.encrypt(bytes(32) + bytes(32)))
    signature = sign_statement(KIT.signers[PartyId("holder-1")], "sealed-seed", _digest(package.place) + sealed)
    wrong = package.model_copy(update={"sealed": sealed, "signature": signature})
    refusal(VerificationError, Code.ENVELOPE_INVALID, lambda: taken_by(2, wrong))


def test_a_wrong_sealing_key_opens_nothing() -> None:
    """With another key than the covenant's, the package stays closed."""
    key = bytes(KIT.sealing_keys[PartyId("holder-3")])
    package = one_package(1, 2)
    refusal(VerificationError, Code.ENVELOPE_INVALID, lambda: accept(empty(2), package, KIT.covenant, key, NOW))


def test_fingerprints_are_equal_exactly_for_equal_seeds() -> None:
    """Members of a set read the same fingerprint; what is still to come is said to be awaited."""
    dealt = dealt_by(1)
    mine, theirs = fingerprints(dealt.held), fingerprints(taken_by(2, dealt.packages[0]).held)
    assert mine[0].text == theirs[0].text
    assert mine[0].text != mine[1].text
    assert (theirs[1].members, theirs[1].dealer, theirs[1].text) == ((2, 3), 2, None)


def test_no_package_shows_its_seed() -> None:
    """A package's text holds its seed in none of the forms in which bytes are written down."""
    dealt = dealt_by(1)
    text = b"".join(package.to_json() for package in dealt.packages)
    for seed in dealt.held.seeds.values():
        assert seed.encoded not in text
        assert seed.encoded.hex().encode() not in text
        assert _base64(seed) not in text


def _base64(seed: Seed) -> bytes:
    from protocol.encoding import b64url

    return b64url(seed.encoded)[:40].encode()


def refusal(kind: type[SluisError], code: Code, act: Any) -> None:
    """Expect this error with this code."""
    with pytest.raises(kind) as caught:
        act()
    assert caught.value.code is code
