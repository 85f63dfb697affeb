# SPDX-License-Identifier: EUPL-1.2
"""Sealing to one named recipient: only the right key, for the right purpose, opens it, and nothing else is a key."""

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import InputError, VerificationError
from protocol.hpke import ENCAPSULATED_BYTES, OVERHEAD, PUBLIC_BYTES, OpeningKey, OpeningKeys, RecipientKey

KEY = OpeningKey(bytes(range(32)))
OTHER = OpeningKey(bytes(32))


@given(st.binary(max_size=2_000), st.binary(max_size=200))
def test_what_is_sealed_opens_with_its_key_for_its_purpose(plain: bytes, info: bytes) -> None:
    """Sealed text is longer by a fixed number of bytes and opens to the same text."""
    sealed = KEY.public.seal(plain, info)
    assert len(sealed) == len(plain) + OVERHEAD
    assert KEY.open(sealed, info) == plain
    assert KEY.public.seal(plain, info) != sealed


def test_another_key_another_purpose_or_another_byte_opens_nothing() -> None:
    """Whatever differs, it does not open, and nobody is told which part it was."""
    sealed = KEY.public.seal(b"text", b"info")
    said = set()
    flipped = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in (0, 1_088, ENCAPSULATED_BYTES, -1)]
    tries = [(OTHER, sealed, b"info"), (KEY, sealed, b"other"), *((KEY, one, b"info") for one in flipped)]
    tries += [(KEY, sealed[:size], b"info") for size in (0, 1, ENCAPSULATED_BYTES, len(sealed) - 1)]
    for key, text, info in tries:
        with pytest.raises(VerificationError) as error:
            key.open(text, info)
        said.add((error.value.code, error.value.detail))
    assert len(said) == 1


@pytest.mark.parametrize("encoded", [b"", bytes(PUBLIC_BYTES - 1), b"\xff" * PUBLIC_BYTES])
def test_what_is_no_key_is_refused(encoded: bytes) -> None:
    """The length must be right, and the lattice half must be one (FIPS 203, section 7.2)."""
    with pytest.raises(InputError):
        RecipientKey(encoded)


def test_a_key_with_which_no_secret_can_be_agreed_is_refused() -> None:
    """The all-zero X25519 half, which would make that half's secret known to all, seals nothing (RFC 7748)."""
    with pytest.raises(InputError):
        RecipientKey(KEY.public.encoded[:1_184] + bytes(32)).seal(b"text", b"")


def test_the_key_is_the_two_keys_of_its_seed() -> None:
    """Whoever expands the seed as the page says opens what was sealed with the library alone."""
    import hashlib

    expanded = hashlib.shake_256(bytes(range(32))).digest(96)
    pair = MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])
    )
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    assert suite.decrypt(KEY.public.seal(b"text", b"info"), pair, b"info") == b"text"


def test_a_private_key_does_not_show_itself() -> None:
    """Neither seed nor key stands in what is printed."""
    assert repr(KEY) == "OpeningKey(…)"
    with pytest.raises(ValueError, match="32"):
        OpeningKey(b"short")


def test_a_recipient_with_several_keys_opens_what_was_sealed_to_any() -> None:
    """Whichever of its keys was used; to another's key, or for something else, it stays shut."""
    keys = OpeningKeys([KEY, OTHER])
    assert keys.public == KEY.public
    assert keys.publics == {KEY.public.encoded, OTHER.public.encoded}
    for key in (KEY, OTHER):
        sealed = key.public.seal(b"text", b"info")
        assert keys.open(sealed, b"info") == b"text"
        with pytest.raises(VerificationError):
            keys.open(sealed, b"other")
    with pytest.raises(VerificationError):
        keys.open(OpeningKey(b"3" * 32).public.seal(b"text", b"info"), b"info")
    with pytest.raises(ValueError, match="at least one"):
        OpeningKeys([])
