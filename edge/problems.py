# SPDX-License-Identifier: EUPL-1.2
"""The one table of what each error code is over HTTP, and problem documents (RFC 9457) in both directions.

Not here: sending them (``api.py``). Spec: ``protocol/spec/messages.md``.
"""

import json
from dataclasses import dataclass
from typing import Final

from protocol.errors import (
    AuthenticationError,
    Code,
    ConfigurationError,
    ConflictError,
    InputError,
    Issue,
    NotFoundError,
    RefusedError,
    SluisError,
    UnavailableError,
    VerificationError,
)
from protocol.messages import MAX_ISSUES, MAX_TEXT, Problem, ProblemIssue, parse

PROBLEM_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:sluis:problem:"
"""RFC 9457 wants a URI a kind of problem; a URN names it without promising a web page."""
MAX_PROBLEM: Final = 65_536
"""Bytes of a problem that a client reads: 100 issues of some 300 bytes, and room."""

_INTERNAL_DETAIL: Final = "Something went wrong here. Nothing that was not confirmed to you has been done."


@dataclass(frozen=True, slots=True)
class _Row:
    status: int
    title: str
    kind: type[SluisError]


_ROWS: Final[dict[Code, _Row]] = {
    Code.MALFORMED: _Row(400, "Malformed input", InputError),
    Code.TOO_LARGE: _Row(413, "Too large", InputError),
    Code.INVALID_ELEMENT: _Row(400, "Not a group element", InputError),
    Code.INVALID_IDENTIFIER: _Row(400, "Not a valid identifier", InputError),
    Code.UNKNOWN_COLUMN: _Row(400, "Unknown column", InputError),
    Code.RECORD_UNUSABLE: _Row(400, "Record cannot be used", InputError),
    Code.SIGNATURE_MISSING: _Row(401, "Not signed", AuthenticationError),
    Code.SIGNATURE_INVALID: _Row(401, "Signature does not hold", AuthenticationError),
    Code.SIGNATURE_STALE: _Row(401, "Signature out of time", AuthenticationError),
    Code.SIGNATURE_REPLAYED: _Row(401, "Signature used before", AuthenticationError),
    Code.DIGEST_MISMATCH: _Row(401, "Body is not the signed one", AuthenticationError),
    Code.UNKNOWN_KEY: _Row(401, "Unknown key", AuthenticationError),
    Code.LOGIN_REFUSED: _Row(401, "Not logged in", AuthenticationError),
    Code.TOKEN_MISSING: _Row(401, "No token", AuthenticationError),
    Code.TOKEN_INVALID: _Row(401, "Token not valid", AuthenticationError),
    Code.POLICY_REFUSED: _Row(403, "Refused by policy", RefusedError),
    Code.BUDGET_EXHAUSTED: _Row(429, "Budget exhausted", RefusedError),
    Code.LOGIN_PAUSED: _Row(429, "Too many tries", RefusedError),
    Code.TOKEN_PAUSED: _Row(429, "Too many wrong tokens", RefusedError),
    Code.EPOCH_CLOSED: _Row(403, "Epoch closed", RefusedError),
    Code.NOT_FOUND: _Row(404, "Not found", NotFoundError),
    Code.CONFLICT: _Row(409, "Conflict", ConflictError),
    Code.ALREADY_DECIDED: _Row(409, "Already decided", ConflictError),
    Code.SIGNAL_RESTRICTED: _Row(409, "Signal restricted", ConflictError),
    Code.IDEMPOTENCY_CONFLICT: _Row(409, "Same Idempotency-Key, another request", ConflictError),
    Code.IN_FLIGHT: _Row(409, "The same request is being worked on", ConflictError),
    # Evidence of a third party that this server depends on and that does not hold: 502. Sent to us by the caller: 400.
    Code.PROOF_INVALID: _Row(502, "Proof does not hold", VerificationError),
    Code.KEY_STATEMENT_INVALID: _Row(502, "Key statement does not hold", VerificationError),
    Code.KEY_STATEMENT_CONFLICT: _Row(502, "Key statements disagree", VerificationError),
    Code.ENVELOPE_INVALID: _Row(400, "Envelope does not hold", VerificationError),
    Code.RECEIPT_INVALID: _Row(502, "Receipt does not hold", VerificationError),
    Code.CHECKPOINT_INVALID: _Row(502, "Checkpoint does not hold", VerificationError),
    Code.QUORUM_MISSING: _Row(503, "Too few witnesses", VerificationError),
    Code.LOG_FORKED: _Row(502, "Log forked", VerificationError),
    Code.LOG_ROLLED_BACK: _Row(502, "Log rolled back", VerificationError),
    Code.LOG_INCOMPLETE: _Row(502, "Log incomplete", VerificationError),
    Code.LOG_ALTERED: _Row(502, "Log altered", VerificationError),
    Code.LOG_DOUBLED: _Row(502, "Log doubled", VerificationError),
    Code.LOG_BACKDATED: _Row(502, "Log backdated", VerificationError),
    Code.ENTRY_WITHHELD: _Row(502, "Entry withheld", VerificationError),
    Code.PACK_INVALID: _Row(502, "Evidence pack not valid", VerificationError),
    Code.LOG_UNKNOWN: _Row(502, "Another log", VerificationError),
    Code.ERASURE_UNPROVEN: _Row(502, "Erasure not proven", VerificationError),
    Code.ENTRY_WITHHELD: _Row(502, "Entry withheld", VerificationError),
    Code.NOTICE_MISSING: _Row(502, "Notice missing", VerificationError),
    Code.NOTICE_REPLAYED: _Row(502, "Notice replayed", VerificationError),
    Code.PROBE_UNANSWERED: _Row(502, "Probe not answered", VerificationError),
    Code.PROBE_LATE: _Row(502, "Probe answered late", VerificationError),
    Code.UNAVAILABLE: _Row(503, "Not available now", UnavailableError),
    Code.NOT_LOGGED: _Row(503, "Not logged yet", UnavailableError),
    Code.COVENANT_EXPIRED: _Row(503, "Covenant not in force", UnavailableError),
    Code.COVENANT_UNTRUSTED: _Row(502, "Covenant cannot be trusted", VerificationError),
    Code.COVENANT_INVALID: _Row(500, "Covenant cannot be used", ConfigurationError),
    Code.SETTINGS_INVALID: _Row(500, "Settings cannot be used", ConfigurationError),
    Code.KEY_FILE_INVALID: _Row(500, "Key file cannot be used", ConfigurationError),
    Code.WRONG_PASSPHRASE: _Row(500, "Wrong passphrase", ConfigurationError),
    # For who asked, our failure is a reason to try again later.
    Code.INTERNAL: _Row(500, "Internal error", UnavailableError),
}


def status_of(code: Code) -> int:
    """Return the HTTP status of a code."""
    return _ROWS[code].status


def tells_of_our_house(error: SluisError) -> bool:
    """Say whether the error is about our own settings, covenant or key files: for the log, not for callers."""
    return isinstance(error, ConfigurationError)


def problem(error: SluisError, *, status: int | None = None) -> Problem:
    """Return what a caller is told. ``status`` overrides the table where HTTP itself has a closer one (405)."""
    row = _ROWS[error.code]
    return Problem(
        type=TYPE_PREFIX + error.code.value.replace("_", "-"),
        title=row.title,
        status=status or row.status,
        detail=error.detail,
        code=error.code.value,
        rule=error.rule if isinstance(error, RefusedError) else None,
        hint=error.hint,
        errors=tuple(
            ProblemIssue(location=issue.location, code=issue.code, message=issue.message)
            for issue in error.issues[:MAX_ISSUES]
        ),
    )


def internal_problem(reference: str) -> Problem:
    """Return what a caller is told of a failure of ours: nothing but a reference that is also in our log."""
    row = _ROWS[Code.INTERNAL]
    return Problem(
        type=TYPE_PREFIX + "internal",
        title=row.title,
        status=row.status,
        detail=_INTERNAL_DETAIL,
        code=Code.INTERNAL.value,
        hint=f"Give the operator this reference: {reference}",
    )


def to_bytes(found: Problem) -> bytes:
    """Return the problem as JSON; ``errors`` only where there are some."""
    value = found.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not found.errors:
        value.pop("errors", None)
    return json.dumps(value, ensure_ascii=False).encode()


def error_from_problem(body: bytes, status: int) -> SluisError:
    """Return the error that a server's answer stands for, whatever the server or a proxy before it wrote.

    The server's words are cut to size and cleared of control characters, since they may end on a terminal. An answer
    that is not a problem of ours becomes ``unavailable`` (5xx, 408, 425, 429) or ``malformed``.
    """
    try:
        found = parse(Problem, body[: MAX_PROBLEM + 1])
        row = _ROWS[Code(found.code)]
    except (InputError, ValueError):
        return _error_from_status(status)
    code, detail = Code(found.code), plain(found.detail)
    hint = None if found.hint is None else plain(found.hint)
    issues = [Issue(plain(item.location), plain(item.code), plain(item.message)) for item in found.errors[:MAX_ISSUES]]
    if row.kind is RefusedError:
        rule = None if found.rule is None else plain(found.rule)
        return RefusedError(code, detail, rule=rule, hint=hint, issues=issues)
    # The other party's house is not in order: nothing that we can mend in ours.
    kind = UnavailableError if row.kind is ConfigurationError else row.kind
    return kind(code, detail, hint=hint, issues=issues)


def _error_from_status(status: int) -> SluisError:
    if status >= 500 or status in {408, 425, 429}:
        return UnavailableError(Code.UNAVAILABLE, f"The other side answered with HTTP status {status}.")
    if status == 404:
        return NotFoundError(Code.NOT_FOUND, "The other side has no such thing.")
    if status == 413:
        return InputError(Code.TOO_LARGE, "The other side finds this too large.")
    return InputError(Code.MALFORMED, f"The other side answered with HTTP status {status} and no explanation.")


def plain(text: str) -> str:
    """Return another party's text safe to show: printable characters only, at most ``MAX_TEXT``."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:MAX_TEXT])
