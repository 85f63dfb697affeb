# SPDX-License-Identifier: EUPL-1.2
"""From a match key to what is evaluated, and from the output to the pseudonym and the envelope key.

Both are bound to purpose and epoch: the same person has tags that nobody can link across purposes. Not here: how a
record becomes a normal form (``normalise.py``) and the evaluation between the two (``oprf.py``).
Spec: ``spec/tags.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.encoding import label, lp, u32
from protocol.ids import Epoch, KeyKind, PurposeId
from protocol.oprf import OUTPUT_BYTES

TAG_BYTES: Final = 32
"""Long enough that two different match keys never share a tag."""
ENVELOPE_KEY_BYTES: Final = 32
"""What XChaCha20-Poly1305 takes."""


@dataclass(frozen=True, slots=True)
class EnvelopeKey:
    """Opens what another agency sealed for who knows the same identifier; never leaves the agency's client."""

    encoded: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.encoded) != ENVELOPE_KEY_BYTES:
            raise ValueError(f"an envelope key has {ENVELOPE_KEY_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class TagAndKey:
    """What one match key gives: the tag for the broker and the envelope key for the client itself."""

    tag: bytes = field(repr=False)
    """A pseudonym, so personal data: not for logs."""
    envelope_key: EnvelopeKey


def match_input(kind: KeyKind, normal_form: str) -> bytes:
    """Return the OPRF input of a match key: its kind is part of it, so that equal digits of two kinds never meet."""
    return label("key") + lp(kind) + lp(normal_form)


def derive(output: bytes, purpose: PurposeId, epoch: Epoch) -> TagAndKey:
    """Derive tag and envelope key from a 64-byte OPRF output. Another length is a ``ValueError``."""
    if len(output) != OUTPUT_BYTES:
        raise ValueError(f"an OPRF output has {OUTPUT_BYTES} bytes")
    bound_to = lp(purpose) + u32(epoch)
    return TagAndKey(
        tag=HKDF(SHA256(), TAG_BYTES, salt=None, info=label("tag") + bound_to).derive(output),
        envelope_key=EnvelopeKey(
            HKDF(SHA256(), ENVELOPE_KEY_BYTES, salt=None, info=label("envelope") + bound_to).derive(output)
        ),
    )


def derive_all(outputs: Sequence[bytes], purpose: PurposeId, epoch: Epoch) -> list[TagAndKey]:
    """Derive for each output, in order."""
    return [derive(output, purpose, epoch) for output in outputs]
