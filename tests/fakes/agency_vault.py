# SPDX-License-Identifier: EUPL-1.2
"""A vault with a fixed key, for tests of what is built on it."""

import hashlib
from pathlib import Path

from agency_client.vault import Vault
from edge.keyfile import SecretBytes, ValueCipher


def open_vault(folder: Path, seed: bytes = b"vault") -> Vault:
    """Open a vault in a folder of a test."""
    cipher = ValueCipher(SecretBytes(hashlib.sha256(seed).digest()))
    return Vault(folder / "vault.db", cipher, hashlib.sha256(b"lookup" + seed).digest())
