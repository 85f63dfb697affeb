# SPDX-License-Identifier: EUPL-1.2
"""The key ceremony: each set's lowest member draws the seed and seals it to the others; fingerprints to read aloud.

Every step may be repeated: who already has a seed keeps it, and dealing again seals the same seed again. A package is
sealed to one receiver and signed by the dealer, and both bind it to the set and the epoch: it fits nowhere else.
Spec: ``deploy/key-ceremony.md``. Not here: files and terminals (``commands.py``), what a seed is (``threshold.py``).
"""

import hashlib
import hmac
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from keyholder.share import HeldSeeds, name_of
from protocol.covenant import Covenant
from protocol.covenant_parts import KeyHolder
from protocol.encoding import canonical_json, label
from protocol.errors import AuthenticationError, Code, ConfigurationError, ConflictError, InputError, VerificationError
from protocol.ids import Epoch, HolderIndex
from protocol.messages import SealedSeed, SeedPlace
from protocol.signing import Signer, sign_statement, verify_statement
from protocol.threshold import HolderSet, Seed, draw_seed, fingerprint, ratchet_by

_STATEMENT: Final = "sealed-seed"


@dataclass(frozen=True, slots=True)
class Dealt:
    """The dealer's seeds, to be stored first, and the packages for the others, to be handed over after that."""

    held: HeldSeeds
    packages: tuple[SealedSeed, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The receiver's seeds with the package's; ``new`` is false when it had that very seed already."""

    held: HeldSeeds
    members: HolderSet
    new: bool


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the members of a set read to each other; ``text`` is absent while ``dealer``'s seed is still to come."""

    members: HolderSet
    dealer: HolderIndex
    text: str | None


def sealing_public(private: bytes) -> bytes:
    """Return the X25519 public key of a 32-byte private key."""
    return bytes(PrivateKey(private).public_key)


def deal(held: HeldSeeds, covenant: Covenant, signer: Signer, drawn: Collection[str] = ()) -> Dealt:
    """Draw the missing seeds of the sets in which this key-holder is the lowest, and seal each to the other members.

    ``drawn`` names the sets whose seed it drew before. Raises ``ConflictError`` when one of those is gone: another seed
    would part it from the other members.
    """
    own = dealt_sets(held)
    lost = [name_of(members) for members in own if members not in held.seeds and name_of(members) in drawn]
    if lost:
        raise ConflictError(
            Code.CONFLICT,
            f"The seed of set {', '.join(lost)} was drawn here before, and is gone.",
            hint="Put the seeds folder back, or hold a new ceremony with a new home (deploy/key-ceremony.md).",
        )
    for members in own:
        if members not in held.seeds:
            held = held.with_seed(members, draw_seed())
    packages = [
        _seal(held, members, holder_at(covenant, receiver), signer) for members in own for receiver in members[1:]
    ]
    return Dealt(held, tuple(packages))


def dealt_sets(held: HeldSeeds) -> tuple[HolderSet, ...]:
    """Return the sets in which this key-holder is the lowest, and so the dealer."""
    return tuple(members for members in held.sharing.sets_of(held.holder) if members[0] == held.holder)


def accept(held: HeldSeeds, package: SealedSeed, covenant: Covenant, sealing_key: bytes, now: datetime) -> Accepted:
    """Check a package in every respect, open it, and ratchet its seed to the epoch of the seeds that are here.

    Raises ``InputError`` (``malformed``: not for this key-holder, another sharing, an epoch that is not here yet),
    ``VerificationError`` (``signature_invalid``, ``envelope_invalid``), ``ConflictError`` (``conflict``: the set has
    another seed already; nothing is overwritten).
    """
    members = package.place.members
    _check_place(package.place, held)
    _check_signature(package, covenant, now)
    seed = _ratcheted(_open(package, sealing_key), package.place.epoch, held)
    present = held.seeds.get(members)
    if present is None:
        return Accepted(held.with_seed(members, seed), members, True)
    if not hmac.compare_digest(present.encoded, seed.encoded):
        raise ConflictError(
            Code.CONFLICT,
            f"Another seed of set {name_of(members)} is here already, and it is kept.",
            hint="Compare fingerprints with the dealer. Only a new ceremony, by all key-holders, replaces seeds.",
        )
    return Accepted(held, members, False)


def fingerprints(held: HeldSeeds) -> tuple[Fingerprint, ...]:
    """Return the fingerprint of every set that this key-holder is in, in order."""
    found = []
    for members in held.sharing.sets_of(held.holder):
        seed = held.seeds.get(members)
        found.append(Fingerprint(members, members[0], None if seed is None else fingerprint(seed)))
    return tuple(found)


def holder_at(covenant: Covenant, index: HolderIndex) -> KeyHolder:
    """Return the covenant's key-holder of this number. Raises ``ConfigurationError``."""
    for holder in covenant.key_holders:
        if holder.index == index:
            return holder
    raise ConfigurationError(
        Code.COVENANT_INVALID,
        f"The covenant does not name key-holder {index} yet.",
        hint="Every key-holder is added with `sluis policy add-party` before the ceremony.",
    )


def _seal(held: HeldSeeds, members: HolderSet, receiver: KeyHolder, signer: Signer) -> SealedSeed:
    place = SeedPlace(
        threshold=HolderIndex(held.sharing.threshold),
        holders=HolderIndex(held.sharing.holders),
        members=members,
        receiver=receiver.index,
        epoch=held.epoch,
    )
    plain = _digest(place) + held.seeds[members].encoded
    sealed = bytes(SealedBox(PublicKey(receiver.sealing_key)).encrypt(plain))
    signature = sign_statement(signer, _STATEMENT, _digest(place) + sealed)
    return SealedSeed(place=place, sealed=sealed, key_id=signer.key_id, signature=signature)


def _open(package: SealedSeed, sealing_key: bytes) -> Seed:
    refused = VerificationError(
        Code.ENVELOPE_INVALID,
        "The package cannot be opened with this key-holder's sealing key.",
        hint="Was it sealed for an earlier key of this key-holder? Ask the dealer to deal again with today's covenant.",
    )
    try:
        plain = SealedBox(PrivateKey(sealing_key)).decrypt(package.sealed)
    except CryptoError:
        raise refused from None
    digest = _digest(package.place)
    if not hmac.compare_digest(plain[: len(digest)], digest):
        raise refused
    return Seed(plain[len(digest) :])


def _ratcheted(seed: Seed, of: Epoch, held: HeldSeeds) -> Seed:
    if of > held.epoch:
        raise InputError(
            Code.MALFORMED,
            f"The package is of epoch {of}; here the lowest live epoch is {held.epoch}.",
            hint="Compare the clocks and the covenants of both key-holders.",
        )
    return ratchet_by(seed, held.epoch - of)


def _check_place(place: SeedPlace, held: HeldSeeds) -> None:
    if place.receiver != held.holder:
        raise InputError(
            Code.MALFORMED, f"This package is for key-holder {place.receiver}; this is number {held.holder}."
        )
    if (place.threshold, place.holders) != (held.sharing.threshold, held.sharing.holders):
        raise InputError(
            Code.MALFORMED,
            f"This package belongs to a sharing of {place.threshold} out of {place.holders}.",
            hint=f"Here it is {held.sharing.threshold} out of {held.sharing.holders}.",
        )
    if place.members not in held.sharing.sets_of(held.holder) or place.receiver == place.members[0]:
        raise InputError(Code.MALFORMED, "This package is not of a set for which this key-holder awaits a seed.")


def _check_signature(package: SealedSeed, covenant: Covenant, now: datetime) -> None:
    dealer = holder_at(covenant, package.place.members[0])
    refused = VerificationError(
        Code.SIGNATURE_INVALID,
        f"The package is not signed by the dealer of its set, {dealer.id}.",
        hint="Do not use it. Ask the dealer for it again, and look at how it travelled.",
    )
    try:
        entry = covenant.key_directory().lookup(package.key_id, now)
        if entry.party != dealer.id:
            raise refused
        verify_statement(entry.key, _STATEMENT, _digest(package.place) + package.sealed, package.signature)
    except (AuthenticationError, VerificationError):
        raise refused from None


def _digest(place: SeedPlace) -> bytes:
    """Return what binds a package to its set, sharing, epoch and receiver; the seal itself knows no associated data."""
    return hashlib.sha256(label(_STATEMENT) + canonical_json(json.loads(place.to_json()))).digest()
