# SPDX-License-Identifier: EUPL-1.2
"""The tree of errors: codes are stable, and an error's text is what its maker said."""

import re

import pytest

from protocol import errors
from protocol.errors import Code, Issue, RefusedError, SluisError


def kinds() -> list[type[SluisError]]:
    """Return every kind of error of the tree."""
    return [SluisError, *SluisError.__subclasses__()]


@pytest.mark.parametrize("code", list(Code))
def test_a_code_is_a_word(code: Code) -> None:
    """A code is lower-case words joined by underscores, the same as its name."""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code.value)
    assert code.name == code.value.upper()


def test_codes_that_callers_know_stay() -> None:
    """Codes are never renamed: these stood in the first version."""
    assert {code.value for code in Code} >= {
        *("malformed", "too_large", "invalid_element", "invalid_identifier", "unknown_column"),
        *("signature_missing", "signature_invalid", "signature_stale", "signature_replayed", "digest_mismatch"),
        *("unknown_key", "policy_refused", "budget_exhausted", "epoch_closed", "not_found", "conflict"),
        *("idempotency_conflict", "in_flight", "proof_invalid", "key_statement_invalid", "key_statement_conflict"),
        *("envelope_invalid", "receipt_invalid", "checkpoint_invalid", "quorum_missing", "log_forked"),
        *("log_rolled_back", "log_incomplete", "notice_missing", "notice_replayed", "unavailable", "not_logged"),
        *("covenant_invalid", "settings_invalid", "key_file_invalid", "wrong_passphrase", "internal"),
    }


@pytest.mark.parametrize("kind", kinds())
def test_an_error_keeps_what_it_was_given(kind: type[SluisError]) -> None:
    """Code, detail, hint and issues are those given, and the text is detail and hint."""
    issue = Issue("signals[0].id", "uuid", "Not one.")
    error = kind(Code.MALFORMED, "Wrong.", hint="Mend it.", issues=[issue])
    assert (error.code, error.detail, error.hint, error.issues) == (Code.MALFORMED, "Wrong.", "Mend it.", (issue,))
    assert str(error) == "Wrong. Mend it."
    assert str(kind(Code.MALFORMED, "Wrong.")) == "Wrong."


def test_every_kind_is_caught_as_ours() -> None:
    """Every error class of the module is in the one tree."""
    defined = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert set(defined) == set(kinds())


def test_a_refusal_has_its_rule() -> None:
    """A refusal names the deciding rule where there is one."""
    assert RefusedError(Code.POLICY_REFUSED, "No.", rule="guard.x").rule == "guard.x"
    assert RefusedError(Code.BUDGET_EXHAUSTED, "No.").rule is None
