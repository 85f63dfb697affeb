# SPDX-License-Identifier: EUPL-1.2
"""The keys that sign a covenant's distribution: the board's, offline, and the broker's one online key.

A private key is in an encrypted key file ``NAME.key``, its public part in ``NAME.pub``, which others copy by hand and
compare by telephone. Not here: what they sign (``covenant_repository.py``). Spec: ``protocol/spec/distribution.md``.
"""

import hashlib
from pathlib import Path
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Key, Signature, SSlibKey

from edge.files import put_file
from edge.keyfile import Profile, SecretText, read_keyfile, write_keyfile
from protocol.errors import Code, ConfigurationError, ConflictError, InputError
from protocol.group import random_bytes
from protocol.messages import Bytes32, Message, Slug, parse

NAME_FIELD: Final = "x-sluis-name"
"""Where a key's name stands in TUF's own form; signed with the rest, without meaning to TUF."""
_ENTRY: Final = "covenant"
"""The key's name in its key file."""
_SEED_BYTES: Final = 32
_GROUPS: Final = 8
"""Characters of a fingerprint that are read out in one breath."""


class CovenantKey(Message):
    """A public key and the name of whose it is; the content of a ``.pub`` file."""

    format: Literal["sluis/covenant-key/1"] = "sluis/covenant-key/1"
    name: Slug
    public: Bytes32

    @property
    def id(self) -> str:
        """The name by which TUF's signatures speak of it: a hash of the key."""
        # TUF lets it be any unique text. A hash of the key alone: a name spelt otherwise does not make another key.
        return hashlib.sha256(self.public).hexdigest()

    @property
    def tuf(self) -> SSlibKey:
        """The key in TUF's form."""
        named = {NAME_FIELD: self.name}
        return SSlibKey(self.id, "ed25519", "ed25519", {"public": self.public.hex()}, named)

    def holds(self, signature: Signature, payload: bytes) -> bool:
        """Say whether the signature over these bytes is this key's."""
        try:
            self.tuf.verify_signature(signature, payload)
        except UnverifiedSignatureError:
            return False
        return True

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key in groups of eight, to compare by telephone."""
        return " ".join(self.id[place : place + _GROUPS] for place in range(0, len(self.id), _GROUPS))


class CovenantSigner:
    """A private key, ready to sign. Its ``repr`` shows nothing."""

    __slots__ = ("key", "tuf")

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the 32-byte Ed25519 seed."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = CovenantKey(name=name, public=private.public_key().public_bytes_raw())
        self.tuf = CryptoSigner(private, self.key.tuf)


def name_of(key: Key) -> str:
    """Return whose key in TUF's form this is, for people; its id when it carries no name."""
    return str(key.unrecognized_fields.get(NAME_FIELD, key.keyid[:_GROUPS]))


def make_key(
    name: str,
    folder: Path,
    passphrase: SecretText,
    *,
    profile: Profile = Profile.MODERATE,
    stem: str | None = None,
) -> CovenantKey:
    """Make ``NAME.key`` and ``NAME.pub`` in the folder, or open what an earlier call made; ``stem`` names the files
    otherwise.

    Raises ``ConfigurationError`` (``wrong_passphrase``, ``key_file_invalid``), ``ConflictError`` when ``NAME.pub`` is
    another key's.
    """
    path = folder / f"{stem or name}.key"
    try:
        CovenantKey(name=name, public=bytes(32))
    except ValueError:
        raise _no_name(path) from None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(Code.KEY_FILE_INVALID, f"Cannot make {folder}: {error.strerror}.") from None
    if not path.exists():
        write_keyfile(path, {_ENTRY: random_bytes(_SEED_BYTES)}, passphrase, profile=profile)
    key = CovenantKey(name=name, public=open_key(path, passphrase).key.public)
    public = path.with_suffix(".pub")
    if not public.exists():
        put_file(public, key.to_json() + b"\n")
    elif read_public(public) != key:
        raise ConflictError(
            Code.CONFLICT, f"{public.name} is another key's than {path.name}.", hint="Which one is the right one?"
        )
    return key


def open_key(path: Path, passphrase: SecretText) -> CovenantSigner:
    """Open a private key; its name is the file's. Raises ``ConfigurationError``."""
    secrets = read_keyfile(path, passphrase)
    if set(secrets) != {_ENTRY} or len(secrets[_ENTRY].reveal()) != _SEED_BYTES:
        raise ConfigurationError(Code.KEY_FILE_INVALID, f"{path.name} does not hold a key that signs covenants.")
    try:
        return CovenantSigner(path.stem, secrets[_ENTRY].reveal())
    except ValueError:
        raise _no_name(path) from None


def read_public(path: Path) -> CovenantKey:
    """Read a ``.pub`` file. Raises ``ConfigurationError`` (``key_file_invalid``)."""
    try:
        return parse(CovenantKey, path.read_bytes())
    except OSError as error:
        detail = f"{path.name} cannot be read: {error.strerror}."
        raise ConfigurationError(Code.KEY_FILE_INVALID, detail, hint=f"Looked at {path}.") from None
    except InputError:
        raise ConfigurationError(Code.KEY_FILE_INVALID, f"{path.name} is no public key of a covenant.") from None


def _no_name(path: Path) -> ConfigurationError:
    return ConfigurationError(
        Code.KEY_FILE_INVALID, f"{path.name} is no name for a key: small letters, digits and hyphens.", hint=str(path)
    )
