# SPDX-License-Identifier: EUPL-1.2
"""How far each witness has followed the log: what a broker says of it, and what of that the witnesses signed.

A report holds the witness's own cosignature, so that who reads it believes the witness and not the broker; only that
there is no newer one has to be taken from the broker. Spec: ``spec/checkpoint.md``. Not here: whether a checkpoint
counts (``checkpoint.py``), words for people (``edge/witness_lines.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from protocol.checkpoint import Checkpoint
from protocol.covenant import Covenant
from protocol.errors import Code, VerificationError
from protocol.messages import Bytes32, LogIndex, Message
from protocol.note import UnverifiedNote, WitnessKey, cosignature_times, parse_note

MAX_UPLOAD: Final = 2_048
"""Characters of an uploaded note: three lines of text, the log's signature and one cosignature are some 500."""
MAX_REPORTS: Final = 2_009
"""Every agency and key-holder that a covenant can name."""
FAILING_AFTER: Final = timedelta(hours=6)
"""A broker asks its key-holders again every four hours, also when nothing happens; this allows for one miss."""
LAST_SECOND: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
"""A witness may sign any second up to 2**63; a calendar ends here."""


class CosignatureUpload(Message):
    """``POST /v1/log/cosignatures``: a checkpoint as the log signed it, with the sender's cosignature under it."""

    note: Annotated[str, StringConstraints(min_length=1, max_length=MAX_UPLOAD)]


class CosignatureKept(Message):
    """The answer: the size of the newest tree that this witness cosigned, as far as the broker knows."""

    size: LogIndex


class WitnessReport(Message):
    """One witness's newest cosignature: of which tree, and the line itself."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    size: LogIndex
    root: Bytes32
    line: Annotated[str, StringConstraints(min_length=1, max_length=1_024)]


class WitnessReports(Message):
    """``GET /log/witnesses``: the size of the published tree, and how far each witness is."""

    size: LogIndex
    witnesses: Annotated[tuple[WitnessReport, ...], Field(strict=False, max_length=MAX_REPORTS)]


@dataclass(frozen=True, slots=True)
class WitnessState:
    """One witness, as its own signature shows; made by ``read_reports`` only."""

    name: str
    counts: bool
    """Whether it is a key-holder: only those count for the quorum."""
    size: int | None
    """Of the newest tree that it cosigned; none when the broker shows no cosignature of it."""
    at: datetime | None
    behind: int
    """Entries of the published tree that it has not seen."""

    def failing(self, now: datetime) -> bool:
        """Say whether a key-holder has been silent for too long. An agency cosigns when it happens to look."""
        return self.counts and (self.at is None or now - self.at > FAILING_AFTER)


def read_reports(reports: WitnessReports, covenant: Covenant) -> tuple[WitnessState, ...]:
    """Return the state of every witness of the covenant, key-holders first.

    Raises ``VerificationError`` (``checkpoint_invalid``) when a report's cosignature does not hold; reports about
    witnesses that the covenant does not name are dropped.
    """
    told = {report.name: report for report in reports.witnesses}
    holders = covenant.witness_keys
    counting = {key.name for key in holders}
    return tuple(
        _state(told.get(key.name), key, reports.size, covenant.log.origin, counts=key.name in counting)
        for key in (*holders, *covenant.agency_witness_keys.values())
    )


def cosigned_at(size: int, root: bytes, line: str, origin: str, key: WitnessKey) -> int:
    """Return when (POSIX seconds) this key cosigned the tree. Raises ``VerificationError`` (``checkpoint_invalid``)."""
    try:
        text = Checkpoint(origin, size, root).text
    except ValueError as error:
        raise VerificationError(Code.CHECKPOINT_INVALID, "There is no such tree.") from error
    parsed = parse_note(f"{text}\n{line}")
    times = cosignature_times(UnverifiedNote(text, parsed.lines), key) if parsed.text == text else []
    if not times:
        raise VerificationError(Code.CHECKPOINT_INVALID, f"{key.name} has not cosigned this tree.")
    return max(times)


def _state(report: WitnessReport | None, key: WitnessKey, published: int, origin: str, *, counts: bool) -> WitnessState:
    if report is None:
        return WitnessState(key.name, counts, None, None, published)
    seconds = cosigned_at(report.size, report.root, report.line, origin, key)
    at = datetime.fromtimestamp(min(seconds, LAST_SECOND), UTC)
    return WitnessState(key.name, counts, report.size, at, max(0, published - report.size))


def states_json(states: Sequence[WitnessState], now: datetime) -> list[Mapping[str, str | int | bool | None]]:
    """Return the states for programs."""
    return [
        {
            "name": one.name,
            "counts": one.counts,
            "size": one.size,
            "cosignedAt": one.at.isoformat().replace("+00:00", "Z") if one.at else None,
            "behind": one.behind,
            "failing": one.failing(now),
        }
        for one in states
    ]
