# SPDX-License-Identifier: EUPL-1.2
"""Values sealed one by one under a key of a key file."""

import pytest

from edge.keyfile import SecretBytes, ValueCipher
from protocol.errors import ConfigurationError


def test_a_value_opens_only_at_its_place_under_its_key() -> None:
    """A sealed value opens where it was sealed for, and nowhere else."""
    cipher = ValueCipher(SecretBytes(b"k" * 32))
    sealed = cipher.seal(b"value", b"place")
    assert cipher.open(sealed, b"place") == b"value"
    assert sealed != cipher.seal(b"value", b"place")
    for other, place, content in (
        (cipher, b"other place", sealed),
        (ValueCipher(SecretBytes(b"x" * 32)), b"place", sealed),
        (cipher, b"place", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (cipher, b"place", b"short"),
    ):
        with pytest.raises(ConfigurationError):
            other.open(content, place)
