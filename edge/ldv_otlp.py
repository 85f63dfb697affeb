# SPDX-License-Identifier: EUPL-1.2
"""Send the log of processing on to a collector (OTLP over HTTP), from the files, at least once, in order.

The files are the log; what is sent is a copy. A place in them is kept, and moves on when the collector confirmed, so
neither a kill nor an outage of the collector loses a line. The one door to OpenTelemetry's libraries. Not here: the
files (``ldv.py``). Spec: ``protocol/spec/ldv.md``.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from edge.files import alone, put_file
from edge.ldv import ENDPOINT, span_files
from edge.logs import Logger
from protocol.errors import Code, ConfigurationError, InputError
from protocol.ldv import (
    ACTIVITY,
    PROCESSOR,
    SCOPE,
    SUBJECT,
    SUBJECT_TYPE,
    Batch,
    Service,
    Span,
    nanoseconds,
    parse_line,
)
from protocol.trace import Trace

MAX_SPANS: Final = 4_000
"""Spans in one request: about two megabytes, below what collectors take (4 MiB and more)."""
SECONDS: Final = 10.0
"""For one request, with its repetitions."""
LOOK_SECONDS: Final = 1.0
_PLACE: Final = "sent.json"
_TRACES: Final = "/v1/traces"


@dataclass(frozen=True, slots=True)
class Forwarder:
    """Sends what stands in one folder. Any number of programs may do it at once: they take turns."""

    folder: Path
    exporter: SpanExporter

    def forward(self) -> int:
        """Send one request of what was not sent yet; return how many spans it had. None is left behind for a failure:
        it comes again the next time.
        """
        files = span_files(self.folder)
        if not files:
            return 0
        with alone(self.folder):
            name, offset = self._place(files[0].name)
            for path in files:
                if path.name < name:
                    continue
                spans, after = _read(path, offset if path.name == name else 0)
                if after == (offset if path.name == name else 0):
                    continue
                if spans and self.exporter.export(spans) is not SpanExportResult.SUCCESS:
                    return 0
                put_file(self.folder / _PLACE, json.dumps({"file": path.name, "offset": after}).encode(), mode=0o600)
                return len(spans)
        return 0

    def _place(self, first: str) -> tuple[str, int]:
        try:
            said = json.loads((self.folder / _PLACE).read_bytes())
            return str(said["file"]), int(said["offset"])
        except (OSError, ValueError, KeyError, TypeError):
            return first, 0

    def forward_all(self) -> int:
        """Send until nothing is left or the collector fails; return how many spans went."""
        total = 0
        while sent := self.forward():
            total += sent
        return total

    async def run(self, stopping: asyncio.Event, log: Logger) -> None:
        """Send until told to stop; what is left then is sent at the next start."""
        while not stopping.is_set():
            sent = await asyncio.to_thread(self.forward)
            if sent:
                log.debug("spans sent", count=sent)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await stopping.wait()


def forwarder_of(folder: Path, endpoint: str) -> Forwarder:
    """Return what sends a folder's lines to a collector's base address. Raises ``ConfigurationError``."""
    return Forwarder(folder, exporter_of(endpoint))


def exporter_of(endpoint: str) -> SpanExporter:
    """Return OpenTelemetry's exporter to a collector's base address. Raises ``ConfigurationError``.

    The standard asks for TLS; without it only this machine itself is an address.
    """
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError(Code.SETTINGS_INVALID, f"{ENDPOINT} is http(s)://host[:port][/path].")
    if parts.scheme == "http" and not _is_here(parts.hostname):
        raise ConfigurationError(
            Code.SETTINGS_INVALID,
            f"{ENDPOINT} leads to another machine without TLS.",
            hint="Use https://, or a collector on this machine.",
        )
    return OTLPSpanExporter(endpoint=endpoint.rstrip("/") + _TRACES, timeout=SECONDS)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(path: Path, offset: int) -> tuple[list[ReadableSpan], int]:
    """Return the spans of the whole lines from a place on, and the place behind them."""
    spans: list[ReadableSpan] = []
    with path.open("rb") as stream:
        stream.seek(offset)
        for line in stream:
            if not line.endswith(b"\n"):
                break
            offset += len(line)
            try:
                spans += _readable(parse_line(line))
            except InputError:
                # Torn by a power cut; the check tells of it.
                continue
            if len(spans) >= MAX_SPANS:
                break
    return spans, offset


def _readable(batch: Batch) -> list[ReadableSpan]:
    resource = Resource(_resource(batch.service))
    scope = InstrumentationScope(SCOPE)
    return [_span(span, resource, scope) for span in batch.spans]


def _resource(service: Service) -> Mapping[str, str]:
    return {
        "service.name": service.name,
        "service.namespace": service.party,
        "service.version": service.version,
        "service.instance.id": service.instance,
    }


def _span(span: Span, resource: Resource, scope: InstrumentationScope) -> ReadableSpan:
    attributes: dict[str, Any] = {ACTIVITY: span.activity}
    if span.subject is not None:
        attributes |= {SUBJECT: span.subject.value, SUBJECT_TYPE: span.subject.kind}
    if span.processor is not None:
        attributes[PROCESSOR] = span.processor
    parent = None if span.parent is None else Trace(span.trace.trace_id, span.parent)
    return ReadableSpan(
        name=str(span.name),
        context=_context(span.trace),
        parent=None if parent is None else _context(parent, remote=span.processor is not None),
        resource=resource,
        attributes=attributes,
        links=[] if span.cause is None else [Link(_context(span.cause))],
        kind=SpanKind.INTERNAL if span.processor is None else SpanKind.SERVER,
        status=Status(StatusCode(span.status.value)),
        start_time=nanoseconds(span.started),
        end_time=nanoseconds(span.ended),
        instrumentation_scope=scope,
    )


def _context(trace: Trace, *, remote: bool = False) -> SpanContext:
    return SpanContext(int(trace.trace_id, 16), int(trace.span_id, 16), remote, TraceFlags(TraceFlags.SAMPLED))
