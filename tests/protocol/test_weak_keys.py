# SPDX-License-Identifier: EUPL-1.2
"""Public keys that bind nobody are no keys of a party, a log or a witness."""

from datetime import UTC, datetime
from hashlib import sha256

import pytest
from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_scalarmult_ed25519_base_noclamp

from protocol.errors import Code, ConfigurationError, InputError
from protocol.ids import KeyId, PartyId
from protocol.note import LogKey, WitnessKey, b64
from protocol.signing import KeyDirectory, PublicKeyEntry, Signer, verify_message
from protocol.weak_keys import is_weak

P = 2**255 - 19
EIGHT = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
OTHER_EIGHT = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
POINTS = [
    *(value.to_bytes(32, "little") for value in (0, 1, P - 1, P, P + 1)),
    bytes.fromhex(EIGHT),
    bytes.fromhex(OTHER_EIGHT),
]
WEAK = [key for point in POINTS for key in (point, point[:31] + bytes([point[31] | 0x80]))]


def test_one_signature_for_every_message() -> None:
    """Under the identity as a key, one signature that anybody can make holds for all messages: why this exists."""
    scalar = (5).to_bytes(32, "little")
    signature = crypto_scalarmult_ed25519_base_noclamp(scalar) + scalar
    for message in (b"yes", b"no"):
        verify_message((1).to_bytes(32, "little"), message, signature)


@pytest.mark.parametrize("public", WEAK, ids=bytes.hex)
def test_weak_keys_are_refused(public: bytes) -> None:
    """No point of small order, however encoded, can be a party's, a log's or a witness's key."""
    assert is_weak(public)
    assert not crypto_core_ed25519_is_valid_point(public)
    entry = PublicKeyEntry(KeyId("police-oost:1"), PartyId("police-oost"), public, datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ConfigurationError) as refusal:
        KeyDirectory([entry])
    assert refusal.value.code is Code.COVENANT_INVALID
    for kind, typed in ((LogKey, b"\x01"), (WitnessKey, b"\x04")):
        key_id = sha256(b"name.example\n" + typed + public).hexdigest()[:8]
        with pytest.raises(ValueError, match="key"):
            kind("name.example", public)
        with pytest.raises(InputError):
            kind.parse(f"name.example+{key_id}+{b64(typed + public)}")


@pytest.mark.parametrize("number", range(20))
def test_keys_with_a_private_key_are_not_weak(number: int) -> None:
    """A key that somebody can sign with alone is accepted."""
    public = Signer(KeyId("police-oost:1"), bytes([number]) * 32).public_key
    assert not is_weak(public)
    assert WitnessKey("name.example", public).public == public
