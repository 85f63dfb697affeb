# SPDX-License-Identifier: EUPL-1.2
"""The typed parts of a covenant: parties, purposes, legal bases, and the terms that all agree on.

Each part is valid in itself; whether the parts fit together is ``covenant.py``'s question.
Spec: ``spec/covenant.md``. Not here: reading text (``covenant_text.py``), rules of who may what (``policies/``).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from protocol.errors import InputError
from protocol.hpke import PUBLIC_BYTES, RecipientKey
from protocol.ids import PartyId
from protocol.messages import (
    MAX_HOLDERS,
    Bytes32,
    Holder,
    KeyName,
    Message,
    Party,
    Text,
    Time,
    _Base64,
)
from protocol.note import LogKey, WitnessKey

AgencyKind = Literal[
    "police",
    "public-prosecution",
    "probation",
    "youth-probation",
    "care",
    "municipality",
    "labour-inspectorate",
    "custodial",
    "rapporteur",
    "supervisor",
]
"""What sort of body an agency is; rights hang on the kind, never on one agency's name."""
BodyKind = Literal[AgencyKind, "probation-rn", "probation-svg", "probation-ljr"]
"""What an agency calls itself: a kind, or one of the bodies within a kind (``vocabulary/agency-kinds.yaml``)."""
Act = Literal["send", "receive", "query", "plant", "count"]
"""What a kind may do under a purpose: signal, be told of hits, ask without signalling, plant canaries, read counts."""
AgencyState = Literal["active", "suspended"]

Url = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.\-\[\]:]{1,253}(/[A-Za-z0-9._~/-]{0,200})?$")]


def _log_key(text: str) -> str:
    return _read_key(LogKey.parse, text)


def _witness_key(text: str) -> str:
    return _read_key(WitnessKey.parse, text)


def _read_key(parse: Callable[[str], LogKey | WitnessKey], text: str) -> str:
    try:
        parse(text)
    except InputError as error:
        raise ValueError(error.detail) from None
    return text


LogVerifier = Annotated[str, StringConstraints(max_length=400), AfterValidator(_log_key)]
WitnessVerifier = Annotated[str, StringConstraints(max_length=400), AfterValidator(_witness_key)]
"""C2SP note verifier keys, ``name+hash+base64``, of the log's and the witnesses' type (note.py)."""


def _disclosure_key(encoded: bytes) -> bytes:
    try:
        RecipientKey(encoded)
    except InputError as error:
        raise ValueError(error.detail) from None
    return encoded


DisclosureKey = Annotated[bytes, _Base64(PUBLIC_BYTES, PUBLIC_BYTES), AfterValidator(_disclosure_key)]
"""A public key of ML-KEM-768 with X25519 (hpke.py)."""

Oin = Annotated[str, StringConstraints(pattern=r"^[0-9]{20}$")]
"""Organisatie-identificatienummer: twenty digits, Logius."""

EPOCH_ZERO: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Where counting epochs starts; a round moment before the first covenant."""
MAX_YEARS: Final = timedelta(days=5 * 366)
"""A covenant is agreed again at least once in five years; a longer validity is a typing error."""


class Title(Message):
    """The same short text in both languages of the covenant."""

    nl: Text
    en: Text


# --- Parties ---


class SigningKey(Message):
    """A party's public Ed25519 key; ``id`` is ``<party>:<number>``, so that keys can be changed without a gap."""

    id: KeyName
    key: Bytes32
    valid_from: Time
    valid_until: Time | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "SigningKey":
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValueError("validUntil must be after validFrom")
        return self


SigningKeys = Annotated[tuple[SigningKey, ...], Field(strict=False, min_length=1, max_length=20)]


def _own_keys(party: PartyId, keys: tuple[SigningKey, ...]) -> None:
    if any(key.id.rpartition(":")[0] != party for key in keys):
        raise ValueError(f"every signing key of {party} is named {party}:<number>")
    if len({key.id for key in keys}) != len(keys) or len({key.key for key in keys}) != len(keys):
        raise ValueError("each signing key stands here once")


class Agency(Message):
    """A body that signals and is told."""

    id: Party
    kind: BodyKind
    title: Title
    oin: Oin
    state: AgencyState = "active"
    signing_keys: SigningKeys
    witness: WitnessVerifier | None = None
    """The key by which its client cosigns the log as it sees it, named as the agency; never counts for the quorum."""
    disclosure_key: DisclosureKey | None = None
    """To which others seal what they ask of it and what they give it. Without one it takes no part in disclosures."""

    @model_validator(mode="after")
    def _keys(self) -> "Agency":
        _own_keys(self.id, self.signing_keys)
        if self.witness is not None:
            witness = WitnessKey.parse(self.witness)
            if witness.name != self.id:
                raise ValueError(f"the witness key of {self.id} is named {self.id}")
            if any(key.key == witness.public for key in self.signing_keys):
                raise ValueError("the witness key is another than the signing keys")
        return self

    @property
    def recipient(self) -> RecipientKey | None:
        """The key that others seal to."""
        return None if self.disclosure_key is None else RecipientKey(self.disclosure_key)

    @property
    def witness_key(self) -> WitnessKey | None:
        """The key that this agency's cosignatures are verified with."""
        return None if self.witness is None else WitnessKey.parse(self.witness)


class KeyHolder(Message):
    """An independent body that holds a share of the pseudonym keys and witnesses the log."""

    id: Party
    index: Holder
    title: Title
    url: Url
    signing_keys: SigningKeys
    sealing_key: Bytes32
    """X25519: the other key-holders seal a seed to it during the key ceremony."""
    witness: WitnessVerifier

    @model_validator(mode="after")
    def _keys(self) -> "KeyHolder":
        _own_keys(self.id, self.signing_keys)
        return self

    @property
    def witness_key(self) -> WitnessKey:
        """The key that this key-holder's cosignatures are verified with."""
        return WitnessKey.parse(self.witness)


class Broker(Message):
    """The middle. It signs nothing but the log, so its only key is the log's."""

    id: Party
    title: Title
    url: Url


class Log(Message):
    """The log's public key; the key's name is the log's origin (C2SP tlog-checkpoint)."""

    key: LogVerifier

    @property
    def verifier(self) -> LogKey:
        """The key that checkpoints are verified with."""
        return LogKey.parse(self.key)

    @property
    def origin(self) -> str:
        """The first line of every checkpoint of this log."""
        return self.verifier.name


class Parties(Message):
    """``parties.yaml``: who takes part. Filled by ``sluis policy add-party``."""

    agencies: Annotated[tuple[Agency, ...], Field(strict=False, max_length=2_000)] = ()
    key_holders: Annotated[tuple[KeyHolder, ...], Field(strict=False, max_length=MAX_HOLDERS)] = ()
    broker: Broker | None = None
    log: Log | None = None


class PartyStatement(Message):
    """What a party says about itself, written by its own ``init``: an agency, a key-holder, or broker with log.

    It holds public keys only and gives no rights: the covenant board adds it with ``sluis policy add-party``.
    """

    agency: Agency | None = None
    key_holder: KeyHolder | None = None
    broker: Broker | None = None
    log: Log | None = None

    @model_validator(mode="after")
    def _one(self) -> "PartyStatement":
        if (self.broker is None) != (self.log is None):
            raise ValueError("broker and log go together")
        if sum(part is not None for part in (self.agency, self.key_holder, self.broker)) != 1:
            raise ValueError("a statement is about one party: agency, keyHolder, or broker with log")
        return self


# --- Terms ---


class KeyHolding(Message):
    """How many key-holders there are, and how many are needed to make a pseudonym."""

    threshold: Annotated[int, Field(ge=2, le=MAX_HOLDERS)]
    holders: Annotated[int, Field(ge=2, le=MAX_HOLDERS)]

    @model_validator(mode="after")
    def _order(self) -> "KeyHolding":
        if self.threshold > self.holders:
            raise ValueError("threshold cannot exceed holders")
        return self


class ContactPoint(Message):
    """Where a citizen can turn to (GDPR 12-15; law.md D-9)."""

    title: Title
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$")]


HourOfDay = Annotated[int, Field(ge=0, le=23)]
Percent = Annotated[int, Field(ge=1, le=100)]


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("there is no such time zone; write Europe/Amsterdam") from None
    return name


class OddHours(Message):
    """Hours in which little is done: from the beginning of one hour until the beginning of the other, over midnight."""

    from_hour: Annotated[HourOfDay, Field(alias="from")]
    until_hour: Annotated[HourOfDay, Field(alias="until")]
    time_zone: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z_]{1,30}(/[A-Za-z_]{1,30}){0,2}$"), AfterValidator(_time_zone)
    ]

    @model_validator(mode="after")
    def _some(self) -> "OddHours":
        if self.from_hour == self.until_hour:
            raise ValueError("from and until are the same hour: no hour would be odd")
        return self


class Unusual(Message):
    """From which counts on an agency's use of a purpose is worth a look (``unusual.py``). Shares are per cent."""

    burst_per_hour: Annotated[int, Field(ge=1, le=10_000_000)]
    """Subjects in one hour."""
    odd_hours: OddHours
    odd_hours_share: Percent
    """Of a day's subjects."""
    odd_hours_at_least: Annotated[int, Field(ge=1, le=10_000_000)]
    """Subjects; below it a quiet day's one urgent case would be all of its use."""
    subjects_per_day: Annotated[int, Field(ge=1, le=10_000_000)]
    hit_share_below: Percent
    """Hits among a day's subjects."""
    acts_per_person: Annotated[int, Field(ge=1, le=10_000_000)]
    """Hits opened and questions asked by one employee on one day."""
    budget_share: Percent
    """Of a key-holder's budget for the day."""


class Probes(Message):
    """Signals about nobody by which agencies find out whether hits are withheld from them (``probes.py``)."""

    per_pair_per_week: Annotated[int, Field(ge=0, le=50)]
    """On average, of every two agencies that are told of each other; 0 when nothing is probed."""
    answer_hours: Annotated[int, Field(ge=1, le=24 * 14)]
    """Within how many hours after the second of two signals both must have been told of their hit."""


RegisterEntry = Annotated[
    str,
    StringConstraints(
        pattern=r"^(https://[A-Za-z0-9.-]{1,253}/[A-Za-z0-9._~/%-]{1,200}|urn:[a-z0-9][a-z0-9-]{1,31}:[A-Za-z0-9._:-]{1,200})$"
    ),
]
"""Where a register of processing names an activity; the covenant's version is added wherever it is used."""


MAX_LOG_YEARS: Final = 10
"""No law names a limit for logs; storage limitation (LED 4(1)(e)) needs one, and twice the longest duty is enough."""
POLICE_LOG_YEARS: Final = 4
"""Wpg 25: the police answer to whom data were disclosed in the last four years, which only the log can tell."""


class Terms(Message):
    """``covenant.yaml``: what holds for all purposes."""

    name: Text
    version: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,31}$")]
    valid_from: Time
    valid_until: Time
    epoch_days: Annotated[int, Field(ge=7, le=366)]
    grace_days: Annotated[int, Field(ge=1, le=90)]
    population: Annotated[int, Field(ge=1_000, le=10_000_000_000)]
    common_key_limit: Annotated[int, Field(ge=2, le=100_000)]
    witness_quorum: Annotated[int, Field(ge=1, le=MAX_HOLDERS)]
    key_holding: KeyHolding
    unusual: Unusual
    probes: Probes
    log_retention_years: Annotated[int, Field(ge=1, le=MAX_LOG_YEARS)]
    """How long the log's records are kept, counted from the end of their month (``erasure.py``)."""
    dpia: Text
    processing_activity: RegisterEntry
    """The register's entry of keeping this system itself: its log, and requests that are refused (law.md D-4)."""
    contact_point: ContactPoint

    @model_validator(mode="after")
    def _fits(self) -> "Terms":
        if not self.valid_from < self.valid_until <= self.valid_from + MAX_YEARS:
            raise ValueError("validUntil must be after validFrom, by at most five years")
        if self.valid_from < EPOCH_ZERO:
            raise ValueError("validFrom must not be before 2026, when counting epochs starts")
        if self.grace_days * 2 > self.epoch_days:
            raise ValueError("graceDays must be at most half of epochDays: an epoch's end must mean something")
        if self.witness_quorum > self.key_holding.holders:
            raise ValueError("witnessQuorum cannot exceed the number of key-holders")
        if self.witness_quorum * 2 <= self.key_holding.holders:
            # Two quorums without a common member could each cosign its own history, and no witness would have lied.
            raise ValueError("witnessQuorum must be more than half of the key-holders: any two quorums share a witness")
        return self
