# SPDX-License-Identifier: EUPL-1.2
"""Secrets at rest: named byte strings in one file, encrypted under a passphrase, written whole or not at all.

Not here: what the secrets are for. The file: JSON with the Argon2id parameters, then XChaCha20-Poly1305 over the names
and values, with all parameters as associated data; a checksum tells a damaged file from a wrong passphrase.
"""

import contextlib
import hashlib
import json
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.secret import Aead
from nacl.utils import random

from protocol.encoding import Json, b64url, canonical_json, unb64url
from protocol.errors import Code, ConfigurationError, InputError

MAX_FILE: Final = 4 * 1024 * 1024
"""Bytes: a key-holder's seeds are a few hundred; nothing else large belongs here."""
MIN_PASSPHRASE: Final = 12
"""Characters of a new passphrase: NIST SP 800-63B asks eight where tries are counted; a stolen file is tried freely."""
MAX_PASSPHRASE: Final = 1_024
PASSPHRASE: Final = "SLUIS_PASSPHRASE"  # noqa: S105 - the variable's name
PASSPHRASE_FILE: Final = "SLUIS_PASSPHRASE_FILE"  # noqa: S105 - the variable's name
_NAME: Final = re.compile(r"[a-z][a-z0-9:_./-]{0,99}\Z")


class Profile(Enum):
    """Argon2id v1.3 (RFC 9106), libsodium's named settings: passes, bytes of memory; parallelism is 1."""

    MODERATE = (3, 256 * 1024 * 1024)
    """libsodium's MODERATE: about 0.7 s; above RFC 9106's second recommendation (3 passes, 64 MiB)."""
    INTERACTIVE = (2, 64 * 1024 * 1024)
    """libsodium's INTERACTIVE: about 0.1 s. For tests and the demo; still above OWASP's minimum (2 passes, 19 MiB)."""


@dataclass(frozen=True, slots=True)
class SecretText:
    """Text that must not be shown."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """Return the text; the caller keeps it out of logs and errors."""
        return self._value


@dataclass(frozen=True, slots=True)
class SecretBytes:
    """Bytes that must not be shown."""

    _value: bytes = field(repr=False)

    def reveal(self) -> bytes:
        """Return the bytes; the caller keeps them out of logs and errors."""
        return self._value


class ValueCipher:
    """Seals single values of a store under a key from a key file: XChaCha20-Poly1305, with the value's place bound in,
    so that nobody can move one to another row or column.
    """

    __slots__ = ("_aead",)

    def __init__(self, key: SecretBytes) -> None:
        """Take the store's 32-byte key."""
        self._aead = Aead(key.reveal())

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """Return a fresh nonce and the sealed value."""
        return bytes(self._aead.encrypt(plain, place, random(Aead.NONCE_SIZE)))

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Return the value. Raises ``ConfigurationError`` (``key_file_invalid``) for another key or place."""
        try:
            return self._aead.decrypt(sealed, place)
        except (CryptoError, ValueError):
            raise _invalid("A value of the store does not open with this key.") from None


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A key file as read: of the kind that we write, undamaged, not yet opened."""

    profile: Profile
    salt: bytes
    nonce: bytes
    sealed: bytes
    head: bytes


def write_keyfile(
    path: Path, secrets: Mapping[str, bytes], passphrase: SecretText, *, profile: Profile = Profile.MODERATE
) -> None:
    """Write the secrets, readable by the owner only; a file that was there is replaced in one step, then overwritten.

    Overwriting lets a destroyed seed disappear from a disk that writes in place; on flash and copy-on-write systems
    only the disk's own encryption can promise that. Raises ``ConfigurationError`` (``key_file_invalid``).
    """
    if not secrets or not all(_NAME.match(name) for name in secrets):
        raise ValueError("a key file holds at least one secret, by a plain name")
    salt, nonce = random(argon2id.SALTBYTES), random(Aead.NONCE_SIZE)
    head = _head(profile, salt, nonce)
    content = canonical_json({name: b64url(value) for name, value in secrets.items()})
    key = _derive(passphrase, salt, profile)
    sealed = Aead(key).encrypt(content, canonical_json(head), nonce).ciphertext
    checksum = hashlib.sha256(canonical_json(head) + sealed).hexdigest()
    text = json.dumps({**head, "sealed": b64url(sealed), "sha256": checksum}, indent=1).encode() + b"\n"
    if len(text) > MAX_FILE:
        raise ValueError("too much for a key file")
    replace_file(path, text)


def read_keyfile(path: Path, passphrase: SecretText) -> dict[str, SecretBytes]:
    """Return the secrets by name.

    Raises ``ConfigurationError``: ``wrong_passphrase``, or ``key_file_invalid`` when the file is absent, damaged, of an
    unknown kind, or open to other users.
    """
    found = _parse(_read_private(path))
    try:
        content = Aead(_derive(passphrase, found.salt, found.profile)).decrypt(found.sealed, found.head, found.nonce)
    except CryptoError:
        raise ConfigurationError(
            Code.WRONG_PASSPHRASE, "The passphrase does not open the key file.", hint=f"Given by {PASSPHRASE} or typed?"
        ) from None
    return {name: SecretBytes(unb64url(value)) for name, value in json.loads(content).items()}


def replace_file(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 so that at any moment the old or the new one is there whole; then overwrite the old."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    old: int | None = None
    try:
        with contextlib.suppress(FileNotFoundError):
            old = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
        if old is not None:
            os.pwrite(old, bytes(os.fstat(old).st_size), 0)
            os.fsync(old)
    except OSError as error:
        raise _invalid(f"The key file cannot be written: {error.strerror}.") from error
    finally:
        temporary.unlink(missing_ok=True)
        if old is not None:
            os.close(old)


def passphrase_from(
    environment: Mapping[str, str], prompt: Callable[[str], str] | None = None, *, new: bool = False
) -> SecretText:
    """Return the passphrase from ``SLUIS_PASSPHRASE``, the file that ``SLUIS_PASSPHRASE_FILE`` names, or the prompt.

    ``new``: it is going to protect a new file, so it must be long enough, and is asked twice. Unicode is normalised, so
    that every keyboard gives the same bytes. Raises ``ConfigurationError``.
    """
    if PASSPHRASE in environment:
        text = environment[PASSPHRASE]
    elif PASSPHRASE_FILE in environment:
        text = _passphrase_file(Path(environment[PASSPHRASE_FILE]))
    elif prompt is not None:
        text = prompt("Passphrase: ")
        if new and prompt("The same again: ") != text:
            raise ConfigurationError(Code.SETTINGS_INVALID, "The two passphrases differ.")
    else:
        hint = f"Set {PASSPHRASE_FILE} to a file that only this program can read."
        raise ConfigurationError(Code.SETTINGS_INVALID, "There is no passphrase for the key file.", hint=hint)
    text = unicodedata.normalize("NFKC", text)
    if not text or len(text) > MAX_PASSPHRASE:
        raise ConfigurationError(Code.SETTINGS_INVALID, "The passphrase is empty, or far too long.")
    if new and len(text) < MIN_PASSPHRASE:
        detail = f"A new passphrase has at least {MIN_PASSPHRASE} characters."
        raise ConfigurationError(Code.SETTINGS_INVALID, detail, hint="Four or five random words do well.")
    return SecretText(text)


def _passphrase_file(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(4 * MAX_PASSPHRASE + 2)
        # An editor or echo ends the line; that is not part of the passphrase.
        return raw.decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError):
        detail = f"The file that {PASSPHRASE_FILE} names cannot be read."
        raise ConfigurationError(Code.SETTINGS_INVALID, detail) from None


def _derive(passphrase: SecretText, salt: bytes, profile: Profile) -> bytes:
    passes, memory = profile.value
    key: bytes = argon2id.kdf(Aead.KEY_SIZE, passphrase.reveal().encode(), salt, opslimit=passes, memlimit=memory)
    return key


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise _invalid("The key file is not a file.")
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise _invalid("Other users can get at the key file.", hint=f"chmod 600 {path}")
            raw = stream.read(MAX_FILE + 1)
    except OSError as error:
        raise _invalid(f"The key file cannot be read: {error.strerror}.", hint=f"Looked at {path}.") from error
    if len(raw) > MAX_FILE:
        raise _invalid("The key file is too large.")
    return raw


def _head(profile: Profile, salt: bytes, nonce: bytes) -> dict[str, Json]:
    passes, memory = profile.value
    return {
        "format": "sluis-keyfile",
        "version": 1,
        "kdf": {"name": "argon2id13", "passes": passes, "memory": memory, "salt": b64url(salt)},
        "cipher": "xchacha20-poly1305",
        "nonce": b64url(nonce),
    }


def _parse(raw: bytes) -> _Sealed:
    try:
        given = json.loads(raw)
        kdf = given["kdf"]
        # Only the named settings: a forged file must not make us fill the memory, nor a weak one pass unseen.
        profile = Profile((kdf["passes"], kdf["memory"]))
        salt = unb64url(kdf["salt"], length=argon2id.SALTBYTES)
        nonce = unb64url(given["nonce"], length=Aead.NONCE_SIZE)
        sealed, checksum = unb64url(given.pop("sealed")), given.pop("sha256")
        head = canonical_json(_head(profile, salt, nonce))
        # Everything else must be exactly what we would have written.
        alike = canonical_json(given) == head
    except (InputError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _invalid("The key file is damaged or of an unknown kind.") from None
    if not alike or hashlib.sha256(head + sealed).hexdigest() != checksum:
        raise _invalid("The key file is damaged or of an unknown kind.")
    return _Sealed(profile, salt, nonce, sealed, head)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _invalid(detail: str, *, hint: str | None = None) -> ConfigurationError:
    return ConfigurationError(Code.KEY_FILE_INVALID, detail, hint=hint)
