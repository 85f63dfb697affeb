# SPDX-License-Identifier: EUPL-1.2
"""A key-holder's home: who it is, where its files are, and its own keys.

``init`` makes it, ``enrol`` lets it believe a board's covenants; every other command opens it. Whether home and
covenant fit is checked by ``require_place``. Not here: seeds (``seedfile.py``) and what the commands do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from edge.keyfile import Profile, SecretBytes, SecretText, read_keyfile, replace_file, write_keyfile
from keyholder.ceremony import sealing_public
from keyholder.seedfile import SeedFolder
from protocol.covenant import Covenant, dump_party
from protocol.covenant_parts import KeyHolder, PartyStatement, SigningKey, Title, Url
from protocol.errors import Code, ConfigurationError, ConflictError
from protocol.group import random_bytes
from protocol.ids import KeyId
from protocol.messages import MAX_HOLDERS, Holder, Message, Party, Time, parse
from protocol.note import WitnessSigner
from protocol.signing import Signer
from protocol.threshold import Sharing

SETTINGS: Final = "keyholder.json"
IDENTITY: Final = "identity.key"
STATEMENT: Final = "party.yaml"
SEEDS: Final = "seeds"
LEDGER: Final = "ledger.sqlite"
_SECRETS: Final = ("signing", "sealing", "witness")
_KEY_BYTES: Final = 32


class HomeFile(Message):
    """``keyholder.json``: what ``init`` was told. Nothing in it is secret."""

    id: Party
    index: Holder
    holders: Annotated[int, Field(ge=2, le=MAX_HOLDERS)]
    threshold: Annotated[int, Field(ge=2, le=MAX_HOLDERS)]
    title: Title
    url: Url
    made_at: Time
    key_file_cost: Literal["moderate", "interactive"]
    """Argon2id's setting for every key file of this home (edge/keyfile.py)."""

    @model_validator(mode="after")
    def _fits(self) -> "HomeFile":
        if not (self.index <= self.holders and self.threshold <= self.holders):
            raise ValueError("index and threshold are at most the number of key-holders")
        return self


@dataclass(frozen=True, slots=True)
class Identity:
    """The key-holder's own private keys."""

    signer: Signer
    sealing: SecretBytes = field(repr=False)
    witness: WitnessSigner


@dataclass(frozen=True, slots=True)
class Home:
    """An initialised folder."""

    folder: Path
    file: HomeFile

    @property
    def sharing(self) -> Sharing:
        """How many key-holders there are, and how many make a pseudonym."""
        return Sharing(self.file.threshold, self.file.holders)

    @property
    def profile(self) -> Profile:
        """Argon2id's setting for new key files."""
        return Profile[self.file.key_file_cost.upper()]

    @property
    def ledger_path(self) -> Path:
        """The ledger's file."""
        return self.folder / LEDGER

    @property
    def statement_path(self) -> Path:
        """The party statement, for the covenant board."""
        return self.folder / STATEMENT

    def identity(self, passphrase: SecretText) -> Identity:
        """Open the private keys. Raises ``ConfigurationError``."""
        return _identity(self.file, read_keyfile(self.folder / IDENTITY, passphrase))

    def seed_folder(self, passphrase: SecretText) -> SeedFolder:
        """Return where the seeds lie."""
        return SeedFolder(self.folder / SEEDS, self.file.index, self.sharing, passphrase, self.profile)


def open_home(folder: Path) -> Home:
    """Open a home that ``init`` made. Raises ``ConfigurationError``."""
    found = _read(folder)
    if found is None:
        raise ConfigurationError(
            Code.SETTINGS_INVALID,
            "There is no key-holder in this folder.",
            hint=f"Looked for {folder / SETTINGS}. Make one with `sluis keyholder init`.",
        )
    return Home(folder, found)


def make_home(folder: Path, wanted: HomeFile, passphrase: SecretText) -> Home:
    """Make a home with new keys and write its party statement; what an earlier call made is kept.

    Raises ``ConflictError`` when the folder is another key-holder's, ``ConfigurationError`` for a wrong passphrase.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    present = _read(folder)
    if present is None:
        replace_file(folder / SETTINGS, wanted.to_json() + b"\n")
        present = wanted
    elif present.model_copy(update={"made_at": wanted.made_at}) != wanted:
        raise ConflictError(
            Code.CONFLICT,
            f"This folder is already the home of {present.id}, number {present.index}, with other settings.",
            hint="Use another folder, or give the same values as before.",
        )
    home = Home(folder, present)
    if not (folder / IDENTITY).exists():
        secrets = {name: random_bytes(_KEY_BYTES) for name in _SECRETS}
        write_keyfile(folder / IDENTITY, secrets, passphrase, profile=home.profile)
    replace_file(home.statement_path, dump_party(_statement(present, home.identity(passphrase))).encode())
    home.statement_path.chmod(0o644)
    return home


def require_place(home: Home, identity: Identity, covenant: Covenant) -> KeyHolder:
    """Return this key-holder's entry when the covenant has it with exactly these keys.

    Raises ``ConfigurationError`` (``covenant_invalid``) that names what differs.
    """
    entry = next((holder for holder in covenant.key_holders if holder.id == home.file.id), None)
    if entry is None:
        raise ConfigurationError(
            Code.COVENANT_INVALID,
            f"The covenant does not name {home.file.id}.",
            hint=f"Give {home.statement_path} to the covenant board (`sluis policy add-party`).",
        )
    same = {
        "number": entry.index == home.file.index,
        "threshold": covenant.sharing == home.sharing,
        "signing key": any(
            (key.id, key.key) == (identity.signer.key_id, identity.signer.public_key) for key in entry.signing_keys
        ),
        "sealing key": entry.sealing_key == sealing_public(identity.sealing.reveal()),
        "witness key": entry.witness == identity.witness.key.vkey,
    }
    differs = [what for what, equal in same.items() if not equal]
    if differs:
        raise ConfigurationError(
            Code.COVENANT_INVALID,
            f"The covenant says otherwise than this home about {home.file.id}: {', '.join(differs)}.",
            hint="Is it another home, or an older covenant?",
        )
    return entry


def _read(folder: Path) -> HomeFile | None:
    try:
        return parse(HomeFile, (folder / SETTINGS).read_bytes())
    except FileNotFoundError:
        return None


def _identity(file: HomeFile, secrets: Mapping[str, SecretBytes]) -> Identity:
    if set(secrets) != set(_SECRETS) or any(len(secret.reveal()) != _KEY_BYTES for secret in secrets.values()):
        raise ConfigurationError(Code.KEY_FILE_INVALID, f"{IDENTITY} does not hold a key-holder's keys.")
    return Identity(
        Signer(KeyId(f"{file.id}:1"), secrets["signing"].reveal()),
        secrets["sealing"],
        WitnessSigner(file.id, secrets["witness"].reveal()),
    )


def _statement(file: HomeFile, identity: Identity) -> PartyStatement:
    key = SigningKey(id=identity.signer.key_id, key=identity.signer.public_key, valid_from=_day(file.made_at))
    holder = KeyHolder(
        id=file.id,
        index=file.index,
        title=file.title,
        url=file.url,
        signing_keys=(key,),
        sealing_key=sealing_public(identity.sealing.reveal()),
        witness=identity.witness.key.vkey,
    )
    return PartyStatement(key_holder=holder)


def _day(moment: datetime) -> datetime:
    # From the start of its day, so that a clock that is a little behind ours does not find the key not yet valid.
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
