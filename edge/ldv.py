# SPDX-License-Identifier: EUPL-1.2
"""Write the log of processing: one line a batch of spans in a file a day, on the disk before the caller goes on.

The lines are those of the OpenTelemetry collector's file exporter, so any collector reads them. Nothing here samples,
buffers or drops: a line that cannot be written is an error of the act. Sending the lines on is ``ldv_otlp.py``'s; what
a line can hold, ``protocol/ldv.py``'s. Spec: ``protocol/spec/ldv.md``.
"""

import os
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path
from typing import Final

from edge.files import sync_folder
from edge.tracing import current, working
from protocol.covenant import Covenant
from protocol.erasure import kept_until
from protocol.errors import Code, ConflictError, InputError, NotFoundError, RefusedError, SluisError, UnavailableError
from protocol.group import random_bytes
from protocol.ids import PartyId, PurposeId
from protocol.ldv import DataSubject, Service, ServiceName, Span, Status, Work, activity_of, to_line
from protocol.trace import Trace, new_trace

FOLDER: Final = "ldv"
"""In a role's home."""
ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The environment variable that all of OpenTelemetry's programs read; composition roots pass on what it says."""
INSTANCE_BYTES: Final = 8
_DECIDED: Final = (RefusedError, InputError, NotFoundError, ConflictError)
_SPAN_BEGINS: Final = re.compile(rb'\{"traceId":"([0-9a-f]{32})","spanId":"([0-9a-f]{16})","name":')
_ABOUT: Final = re.compile(rb'\{"key":"dpl\.core\.data_subject_id","value":\{"stringValue":"([0-9a-f-]+)"')
_DIGIT: Final = re.compile(rb"[0-9a-f]")
_NAME: Final = re.compile(r"spans-(\d{4}-\d{2}-\d{2})\.jsonl\Z")


class SpanLog:
    """The log of processing of one running program. For any thread."""

    def __init__(self, folder: Path, service: Service, clock: Callable[[], datetime]) -> None:
        """Write into this folder, which is made when the first line comes."""
        self.folder = folder
        self.service = service
        self.clock = clock
        self._appending = threading.Lock()
        self._syncing = threading.Lock()
        self._day: date | None = None
        self._handle = -1
        self._written = 0
        self._synced = 0

    def write(self, spans: Sequence[Span], *, durable: bool = True) -> None:
        """Append the spans as one line. Returns when they survive a power cut, or if not ``durable`` a kill of this
        program. Raises ``UnavailableError``.

        Writers that come together wait for the disk together.
        """
        if not spans:
            return
        line = to_line(spans, self.service)
        try:
            with self._appending:
                self._open(self.clock().astimezone(UTC).date())
                if os.write(self._handle, line) != len(line):
                    raise OSError("short write")
                self._written += 1
                mine = self._written
            if durable:
                self._sync(mine)
        except OSError:
            # The disk is full or gone. What is processed and not written down may not be processed.
            raise UnavailableError(Code.UNAVAILABLE, "The log of processing cannot be written.") from None

    def forget_over(self, years: int) -> int:
        """Delete the files of months that were kept for so many years, as the covenant says of the log; return how
        many. Raises ``UnavailableError``.
        """
        now = self.clock()
        return self.forget({month for month in _months(self.folder) if kept_until(month, years) <= now})

    def forget(self, months: Collection[str]) -> int:
        """Delete the files of these months, such as 2026-11; return how many. Raises ``UnavailableError``."""
        old = [path for path in span_files(self.folder) if day_of(path).isoformat()[:7] in months]
        try:
            for path in old:
                path.unlink(missing_ok=True)
        except OSError:
            raise UnavailableError(
                Code.UNAVAILABLE, "An old file of the log of processing cannot be deleted."
            ) from None
        return len(old)

    def strike(self, spans: Collection[Trace], days: Collection[date]) -> int:
        """Write zeros over whom these spans are about, in the files of these days; return of how many.

        In place and of the same length, so that nothing of it is left in the file, no other line moves, and what
        appends meanwhile is not disturbed. Raises ``UnavailableError``.
        """
        wanted = {(span.trace_id.encode(), span.span_id.encode()) for span in spans}
        try:
            return sum(_strike(path, wanted) for path in span_files(self.folder) if day_of(path) in days)
        except OSError:
            raise UnavailableError(Code.UNAVAILABLE, "A file of processing cannot be changed.") from None

    def close(self) -> None:
        """Let go of the file."""
        with self._appending:
            self._close()

    def _open(self, day: date) -> None:
        if day == self._day:
            return
        self._close()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"spans-{day.isoformat()}.jsonl"
        fresh = not path.exists()
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        self._day = day
        size = os.fstat(self._handle).st_size
        if size and os.pread(self._handle, 1, size - 1) != b"\n":
            # A power cut tore the last line: what comes now must not be torn with it.
            os.write(self._handle, b"\n")
        if fresh:
            sync_folder(self.folder)

    def _close(self) -> None:
        if self._handle >= 0:
            os.fsync(self._handle)
            os.close(self._handle)
            self._handle, self._day = -1, None

    def _sync(self, mine: int) -> None:
        with self._syncing:
            if self._synced >= mine:
                return
            with self._appending:
                upto, handle = self._written, os.dup(self._handle)
            try:
                os.fdatasync(handle)
            finally:
                os.close(handle)
            self._synced = upto


def _strike(path: Path, wanted: Collection[tuple[bytes, bytes]]) -> int:
    count = offset = 0
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        with path.open("rb") as stream:
            for line in stream:
                begins = list(_SPAN_BEGINS.finditer(line))
                ends = [*(begin.start() for begin in begins[1:]), len(line)]
                for begin, end in zip(begins, ends, strict=True):
                    about = _ABOUT.search(line, begin.end(), end)
                    if about is not None and (begin[1], begin[2]) in wanted:
                        os.pwrite(handle, _DIGIT.sub(b"0", about[1]), offset + about.start(1))
                        count += 1
                offset += len(line)
        if count:
            os.fdatasync(handle)
    finally:
        os.close(handle)
    return count


def collector() -> str | None:
    """Return the collector that this machine's environment names, if any."""
    return os.environ.get(ENDPOINT) or None


def span_files(folder: Path) -> list[Path]:
    """Return the day files of a folder, oldest first."""
    return sorted(path for path in folder.glob("spans-*.jsonl") if _NAME.match(path.name))


def _months(folder: Path) -> set[str]:
    return {day_of(path).isoformat()[:7] for path in span_files(folder)}


def day_of(path: Path) -> date:
    """Return the day of a day file."""
    found = _NAME.match(path.name)
    if found is None:
        raise ValueError("not a day file")
    return date.fromisoformat(found[1])


def service_of(name: ServiceName, party: PartyId) -> Service:
    """Return the resource of a program that starts now."""
    try:
        version = metadata.version("sluis")
    except metadata.PackageNotFoundError:
        # Run from a folder that was not installed.
        version = "0"
    return Service(name, party, version, random_bytes(INSTANCE_BYTES).hex())


# --- Work of a shell ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Working:
    """A piece of work while it is done; whom it concerns is asked for at its end, and only when it is written down."""

    trace: Trace
    subjects: Iterable[tuple[Work, DataSubject]] = ()
    """Whom it concerns, and what is done about each: one line each below the work's own. Set as soon as known."""
    subject: DataSubject | None = None
    """Whom it concerns when it is one person."""


@dataclass(frozen=True, slots=True)
class Works:
    """Writes the work of one party under one covenant; without a log, as in tests of other things, nothing."""

    log: SpanLog | None = None
    covenant: Covenant | None = None

    @contextmanager
    def do(self, name: Work, purpose: PurposeId | None, trace: Trace | None = None) -> Iterator[Working]:
        """Do a piece of work: requests that are sent meanwhile carry its trace; at its end its spans are on the disk.

        ``trace`` is its own when it has one already; else it is a part of the work it stands in, or the first of a
        trace. Raises ``UnavailableError`` when the spans cannot be written.
        """
        above = current()
        inside = above is not None and (trace is None or trace.trace_id == above.trace_id)
        mine = trace or (above.child(random_bytes) if above is not None else new_trace(random_bytes))
        work = Working(mine)
        log, covenant = self.log, self.covenant
        started = log.clock() if log is not None else None
        status = Status.ERROR
        try:
            with working(mine):
                yield work
            status = Status.UNSET
        except SluisError as error:
            # What is refused was decided as it should be; the standard keeps Error for faults of our own.
            status = Status.UNSET if isinstance(error, _DECIDED) else Status.ERROR
            raise
        finally:
            if log is not None and covenant is not None and started is not None:
                span = Span(
                    name=name,
                    trace=mine,
                    started=started,
                    ended=log.clock(),
                    activity=activity_of(covenant, purpose),
                    parent=above.span_id if above is not None and inside else None,
                    subject=work.subject,
                    status=status,
                )
                log.write([*_each(span, work.subjects), span])


UNLOGGED: Final = Works()
"""Does work without writing it down: for tests of other things."""


def _each(span: Span, subjects: Iterable[tuple[Work, DataSubject]]) -> Iterator[Span]:
    for name, subject in subjects:
        yield Span(
            name=name,
            trace=span.trace.child(random_bytes),
            started=span.started,
            ended=span.ended,
            activity=span.activity,
            parent=span.trace.span_id,
            subject=subject,
            status=span.status,
        )
