# SPDX-License-Identifier: EUPL-1.2
"""An agency's home: who it is, its keys, its vault, whose covenants it believes, and its own contact card.

``init`` makes it, ``enrol`` pins a board's root in it; every other command opens it. Not here: what the commands do.
"""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from agency_client.disclosure_keys import RenewedKey, names_of, opening_keys, renewed, without_older
from agency_client.submit import Sender
from agency_client.vault import Vault
from edge.covenant_trust import CovenantTrust
from edge.covenant_watch import FOLDER
from edge.keyfile import Profile, SecretBytes, SecretText, ValueCipher, read_keyfile, replace_file, write_keyfile
from protocol.covenant import Covenant, dump_party
from protocol.covenant_parts import Agency, BodyKind, Oin, PartyStatement, SigningKey, Title
from protocol.errors import Code, ConfigurationError, ConflictError, InputError, UnavailableError
from protocol.group import random_bytes
from protocol.hpke import OpeningKeys
from protocol.ids import KeyId, PartyId
from protocol.messages import Message, Party, Time, parse
from protocol.note import WitnessSigner
from protocol.signing import Signer

SETTINGS: Final = "agency.json"
IDENTITY: Final = "identity.key"
STATEMENT: Final = "party.yaml"
VAULT: Final = "vault.db"
CONTACT: Final = "contact.json"
LOCK: Final = "sending.lock"
_SECRETS: Final = ("signing", "vault", "lookup", "case", "person")
_WITNESS: Final = "witness"
"""Never the signing key: who signs an act must not be made to sign a checkpoint by it. Absent in an older home."""
_KEY_BYTES: Final = 32
_MAX_CONTACT: Final = 16_384

CONTACT_FIELDS: Final = ("unit", "name", "function", "phone", "email", "when", "reference")
"""What a contact says: whom to call, and when (protocol.md section 4)."""


class HomeFile(Message):
    """``agency.json``: what ``init`` was told. Nothing in it is secret."""

    id: Party
    kind: BodyKind
    title: Title
    oin: Oin
    made_at: Time
    key_file_cost: Literal["moderate", "interactive"]
    """Argon2id's setting for the key file of this home (edge/keyfile.py)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The agency's own private keys."""

    sender: Sender
    person_key: SecretBytes = field(repr=False)
    vault_key: SecretBytes = field(repr=False)
    lookup_key: SecretBytes = field(repr=False)
    witness: WitnessSigner | None = None
    """By which it cosigns the log as it sees it; a home from before witness keys has none."""
    disclosure: OpeningKeys | None = field(default=None, repr=False)
    """By which it opens what others seal to it; a home from before disclosures has none."""

    @property
    def party(self) -> PartyId:
        """The agency's name in the covenant."""
        return self.sender.signer.party


class SendingError(UnavailableError):
    """Another command of this home holds the right to send; it also sends what others add."""

    def __init__(self) -> None:
        super().__init__(
            Code.UNAVAILABLE,
            "Another command of this agency is sending.",
            hint="Wait until it is done; it also sends what you added.",
        )


@dataclass(frozen=True, slots=True)
class Home:
    """An initialised folder."""

    folder: Path
    file: HomeFile

    @property
    def statement_path(self) -> Path:
        """The party statement, for the covenant board."""
        return self.folder / STATEMENT

    @property
    def contact_path(self) -> Path:
        """The agency's own contact card, which is sealed into signals whose record has none."""
        return self.folder / CONTACT

    def identity(self, passphrase: SecretText) -> Identity:
        """Open the private keys. Raises ``ConfigurationError``."""
        found = read_keyfile(self.folder / IDENTITY, passphrase)
        names = set(found) - {_WITNESS, *names_of(found)}
        if names != set(_SECRETS) or any(len(secret.reveal()) != _KEY_BYTES for secret in found.values()):
            raise ConfigurationError(Code.KEY_FILE_INVALID, f"{IDENTITY} does not hold an agency's keys.")
        signer = Signer(KeyId(f"{self.file.id}:1"), found["signing"].reveal())
        sender = Sender(signer, found["case"].reveal())
        witness = WitnessSigner(self.file.id, found[_WITNESS].reveal()) if _WITNESS in found else None
        disclosure = opening_keys({name: secret.reveal() for name, secret in found.items()})
        return Identity(sender, found["person"], found["vault"], found["lookup"], witness, disclosure)

    def vault(self, identity: Identity) -> Vault:
        """Open the vault, or make it. Raises ``ConfigurationError``."""
        return Vault(self.folder / VAULT, ValueCipher(identity.vault_key), identity.lookup_key.reveal())

    def trust(self) -> CovenantTrust:
        """Return whose covenants this agency believes. Raises ``ConfigurationError`` before ``enrol``."""
        return CovenantTrust.open(self.folder / FOLDER)

    def contact(self) -> dict[str, str]:
        """Return the agency's own contact card; empty when there is none. Raises ``ConfigurationError``."""
        try:
            raw = self.contact_path.read_bytes()
        except FileNotFoundError:
            return {}
        return read_contact(raw, str(self.contact_path))

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Hold the right to send. Raises ``SendingError`` while another command of this home has it."""
        with (self.folder / LOCK).open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SendingError() from None
            yield


def read_contact(raw: bytes, file: str) -> dict[str, str]:
    """Read a contact card: a JSON object of short texts under known names. Raises ``ConfigurationError``."""
    hint = f"Use the names {', '.join(CONTACT_FIELDS)}, each with a text."
    try:
        found = json.loads(raw[: _MAX_CONTACT + 1])
    except ValueError:
        raise ConfigurationError(Code.SETTINGS_INVALID, f"{file} is not JSON.", hint=hint) from None
    if not isinstance(found, dict) or not all(
        name in CONTACT_FIELDS and isinstance(text, str) for name, text in found.items()
    ):
        raise ConfigurationError(Code.SETTINGS_INVALID, f"{file} is not a contact card.", hint=hint)
    return found


def open_home(folder: Path) -> Home:
    """Open a home that ``init`` made. Raises ``ConfigurationError``."""
    found = _read(folder)
    if found is None:
        raise ConfigurationError(
            Code.SETTINGS_INVALID,
            "There is no agency in this folder.",
            hint=f"Looked for {folder / SETTINGS}. Make one with `sluis agency init`.",
        )
    return Home(folder, found)


def make_home(folder: Path, wanted: HomeFile, passphrase: SecretText) -> Home:
    """Make a home with new keys and write its party statement; what an earlier call made is kept.

    Raises ``ConflictError`` when the folder is another agency's, ``ConfigurationError`` for a wrong passphrase.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    present = _read(folder)
    if present is None:
        replace_file(folder / SETTINGS, wanted.to_json() + b"\n")
        present = wanted
    elif present.model_copy(update={"made_at": wanted.made_at}) != wanted:
        raise ConflictError(
            Code.CONFLICT,
            f"This folder is already the home of {present.id}, with other settings.",
            hint="Use another folder, or give the same values as before.",
        )
    home = Home(folder, present)
    if not (folder / IDENTITY).exists():
        made = {name: random_bytes(_KEY_BYTES) for name in (*_SECRETS, _WITNESS)}
        secrets, _ = renewed(made, None, random_bytes(_KEY_BYTES))
        profile = Profile[present.key_file_cost.upper()]
        write_keyfile(folder / IDENTITY, secrets, passphrase, profile=profile)
    _write_statement(home, passphrase)
    return home


def renew_disclosure_key(home: Home, passphrase: SecretText, placed: bytes | None) -> RenewedKey:
    """Make a new key that others seal to, beside the older ones, and write the party statement that says so.

    ``placed`` is the public key that the covenant names; see ``disclosure_keys.renewed``. Raises
    ``ConfigurationError`` for a wrong passphrase.
    """
    held = _secrets(home, passphrase)
    return _keep_keys(home, passphrase, held, *renewed(held, placed, random_bytes(_KEY_BYTES)))


def forget_older_keys(home: Home, passphrase: SecretText, placed: bytes | None) -> RenewedKey:
    """Destroy older ones: what is sealed to them and not read yet opens nowhere any more. Raises as above."""
    held = _secrets(home, passphrase)
    return _keep_keys(home, passphrase, held, *without_older(held, placed))


def require_place(home: Home, identity: Identity, covenant: Covenant) -> Agency:
    """Return this agency's entry when the covenant has it with the keys of this home.

    Raises ``ConfigurationError`` (``covenant_invalid``) that names what differs.
    """
    entry = next((agency for agency in covenant.agencies if agency.id == home.file.id), None)
    if entry is None:
        raise ConfigurationError(
            Code.COVENANT_INVALID,
            f"The covenant does not name {home.file.id}.",
            hint=f"Give {home.statement_path} to the covenant board (`sluis policy add-party`).",
        )
    signer = identity.sender.signer
    witness = identity.witness.key.vkey if identity.witness is not None else None
    disclosure = identity.disclosure.publics if identity.disclosure is not None else frozenset()
    same = {
        "kind": entry.kind == home.file.kind,
        "OIN": entry.oin == home.file.oin,
        # Without one in the covenant this client cosigns nothing, and all else is as before.
        "witness key": entry.witness in (None, witness),
        # Without one in the covenant this client takes no part in disclosures, and all else is as before.
        "disclosure key": entry.disclosure_key is None or entry.disclosure_key in disclosure,
        "signing key": any((key.id, key.key) == (signer.key_id, signer.public_key) for key in entry.signing_keys),
    }
    differs = [what for what, equal in same.items() if not equal]
    if differs:
        raise ConfigurationError(
            Code.COVENANT_INVALID,
            f"The covenant says otherwise than this home about {home.file.id}: {', '.join(differs)}.",
            hint="Is it another home, or an older covenant?",
        )
    return entry


def home_file(values: Mapping[str, object]) -> HomeFile:
    """Check what ``init`` was told. Raises ``InputError`` with the wrong options."""
    try:
        return parse(HomeFile, json.dumps(values).encode())
    except InputError as error:
        raise InputError(
            error.code, "An option of init does not have the agreed form.", hint=error.hint, issues=error.issues
        ) from None


def _read(folder: Path) -> HomeFile | None:
    try:
        return parse(HomeFile, (folder / SETTINGS).read_bytes())
    except FileNotFoundError:
        return None


def _secrets(home: Home, passphrase: SecretText) -> dict[str, bytes]:
    return {name: secret.reveal() for name, secret in read_keyfile(home.folder / IDENTITY, passphrase).items()}


def _keep_keys(
    home: Home, passphrase: SecretText, held: Mapping[str, bytes], kept: Mapping[str, bytes], done: RenewedKey
) -> RenewedKey:
    if kept != held:
        write_keyfile(home.folder / IDENTITY, kept, passphrase, profile=Profile[home.file.key_file_cost.upper()])
    _write_statement(home, passphrase)
    return done


def _write_statement(home: Home, passphrase: SecretText) -> None:
    statement = _statement(home.file, home.identity(passphrase))
    replace_file(home.statement_path, dump_party(statement).encode())
    home.statement_path.chmod(0o644)


def _statement(file: HomeFile, identity: Identity) -> PartyStatement:
    signer, witness = identity.sender.signer, identity.witness
    return PartyStatement(
        agency=Agency(
            id=file.id,
            kind=file.kind,
            title=file.title,
            oin=file.oin,
            signing_keys=(SigningKey(id=signer.key_id, key=signer.public_key, valid_from=_day(file.made_at)),),
            witness=witness.key.vkey if witness is not None else None,
            disclosure_key=identity.disclosure.public.encoded if identity.disclosure is not None else None,
        )
    )


def _day(moment: datetime) -> datetime:
    # From the start of its day, so that a clock that is a little behind ours does not find the key not yet valid.
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
