# SPDX-License-Identifier: EUPL-1.2
"""Seal a signal's parts so that only who holds the same identifier opens them.

Each part has its own random content key; each content key is wrapped once under the envelope key of every match key.
The sender signs which parts it sealed (``signal_statement``). Not here: who may be given which wrap (the broker, by
policy), and the signature itself (``signing.py``). Spec: ``spec/envelope.md``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import Final

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from protocol.encoding import label, lp, u32
from protocol.errors import Code, InputError, VerificationError
from protocol.group import random_bytes
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import MAX_PART, PartName, Role, SealedPart
from protocol.tags import EnvelopeKey

PADDING_BLOCK: Final = 256
"""Plaintext is padded to a multiple of this, so that its length says little of what is in it."""
CONTENT_KEY_BYTES: Final = 32
NONCE_BYTES: Final = 24
"""XChaCha20's: long enough to be drawn at random for every sealing (draft-irtf-cfrg-xchacha-03)."""
AUTHENTICATOR_BYTES: Final = 16
WRAP_BYTES: Final = NONCE_BYTES + CONTENT_KEY_BYTES + AUTHENTICATOR_BYTES
DIGEST_BYTES: Final = 32
MAX_PLAINTEXT: Final = (MAX_PART - NONCE_BYTES - AUTHENTICATOR_BYTES) // PADDING_BLOCK * PADDING_BLOCK - 1
"""Bytes of a part before padding: what still fits ``MAX_PART`` on the wire, 65,279."""


@dataclass(frozen=True, slots=True)
class PartContext:
    """What a sealed part belongs to; a part moved to another signal, agency, purpose or epoch does not open."""

    signal_id: SignalId
    agency: PartyId
    purpose: PurposeId
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class EnvelopeKeyRef:
    """An envelope key and the match key it comes from. The wrap binds its kind and its role."""

    kind: KeyKind
    role: Role
    key: EnvelopeKey


@dataclass(frozen=True, slots=True)
class SealedParts:
    """The parts, by name, and for each envelope key in the order given the wraps of all parts' content keys."""

    parts: tuple[SealedPart, ...]
    wraps: tuple[dict[PartName, bytes], ...]


def seal(parts: Mapping[PartName, bytes], keys: Sequence[EnvelopeKeyRef], context: PartContext) -> SealedParts:
    """Seal each part under a fresh content key, wrapped under every envelope key.

    Raises ``InputError`` (``too_large``) for a part over ``MAX_PLAINTEXT`` bytes, ``ValueError`` without any key.
    """
    # Drawn at once: fetching 24 bytes from the system costs as much as wrapping with them.
    count = len(parts) * (CONTENT_KEY_BYTES + NONCE_BYTES * (1 + len(keys)))
    drawn = BytesIO(random_bytes(count))
    sealed = _seal(parts, keys, context, drawn.read)
    if drawn.tell() != count:
        raise ValueError("sealing drew another number of random bytes than it was given")
    return sealed


def _seal(
    parts: Mapping[PartName, bytes],
    keys: Sequence[EnvelopeKeyRef],
    context: PartContext,
    draw: Callable[[int], bytes],
) -> SealedParts:
    if not keys:
        raise ValueError("parts sealed for nobody")
    sealed: list[SealedPart] = []
    wraps: list[dict[PartName, bytes]] = [{} for _ in keys]
    for name, plaintext in sorted(parts.items()):
        if len(plaintext) > MAX_PLAINTEXT:
            raise InputError(Code.TOO_LARGE, f"The part '{name}' has more than {MAX_PLAINTEXT} bytes.")
        content_key = draw(CONTENT_KEY_BYTES)
        ciphertext = _encrypt(_pad(plaintext), _part_data(name, context), content_key, draw)
        sealed.append(SealedPart(name=name, ciphertext=ciphertext))
        for ref, wrap in zip(keys, wraps, strict=True):
            wrap[name] = _encrypt(content_key, _wrap_data(name, ref.kind, ref.role, context), ref.key.encoded, draw)
    return SealedParts(tuple(sealed), tuple(wraps))


def open_part(
    part: SealedPart, wrap: bytes, kind: KeyKind, role: Role, envelope_key: EnvelopeKey, context: PartContext
) -> bytes:
    """Unwrap the content key and open the part.

    ``kind`` is that of the match key whose envelope key this is, ``role`` the one it has in the signal that sealed it.
    Raises ``VerificationError`` (``envelope_invalid``), without saying which step failed.
    """
    if len(wrap) != WRAP_BYTES:
        raise _refused()
    content_key = _decrypt(wrap, _wrap_data(part.name, kind, role, context), envelope_key.encoded)
    return _unpad(_decrypt(part.ciphertext, _part_data(part.name, context), content_key))


def part_digest(part: SealedPart) -> bytes:
    """Return SHA-256 of the ciphertext, 32 bytes; ``signal_statement`` binds it to the part's name."""
    return sha256(part.ciphertext).digest()


def signal_statement(context: PartContext, part_digests: Mapping[PartName, bytes]) -> bytes:
    """Return the bytes that a signal's signature covers: that this agency sealed exactly these parts for this signal.

    A digest that is not 32 bytes is a ``ValueError``.
    """
    if any(len(digest) != DIGEST_BYTES for digest in part_digests.values()):
        raise ValueError(f"a digest has {DIGEST_BYTES} bytes")
    listed = b"".join(lp(name) + digest for name, digest in sorted(part_digests.items()))
    return label("signal") + _context_data(context) + listed


def _part_data(name: PartName, context: PartContext) -> bytes:
    return label("part") + lp(name) + _context_data(context)


def _wrap_data(name: PartName, kind: KeyKind, role: Role, context: PartContext) -> bytes:
    # No agency, purpose or epoch here: the envelope key is of one purpose and epoch, and the part binds all three.
    return label("wrap") + lp(context.signal_id.bytes) + lp(name) + lp(kind) + lp(role)


def _context_data(context: PartContext) -> bytes:
    return lp(context.signal_id.bytes) + lp(context.agency) + lp(context.purpose) + u32(context.epoch)


def seal_bytes(plaintext: bytes, associated: bytes, key: bytes) -> bytes:
    """Return a fresh nonce and the sealed bytes; whoever opens them must know what they belong to."""
    return _encrypt(plaintext, associated, key, random_bytes)


def open_bytes(sealed: bytes, associated: bytes, key: bytes) -> bytes:
    """Return what ``seal_bytes`` sealed. Raises ``VerificationError`` (``envelope_invalid``)."""
    if len(key) != CONTENT_KEY_BYTES:
        raise _refused()
    return _decrypt(sealed, associated, key)


def pad(plaintext: bytes, block: int) -> bytes:
    """Return the bytes padded to a multiple of a block (ISO/IEC 7816-4)."""
    return plaintext + b"\x80" + bytes(-(len(plaintext) + 1) % block)


def unpad(padded: bytes, block: int) -> bytes:
    """Return what ``pad`` padded. Raises ``VerificationError`` (``envelope_invalid``)."""
    plaintext = padded.rstrip(b"\x00")[:-1]
    if pad(plaintext, block) != padded:
        raise _refused()
    return plaintext


def _encrypt(plaintext: bytes, associated: bytes, key: bytes, draw: Callable[[int], bytes]) -> bytes:
    nonce = draw(NONCE_BYTES)
    return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, associated, nonce, key)


def _decrypt(sealed: bytes, associated: bytes, key: bytes) -> bytes:
    if len(sealed) < NONCE_BYTES + AUTHENTICATOR_BYTES:
        raise _refused()
    nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, associated, nonce, key)
    except CryptoError as error:
        raise _refused() from error


def _pad(plaintext: bytes) -> bytes:
    """ISO/IEC 7816-4: 0x80 and as few zeros as fill the block; a full block gets another."""
    return pad(plaintext, PADDING_BLOCK)


def _unpad(padded: bytes) -> bytes:
    return unpad(padded, PADDING_BLOCK)


def _refused() -> VerificationError:
    return VerificationError(
        Code.ENVELOPE_INVALID,
        "The sealed part does not open with this key for this signal.",
        hint="It was changed, belongs to another signal, or was sealed for another identifier.",
    )
