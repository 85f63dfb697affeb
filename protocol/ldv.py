# SPDX-License-Identifier: EUPL-1.2
"""What the *Logboek Dataverwerkingen* says of one piece of work: a closed type, written as OTLP/JSON and read back.

The standard forbids the user's identity and wants one line for each data subject. There is no field here in which a
name, an identifier, a person reference or a free word could stand: names of spans are a closed list, and everything
else has the form of an id. Not here: writing and sending (``edge/ldv*.py``), which acts have spans (each role).
Spec: ``spec/ldv.md``.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, Final, Literal, TypeAlias

from protocol.covenant import Covenant
from protocol.errors import Code, InputError
from protocol.events import EVENTS, Event
from protocol.ids import PartyId, PurposeId
from protocol.trace import Trace

ACTIVITY: Final = "dpl.core.processing_activity_id"
SUBJECT: Final = "dpl.core.data_subject_id"
SUBJECT_TYPE: Final = "dpl.core.data_subject_id_type"
PROCESSOR: Final = "dpl.core.foreign_operation.processor"

ServiceName: TypeAlias = Literal["sluis-agency", "sluis-keyholder", "sluis-broker"]
SubjectKind: TypeAlias = Literal["urn:sluis:tag-digest", "urn:sluis:signal", "urn:sluis:hit"]
_SUBJECT_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    "urn:sluis:tag-digest": re.compile(r"[0-9a-f]{64}\Z"),
    "urn:sluis:signal": re.compile(r"[0-9a-f-]{36}\Z"),
    "urn:sluis:hit": re.compile(r"[0-9a-f-]{36}\Z"),
}
_URI: Final = re.compile(r"(https?://|urn:)[A-Za-z0-9._~:/?%\[\]-]{1,400}(#[0-9A-Za-z.-]{1,32})?\Z")
_SPAN_ID: Final = re.compile(r"[0-9a-f]{16}\Z")
_ZERO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")
_INTERNAL, _SERVER = 1, 2
"""OTLP's kinds of span: begun within the application, or by a call from another."""
SCOPE: Final = "sluis"


class Work(StrEnum):
    """Pieces of work that are not one event of the log, by the name under which people read them."""

    ACT = "act of the broker"
    EVALUATION = "blinded elements evaluated"
    TAGGING = "pseudonyms made"
    PUSH = "signals sent"
    SIGNAL = "signal sent"
    RETAGGING = "signals renewed for the next epoch"
    WITHDRAWAL = "signal taken back"
    INFORMING = "informing reviewed by a person"
    CITIZEN = "citizen's request looked up"
    OPENING = "hit opened by a person"
    FOLLOW_UP = "hit followed up by a person"
    CHANGE = "signal changed by a person"
    CHANGE_SEEN = "change carried out"
    QUESTION = "question asked"
    DISCLOSURE_REQUEST = "more asked for by a person"
    DISCLOSURE_DECISION = "request for more decided by a person"
    DISCLOSURE_RECEIPT = "disclosure read by a person"
    DISCLOSURE_CANCELLATION = "request for more taken back"
    NOTICES = "notices read"
    NOTICE = "notice read"


def name_of(event: type[Event]) -> str:
    """Return the name of an event's span: ``SignalRegistered`` is "signal registered"."""
    return _WORD.sub(" ", event.__name__).lower()


EVENT_NAMES: Final = frozenset(name_of(event) for event in EVENTS.values())
NAMES: Final = EVENT_NAMES | frozenset(Work)


class Status(IntEnum):
    """OTLP's status. A refusal is no failure: the standard keeps ``ERROR`` for faults of our own."""

    UNSET = 0
    OK = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class DataSubject:
    """Whom a line is about, as a pseudonym and what kind of pseudonym it is."""

    kind: SubjectKind
    value: str

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for what does not have the form of its kind."""
        if not _SUBJECT_FORMS[self.kind].match(self.value):
            raise ValueError("not a data subject's id")


@dataclass(frozen=True, slots=True)
class Service:
    """Which program of which party writes, and which run of it: the resource of its spans."""

    name: ServiceName
    party: PartyId
    version: str
    instance: str
    """Random, one for each start of the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One line of the log of processing: one piece of work, about at most one person."""

    name: str
    trace: Trace
    started: datetime
    ended: datetime
    activity: str
    """The register's entry, with its version (``activity_of``)."""
    parent: str | None = None
    """Span id of the work of which this is a part, in the same trace."""
    cause: Trace | None = None
    """The work that brought this about in another trace."""
    subject: DataSubject | None = None
    processor: str | None = None
    """Whose call it was, when ``parent`` is another party's work."""
    status: Status = Status.UNSET

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for anything that has not the form of its field: a bug of ours."""
        if self.name not in NAMES:
            raise ValueError("not a name of the list")
        if not _URI.match(self.activity) or (self.processor is not None and not _URI.match(self.processor)):
            raise ValueError("not a reference to a register or a party")
        if self.parent is not None and not _SPAN_ID.match(self.parent):
            raise ValueError("not a span id")


def activity_of(covenant: Covenant, purpose: PurposeId | None) -> str:
    """Return the processing activity of a purpose in the version of this covenant; without purpose, of keeping the
    system itself.

    The version is a part, so that a change never hides behind the same id (``spec/ldv.md``).
    """
    found = covenant.purposes.get(purpose) if purpose is not None else None
    base = covenant.terms.processing_activity if found is None else found.processing_activity
    return f"{base}#{covenant.version}"


def party_uri(covenant: Covenant, party: PartyId) -> str:
    """Return what names a party as the caller of another: its address, or of an agency, which has none, its URN."""
    urls = {holder.id: holder.url for holder in covenant.key_holders} | {covenant.broker.id: covenant.broker.url}
    return urls.get(party, f"urn:sluis:party:{party}")


def subject_of(event: Event) -> DataSubject | None:
    """Return whom an event is about, as one id: the standard allows a line one person or none."""
    about = event.subject
    if about.tag_digests:
        return DataSubject("urn:sluis:tag-digest", about.tag_digests[0].hex())
    if about.hit_id is not None and len(about.signal_ids) != 1:
        return DataSubject("urn:sluis:hit", str(about.hit_id))
    return DataSubject("urn:sluis:signal", str(about.signal_ids[0])) if about.signal_ids else None


# --- OTLP/JSON, one line a batch ------------------------------------------------------------------------------------


def to_line(spans: Sequence[Span], service: Service) -> bytes:
    """Return one line as the OpenTelemetry collector's file exporter writes it, with its line feed."""
    resource = {
        "service.name": service.name,
        "service.namespace": service.party,
        "service.version": service.version,
        "service.instance.id": service.instance,
    }
    scope = {"scope": {"name": SCOPE}, "spans": [_to_json(span) for span in spans]}
    batch = {"resourceSpans": [{"resource": {"attributes": _pairs(resource)}, "scopeSpans": [scope]}]}
    return json.dumps(batch, separators=(",", ":")).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Batch:
    """What one line says."""

    service: Service
    spans: tuple[Span, ...]


def parse_line(line: bytes) -> Batch:
    """Read a line that ``to_line`` made. Raises ``InputError`` for every other one."""
    try:
        (entry,) = json.loads(line)["resourceSpans"]
        (scope,) = entry["scopeSpans"]
        said = _read_pairs(entry["resource"]["attributes"])
        service = Service(
            said["service.name"],  # type: ignore[arg-type]  # only shown
            PartyId(said["service.namespace"]),
            said["service.version"],
            said["service.instance.id"],
        )
        return Batch(service, tuple(_from_json(item) for item in scope["spans"]))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise InputError(Code.MALFORMED, "A line of the log of processing cannot be read.") from None


def _to_json(span: Span) -> dict[str, Any]:
    attributes = {ACTIVITY: span.activity}
    if span.subject is not None:
        attributes |= {SUBJECT: span.subject.value, SUBJECT_TYPE: span.subject.kind}
    if span.processor is not None:
        attributes[PROCESSOR] = span.processor
    line: dict[str, Any] = {
        "traceId": span.trace.trace_id,
        "spanId": span.trace.span_id,
        "name": span.name,
        "kind": _INTERNAL if span.processor is None else _SERVER,
        "startTimeUnixNano": str(nanoseconds(span.started)),
        "endTimeUnixNano": str(nanoseconds(span.ended)),
        "attributes": _pairs(attributes),
        "status": {"code": span.status.value} if span.status else {},
    }
    if span.parent is not None:
        line["parentSpanId"] = span.parent
    if span.cause is not None:
        line["links"] = [{"traceId": span.cause.trace_id, "spanId": span.cause.span_id}]
    return line


def _from_json(line: Mapping[str, Any]) -> Span:
    said = _read_pairs(line["attributes"])
    links = [Trace(link["traceId"], link["spanId"]) for link in line.get("links", [])]
    if len(links) > 1 or not set(said) <= {ACTIVITY, SUBJECT, SUBJECT_TYPE, PROCESSOR}:
        raise ValueError("a span that we do not write")
    return Span(
        name=line["name"],
        trace=Trace(line["traceId"], line["spanId"]),
        started=_moment(line["startTimeUnixNano"]),
        ended=_moment(line["endTimeUnixNano"]),
        activity=said[ACTIVITY],
        parent=line.get("parentSpanId"),
        cause=links[0] if links else None,
        subject=DataSubject(said[SUBJECT_TYPE], said[SUBJECT]) if SUBJECT in said else None,  # type: ignore[arg-type]
        processor=said.get(PROCESSOR),
        status=Status(line["status"].get("code", 0)),
    )


def _pairs(values: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


def _read_pairs(pairs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {pair["key"]: pair["value"]["stringValue"] for pair in pairs}


def nanoseconds(moment: datetime) -> int:
    """Return nanoseconds since 1970, as OTLP counts."""
    return (moment - _ZERO) // _MICROSECOND * 1_000


def _moment(text: str) -> datetime:
    return _ZERO + timedelta(microseconds=int(text) // 1_000)
