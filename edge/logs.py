# SPDX-License-Identifier: EUPL-1.2
"""Log lines as JSON with an allow-list of fields, so that no identifier, pseudonym, key or payload can slip in.

A field that is not on the list, or whose value does not have the field's form, is dropped and counted (``dropped``).
What libraries log is reduced to which library, how serious, and for an exception its type and where. Not here: the
access line (``api.py``).
"""

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final, TextIO

import structlog

_SLUG: Final = re.compile(r"(?!.*[0-9]{5})[a-z][a-z0-9-]{0,62}\Z")
"""A year or a number among several, but no digits enough for a BSN, a phone number or an account."""
_RULE: Final = re.compile(r"(?!.*[0-9]{5})[a-z][a-z0-9.-]{0,126}\Z")
_WORDS: Final = re.compile(r"[A-Za-z][A-Za-z_. -]{0,79}\Z")
"""No digits: a number in free text could be somebody's."""
_TEMPLATE: Final = re.compile(r"(/v1)?(/[a-z{}:_.-]+)*/?\Z")
_TEXTS: Final[Mapping[str, re.Pattern[str]]] = {
    "event": _WORDS,
    "level": re.compile(r"[a-z]{1,10}\Z"),
    "at": re.compile(r"[0-9T:.Z-]{20,30}\Z"),
    "logger": re.compile(r"[a-z_.]{1,60}\Z"),
    "role": _SLUG,
    "party": _SLUG,
    "purpose": _SLUG,
    "kind": _SLUG,
    "rule": _RULE,
    "reason": _SLUG,
    "step": _SLUG,
    "code": re.compile(r"[a-z_]{1,40}\Z"),
    "method": re.compile(r"[A-Z]{1,10}\Z"),
    "route": _TEMPLATE,
    "reference": re.compile(r"[0-9a-f]{16}\Z"),
    "error": re.compile(r"[A-Za-z_.]{1,80}\Z"),
    "version": re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){0,2}\Z"),
    "host": re.compile(r"[a-z0-9.:\[\]-]{1,80}\Z"),
}
_NUMBERS: Final = frozenset(
    (
        *("status", "ms", "seconds", "count", "size", "index", "seq", "attempt", "port", "pid", "bytes", "dropped"),
        *("epoch", "holder", "threshold", "signals", "keys", "hits", "elements", "entries", "limit"),
    )
)
_PLACES: Final = "where"
_PLACE: Final = re.compile(r"[A-Za-z0-9_.<>]{1,80}:[0-9]{1,6}:[A-Za-z0-9_<>]{1,60}\Z")
_MAX_PLACES: Final = 12
LISTED: Final = frozenset({*_TEXTS, *_NUMBERS, _PLACES})
"""Every field that can stand in a line."""
_MAX_NUMBER: Final = 100_000_000
"""Counts stay below it, and a nine-digit or longer number, which could be a BSN or a phone, never passes."""

Logger = structlog.typing.FilteringBoundLogger


def configure(*, stream: TextIO | None = None, path: Path | None = None, debug: bool = False) -> None:
    """Send all log lines of this process to ``path`` (appended, mode 0600), else ``stream``, else standard error."""
    if path is not None:
        path.touch(mode=0o600, exist_ok=True)
        stream = path.open("a", encoding="utf-8", buffering=1)
    target = stream if stream is not None else sys.stderr
    level = logging.DEBUG if debug else logging.INFO
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _reduce_exception,
            allow_only,
            structlog.processors.JSONRenderer(sort_keys=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(_LibraryHandler())
    # Libraries' chatter says nothing once its text is removed; their warnings are worth a line.
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def logger(role: str) -> Logger:
    """Return the logger of a role's process: ``log.info("checkpoint signed", size=…)``."""
    bound: Logger = structlog.get_logger().bind(role=role)
    return bound


def allow_only(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep the listed fields whose values have their form; count the rest in ``dropped`` (a structlog processor)."""
    kept = {key: _short(value) for key, value in line.items() if _allowed(key, value)}
    dropped = len(line) - len(kept)
    kept.setdefault("event", "unnamed")
    if dropped:
        kept["dropped"] = dropped
    return kept


def _short(value: object) -> object:
    # Nine decimals could spell a BSN as well as nine digits can; three tell all that a duration has to say.
    return round(value, 3) if isinstance(value, float) else value


def _allowed(key: str, value: object) -> bool:
    if value is None or isinstance(value, bool):
        return key in LISTED
    if isinstance(value, int | float):
        return key in _NUMBERS and abs(value) < _MAX_NUMBER
    if isinstance(value, str):
        form = _TEXTS.get(key)
        return form is not None and form.match(value) is not None
    if isinstance(value, tuple | list) and key == _PLACES:
        return len(value) <= _MAX_PLACES and all(isinstance(item, str) and _PLACE.match(item) for item in value)
    return False


def places(error: BaseException) -> tuple[str, ...]:
    """Return where an exception came from, ``module:line:function``, innermost last; never its message or values."""
    frames = traceback.extract_tb(error.__traceback__)[-_MAX_PLACES:]
    return tuple(f"{Path(frame.filename).stem}:{frame.lineno}:{frame.name}" for frame in frames)


def error_fields(error: BaseException) -> dict[str, Any]:
    """Return the two fields that tell of an exception: its type and where it came from."""
    return {"error": type(error).__name__, "where": places(error)}


def _reduce_exception(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    raised = line.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()[1]
    if isinstance(raised, tuple):
        raised = raised[1]
    if isinstance(raised, BaseException):
        line.update(error_fields(raised))
    return line


class _LibraryHandler(logging.Handler):
    """Passes on that a library logged something, not what: its text may hold a URL, a statement or a value."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields |= error_fields(record.exc_info[1])
        log = structlog.get_logger()
        (log.error if record.levelno >= logging.ERROR else log.warning)("library message", **fields)
