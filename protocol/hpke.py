# SPDX-License-Identifier: EUPL-1.2
"""Hybrid public key encryption to one named recipient (RFC 9180, base mode, one message a call).

Suite: KEM ML-KEM-768 with X25519 (draft-ietf-hpke-pq), KDF HKDF-SHA256, AEAD ChaCha20-Poly1305. Both halves of the KEM
must fall before a sealed text opens, so that what is recorded today stays sealed when quantum computers come.
Base mode says nothing of who sealed: a signature beside it does (``disclosures.py``). The only door to the library's
HPKE. Spec: ``spec/disclosures.md``. Not here: what is sealed, and for whom.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from protocol.errors import Code, InputError, VerificationError

SEED_BYTES: Final = 32
"""Of a private key, from which both halves are made (the expansion of X-Wing, draft-connolly-cfrg-xwing-kem)."""
_MLKEM_SEED: Final = 64
_MLKEM_PUBLIC: Final = 1_184
_X25519_BYTES: Final = 32
PUBLIC_BYTES: Final = _MLKEM_PUBLIC + _X25519_BYTES
"""1,216: an ML-KEM-768 encapsulation key (FIPS 203) and an X25519 key (RFC 7748), in this order."""
ENCAPSULATED_BYTES: Final = 1_120
"""An ML-KEM-768 ciphertext and an X25519 key."""
OVERHEAD: Final = ENCAPSULATED_BYTES + 16
"""Bytes by which a sealed text is longer than the plain one: the encapsulated key, and the authenticator."""
_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@dataclass(frozen=True, slots=True)
class RecipientKey:
    """A public key to which anybody can seal. Raises ``InputError`` for bytes that are no such key."""

    encoded: bytes
    _key: MLKEM768X25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.encoded) != PUBLIC_BYTES:
            raise _no_key()
        try:
            lattice = MLKEM768PublicKey.from_public_bytes(self.encoded[:_MLKEM_PUBLIC])
            curve = X25519PublicKey.from_public_bytes(self.encoded[_MLKEM_PUBLIC:])
        except ValueError:
            raise _no_key() from None
        object.__setattr__(self, "_key", MLKEM768X25519PublicKey(lattice, curve))

    def seal(self, plain: bytes, info: bytes) -> bytes:
        """Return the encapsulated key and the sealed text; ``info`` is what it belongs to, and must be known to open.

        Raises ``InputError`` (``malformed``) for a key with which no secret can be agreed.
        """
        try:
            return _SUITE.encrypt(plain, self._key, info)
        except ValueError:
            raise _no_key() from None


class OpeningKey:
    """The private key of a recipient, made from a seed. Its ``repr`` hides it."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        """Take 32 random bytes. Another length is a ``ValueError``."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")
        expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED + _X25519_BYTES)
        lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED])
        curve = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED:])
        self._key = MLKEM768X25519PrivateKey(lattice, curve)
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        self.public = RecipientKey(lattice.public_key().public_bytes(*raw) + curve.public_key().public_bytes(*raw))

    def __repr__(self) -> str:
        """Hide the key."""
        return "OpeningKey(…)"

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Return what was sealed to this key for ``info``. Raises ``VerificationError`` (``envelope_invalid``)."""
        try:
            return _SUITE.decrypt(sealed, self._key, info)
        except (InvalidTag, ValueError):
            raise VerificationError(
                Code.ENVELOPE_INVALID,
                "What was sealed does not open with this key for what it is said to be.",
                hint="It was changed, belongs to another request, or was sealed to another key.",
            ) from None


class OpeningKeys:
    """The private keys of one recipient, newest first: who does not know the newest yet still seals to an older one."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Sequence[OpeningKey]) -> None:
        """Take at least one. None is a ``ValueError``."""
        if not keys:
            raise ValueError("a recipient has at least one key")
        self._keys = tuple(keys)

    @property
    def public(self) -> RecipientKey:
        """The newest one's public key, to which others should seal."""
        return self._keys[0].public

    @property
    def publics(self) -> frozenset[bytes]:
        """The encoded public keys of all."""
        return frozenset(key.public.encoded for key in self._keys)

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Return what was sealed to any of them for ``info``. Raises ``VerificationError`` (``envelope_invalid``)."""
        for key in self._keys[:-1]:
            with suppress(VerificationError):
                return key.open(sealed, info)
        return self._keys[-1].open(sealed, info)


class Opens(Protocol):
    """One key or several, by which what was sealed is opened."""

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Return what was sealed for ``info``. Raises ``VerificationError`` (``envelope_invalid``)."""


def _no_key() -> InputError:
    return InputError(Code.MALFORMED, "Not a public key of ML-KEM-768 with X25519.")
