# SPDX-License-Identifier: EUPL-1.2
"""A vault with a fixed key, for tests of what is built on it."""

import hashlib
from pathlib import Path

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt
from nacl.exceptions import CryptoError
from nacl.utils import random

from agency_client.vault import Vault
from protocol.errors import Code, ConfigurationError


class TestCipher:
    """XChaCha20-Poly1305 with the place as associated data, as the real one."""

    __test__ = False

    def __init__(self, seed: bytes = b"vault") -> None:
        self._key = hashlib.sha256(seed).digest()

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """Seal."""
        nonce = random(24)
        return nonce + encrypt(plain, place, nonce, self._key)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Open."""
        try:
            return decrypt(sealed[24:], place, sealed[:24], self._key)
        except CryptoError as error:
            raise ConfigurationError(Code.WRONG_PASSPHRASE, "Another key.") from error


def open_vault(folder: Path, seed: bytes = b"vault") -> Vault:
    """Open a vault in a folder of a test."""
    return Vault(folder / "vault.db", TestCipher(seed), hashlib.sha256(b"lookup" + seed).digest())
