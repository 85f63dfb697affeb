# SPDX-License-Identifier: EUPL-1.2
"""One tree of errors with stable codes, and whose fault each is.

An error says what was wrong and, where it can, what to do about it. It never carries an identifier, a pseudonym, a key
or a payload: ``detail`` and ``hint`` are shown to users, written to logs and sent over wires.
Not here: HTTP statuses (``edge/problems.py`` maps codes to them, once) and refusals by policy, which are values
(``policy.Decision``), not exceptions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Every code that a caller can ever see. A code is never renamed or reused."""

    # The sender's input cannot be used as it is.
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    INVALID_ELEMENT = "invalid_element"
    INVALID_IDENTIFIER = "invalid_identifier"
    UNKNOWN_COLUMN = "unknown_column"
    RECORD_UNUSABLE = "record_unusable"
    # The sender is not who it says, or not in time.
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_INVALID = "signature_invalid"
    SIGNATURE_STALE = "signature_stale"
    SIGNATURE_REPLAYED = "signature_replayed"
    DIGEST_MISMATCH = "digest_mismatch"
    UNKNOWN_KEY = "unknown_key"
    TOKEN_MISSING = "token_missing"  # noqa: S105 the code's name, not a token
    TOKEN_INVALID = "token_invalid"  # noqa: S105 the code's name, not a token
    LOGIN_REFUSED = "login_refused"
    # The sender is known, and may not do this, or not now.
    POLICY_REFUSED = "policy_refused"
    BUDGET_EXHAUSTED = "budget_exhausted"
    LOGIN_PAUSED = "login_paused"
    TOKEN_PAUSED = "token_paused"  # noqa: S105 the code's name, not a token
    EPOCH_CLOSED = "epoch_closed"
    # The request does not fit what is there.
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    ALREADY_DECIDED = "already_decided"
    SIGNAL_RESTRICTED = "signal_restricted"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    IN_FLIGHT = "in_flight"
    # Another party's evidence does not hold: somebody cheats, or something broke.
    PROOF_INVALID = "proof_invalid"
    KEY_STATEMENT_INVALID = "key_statement_invalid"
    KEY_STATEMENT_CONFLICT = "key_statement_conflict"
    ENVELOPE_INVALID = "envelope_invalid"
    RECEIPT_INVALID = "receipt_invalid"
    CHECKPOINT_INVALID = "checkpoint_invalid"
    QUORUM_MISSING = "quorum_missing"
    LOG_FORKED = "log_forked"
    LOG_ROLLED_BACK = "log_rolled_back"
    LOG_INCOMPLETE = "log_incomplete"
    LOG_ALTERED = "log_altered"
    LOG_BACKDATED = "log_backdated"
    LOG_DOUBLED = "log_doubled"
    ENTRY_WITHHELD = "entry_withheld"
    PACK_INVALID = "pack_invalid"
    LOG_UNKNOWN = "log_unknown"
    ERASURE_UNPROVEN = "erasure_unproven"
    NOTICE_MISSING = "notice_missing"
    NOTICE_REPLAYED = "notice_replayed"
    PROBE_UNANSWERED = "probe_unanswered"
    PROBE_LATE = "probe_late"
    COVENANT_UNTRUSTED = "covenant_untrusted"
    # Nobody's fault that a caller can mend: wait.
    UNAVAILABLE = "unavailable"
    NOT_LOGGED = "not_logged"
    COVENANT_EXPIRED = "covenant_expired"
    # Our own house is not in order.
    COVENANT_INVALID = "covenant_invalid"
    SETTINGS_INVALID = "settings_invalid"
    KEY_FILE_INVALID = "key_file_invalid"
    WRONG_PASSPHRASE = "wrong_passphrase"  # noqa: S105 the code's name, not a passphrase
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with one place of the input: ``location`` is a path such as ``signals[3].keys[0].tag``."""

    location: str
    code: str
    message: str


class SluisError(Exception):
    """What every error of ours is. ``detail`` is one sentence for a person; ``hint`` says what to do."""

    def __init__(self, code: Code, detail: str, *, hint: str | None = None, issues: Sequence[Issue] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.hint = hint
        self.issues = tuple(issues)

    def __str__(self) -> str:
        return f"{self.detail} {self.hint}" if self.hint else self.detail


class InputError(SluisError):
    """The sender's input cannot be used; sending the same again gives the same."""


class AuthenticationError(SluisError):
    """The request does not prove who sent it."""


class RefusedError(SluisError):
    """The sender is known and may not do this, or not now; the detail says which limit or rule.

    ``rule`` is the deciding policy's ``@id`` where a policy decided; ``retry_after`` after how many seconds it may be
    tried again, where that is known.
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        rule: str | None = None,
        hint: str | None = None,
        issues: Sequence[Issue] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(code, detail, hint=hint, issues=issues)
        self.rule = rule
        self.retry_after = retry_after


class ConflictError(SluisError):
    """The request contradicts what is already there."""


class NotFoundError(SluisError):
    """There is no such thing for this caller; it does not say whether it exists for another."""


class VerificationError(SluisError):
    """Another party's evidence does not hold. Nothing of what it came with may be used."""


class UnavailableError(SluisError):
    """Try later; nothing was lost and nothing was done that a retry would double."""


class ConfigurationError(SluisError):
    """Our own settings, covenant or key files cannot be used."""
