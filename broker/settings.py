# SPDX-License-Identifier: EUPL-1.2
"""A broker's home: who it is, its log's key, the covenant's online key, and where a private PostgreSQL keeps its data.

``init`` makes it; the home holds nothing of the covenant. Not here: the commands (``main.py``).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import StringConstraints

from broker.data_keys import DataKeyFolder
from broker.publishing import Publication
from edge.covenant_keys import make_key, open_key
from edge.keyfile import Profile, SecretText, ValueCipher, read_keyfile, replace_file, write_keyfile
from protocol.checkpoint import LogSigner
from protocol.covenant import Covenant, dump_party
from protocol.covenant_parts import Broker, Log, PartyStatement, Title, Url
from protocol.errors import Code, ConfigurationError, ConflictError
from protocol.group import random_bytes
from protocol.messages import Message, Party, parse

SETTINGS: Final = "broker.json"
LOG_KEY: Final = "log.key"
COVENANT_KEY: Final = "covenant.key"
ONLINE_KEY: Final = "covenant.pub"
STATEMENT: Final = "party.yaml"
DATA_KEY: Final = "data.key"
DATA_KEYS: Final = "data-keys"
POSTGRES: Final = "postgres"
_SEED_NAME: Final = "log"
_DATA_NAME: Final = "data"
_SEED_BYTES: Final = 32

Origin = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9./_-]{0,199}$")]
"""The log's name for ever: a host name and path, without scheme (C2SP tlog-checkpoint)."""


class HomeFile(Message):
    """``broker.json``: what ``init`` was told. Nothing in it is secret."""

    id: Party
    title: Title
    url: Url
    log_origin: Origin
    key_file_cost: Literal["moderate", "interactive"]
    """Argon2id's setting for the log's key file (edge/keyfile.py)."""


@dataclass(frozen=True, slots=True)
class Home:
    """An initialised folder."""

    folder: Path
    file: HomeFile

    @property
    def statement_path(self) -> Path:
        """What the covenant board needs of this broker."""
        return self.folder / STATEMENT

    @property
    def online_key_path(self) -> Path:
        """What the covenant board names in its root, so that this broker may say which covenant is the current one."""
        return self.folder / ONLINE_KEY

    @property
    def postgres(self) -> Path:
        """Where a private PostgreSQL lives."""
        return self.folder / POSTGRES

    def signer(self, passphrase: SecretText) -> LogSigner:
        """Open the log's key. Raises ``ConfigurationError``."""
        secrets = read_keyfile(self.folder / LOG_KEY, passphrase)
        if set(secrets) != {_SEED_NAME} or len(secrets[_SEED_NAME].reveal()) != _SEED_BYTES:
            raise ConfigurationError(Code.KEY_FILE_INVALID, f"{LOG_KEY} does not hold a log's key.")
        return LogSigner(self.file.log_origin, secrets[_SEED_NAME].reveal())

    def data_keys(self, passphrase: SecretText) -> DataKeyFolder:
        """Open the keys of what the log's entries say. Raises ``ConfigurationError``."""
        if not (self.folder / DATA_KEY).exists():
            raise ConfigurationError(
                Code.KEY_FILE_INVALID,
                "This home has no data key yet.",
                hint="Run `sluis broker init` again with the same values: it adds the key and keeps the rest.",
            )
        secrets = read_keyfile(self.folder / DATA_KEY, passphrase)
        if set(secrets) != {_DATA_NAME} or len(secrets[_DATA_NAME].reveal()) != _SEED_BYTES:
            raise ConfigurationError(Code.KEY_FILE_INVALID, f"{DATA_KEY} does not hold a data key.")
        return DataKeyFolder(self.folder / DATA_KEYS, ValueCipher(secrets[_DATA_NAME]), random_bytes)

    def publication(self, passphrase: SecretText) -> Publication:
        """Open the online key that keeps the published covenant fresh. Raises ``ConfigurationError``."""
        path = self.folder / COVENANT_KEY
        if not path.exists():
            raise ConfigurationError(
                Code.KEY_FILE_INVALID,
                "This home has no online key for the covenant yet.",
                hint="Run `sluis broker init` again with the same values: it adds the key and keeps the rest.",
            )
        return Publication(self.folder, open_key(path, passphrase))


def make_home(folder: Path, wanted: HomeFile, passphrase: SecretText) -> Home:
    """Make a home with a new log key and online key, and write its party statement; what an earlier call made is kept.

    Raises ``ConflictError`` when the folder is another broker's, ``ConfigurationError`` for a wrong passphrase.
    """
    # Open to pass through: a private PostgreSQL runs as another user below it. Every secret is in a file of mode 0600.
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    present = _read(folder)
    if present is None:
        replace_file(folder / SETTINGS, wanted.to_json() + b"\n")
        present = wanted
    elif present != wanted:
        raise ConflictError(
            Code.CONFLICT,
            f"This folder is already the home of {present.id}, with other settings.",
            hint="Use another folder, or give the same values as before.",
        )
    home = Home(folder, present)
    profile = Profile[present.key_file_cost.upper()]
    if not (folder / LOG_KEY).exists():
        write_keyfile(folder / LOG_KEY, {_SEED_NAME: random_bytes(_SEED_BYTES)}, passphrase, profile=profile)
    if not (folder / DATA_KEY).exists():
        write_keyfile(folder / DATA_KEY, {_DATA_NAME: random_bytes(_SEED_BYTES)}, passphrase, profile=profile)
    key = home.signer(passphrase).key
    make_key(present.id, folder, passphrase, profile=profile, stem=Path(COVENANT_KEY).stem)
    statement = PartyStatement(
        broker=Broker(id=present.id, title=present.title, url=present.url), log=Log(key=key.vkey)
    )
    replace_file(home.statement_path, dump_party(statement).encode())
    home.statement_path.chmod(0o644)
    return home


def open_home(folder: Path) -> Home:
    """Return the home in this folder. Raises ``ConfigurationError``."""
    present = _read(folder)
    if present is None:
        raise ConfigurationError(
            Code.SETTINGS_INVALID, f"There is no broker's home in {folder}.", hint="Make one with `sluis broker init`."
        )
    return Home(folder, present)


def require_place(home: Home, signer: LogSigner, covenant: Covenant) -> None:
    """Pass when the covenant names this broker, with exactly this log key. Raises ``ConfigurationError``."""
    covenant.require_complete()
    differs = [
        what
        for what, equal in (
            ("name", covenant.broker.id == home.file.id),
            ("log key", covenant.log.key == signer.key.vkey),
        )
        if not equal
    ]
    if differs:
        raise ConfigurationError(
            Code.COVENANT_INVALID,
            f"The covenant says otherwise than this home about the broker's {' and '.join(differs)}.",
            hint="Is it another home, or an older covenant?",
        )


def _read(folder: Path) -> HomeFile | None:
    try:
        return parse(HomeFile, (folder / SETTINGS).read_bytes())
    except FileNotFoundError:
        return None
