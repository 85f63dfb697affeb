# SPDX-License-Identifier: EUPL-1.2
"""Errors over HTTP: the table, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.problems import error_from_problem, internal_problem, plain, problem, status_of, to_bytes
from protocol.errors import Code, ConfigurationError, InputError, Issue, RefusedError, SluisError, UnavailableError
from protocol.messages import MAX_ISSUES, MAX_TEXT


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_row(code: Code) -> None:
    """Every code has a status of 400 or more and a title."""
    found = problem(SluisError(code, "Said so."))
    assert 400 <= found.status == status_of(code) < 600
    assert found.title
    assert found.type == f"urn:sluis:problem:{code.value.replace('_', '-')}"


@pytest.mark.parametrize("code", list(Code))
def test_an_error_survives_the_wire(code: Code) -> None:
    """A client gets the code, detail, hint and issues that the server raised."""
    error = SluisError(code, "Said so.", hint="Do this.", issues=[Issue("signals[0].id", "uuid", "Not one.")])
    back = error_from_problem(to_bytes(problem(error)), status_of(code))
    assert (back.code, back.detail, back.hint, back.issues) == (code, error.detail, error.hint, error.issues)


def test_a_refusal_keeps_its_rule() -> None:
    """The deciding rule's id reaches the client."""
    error = RefusedError(Code.POLICY_REFUSED, "Not for you.", rule="guard.own-signal")
    back = error_from_problem(to_bytes(problem(error)), 403)
    assert isinstance(back, RefusedError)
    assert back.rule == "guard.own-signal"


def test_another_house_in_disorder_is_not_ours() -> None:
    """A server's configuration error is to its client a reason to wait, not to mend its own settings."""
    back = error_from_problem(to_bytes(problem(ConfigurationError(Code.SETTINGS_INVALID, "Broken."))), 500)
    assert isinstance(back, UnavailableError)


def test_an_internal_error_says_only_its_reference() -> None:
    """What a caller hears of a failure of ours is the reference and nothing of the failure."""
    found = internal_problem("0123456789abcdef")
    assert "0123456789abcdef" in (found.hint or "")
    assert isinstance(error_from_problem(to_bytes(found), 500), UnavailableError)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (502, UnavailableError, Code.UNAVAILABLE),
        (429, UnavailableError, Code.UNAVAILABLE),
        (413, InputError, Code.TOO_LARGE),
        (404, SluisError, Code.NOT_FOUND),
        (400, InputError, Code.MALFORMED),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"{}", b'{"code":"brand_new"}', b"\xff"])
def test_an_answer_that_is_no_problem_of_ours(status: int, kind: type[SluisError], code: Code, body: bytes) -> None:
    """What a proxy answers in its own words is understood by its status."""
    back = error_from_problem(body, status)
    assert isinstance(back, kind)
    assert back.code is code


def test_the_other_sides_words_cannot_steer_a_terminal() -> None:
    """Control characters in a server's detail do not reach the screen, and it is cut to size."""
    text = "\x1b[2J\r\nfine" + "x" * 2_000
    back = error_from_problem(to_bytes(problem(InputError(Code.MALFORMED, text, hint=text))), 400)
    assert back.detail.isprintable()
    assert back.hint is not None
    assert back.hint.isprintable()
    assert len(back.detail) == MAX_TEXT


def test_issues_are_bounded() -> None:
    """At most a hundred issues are sent."""
    issues = [Issue("a", "b", "c")] * (MAX_ISSUES + 50)
    assert len(problem(InputError(Code.MALFORMED, "Much.", issues=issues)).errors) == MAX_ISSUES


@given(st.binary(max_size=200), st.integers(400, 599))
def test_no_answer_breaks_the_reader(body: bytes, status: int) -> None:
    """Whatever an answer holds, it becomes an error of ours."""
    assert isinstance(error_from_problem(body, status), SluisError)


@given(st.text())
def test_plain_text_is_printable(text: str) -> None:
    """What is shown of another's text is printable and bounded."""
    assert plain(text).isprintable()
    assert len(plain(text)) <= MAX_TEXT
