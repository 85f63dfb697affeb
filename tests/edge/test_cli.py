# SPDX-License-Identifier: EUPL-1.2
"""How a command fails: one line, and a status that scripts can tell apart."""

import pytest
import typer
from typer.testing import CliRunner

from edge.cli import INTERRUPTED, exit_status, reported
from protocol.errors import Code, InputError, Issue, RefusedError, SluisError, UnavailableError

RUNNER = CliRunner()


def command(error: BaseException) -> typer.Typer:
    """Return a command that fails with this error."""
    app = typer.Typer()

    @app.command()
    @reported()
    def run(times: int = 1) -> None:
        raise error

    return app


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_status(code: Code) -> None:
    """Every code ends a command with a status of sysexits, never 0, 1 or 2."""
    assert 64 <= exit_status(code) <= 78


def test_an_error_is_one_line_and_a_hint() -> None:
    """The user sees code, detail and hint on standard error, and no stack trace."""
    result = RUNNER.invoke(
        command(UnavailableError(Code.UNAVAILABLE, "No answer.", hint="Try later.")), ["--times", "2"]
    )
    assert result.exit_code == exit_status(Code.UNAVAILABLE)
    assert result.stdout == ""
    assert result.stderr.splitlines() == ["Error (unavailable): No answer.", "  Try later."]


def test_a_refusal_names_its_rule() -> None:
    """The deciding rule's id stands beside the code."""
    result = RUNNER.invoke(command(RefusedError(Code.POLICY_REFUSED, "Not for you.", rule="guard.x")))
    assert "Error (policy_refused, rule guard.x): Not for you." in result.stderr


def test_issues_are_shown_up_to_ten() -> None:
    """The first ten wrong places are shown, and how many more there are."""
    issues = [Issue(f"signals[{number}]", "x", "Wrong.") for number in range(12)]
    lines = RUNNER.invoke(command(InputError(Code.MALFORMED, "Wrong.", issues=issues))).stderr.splitlines()
    assert lines[1] == "  signals[0]: Wrong."
    assert lines[-1] == "  and 2 more"
    assert len(lines) == 12


def test_control_characters_do_not_reach_the_terminal() -> None:
    """What another party wrote cannot clear the screen."""
    result = RUNNER.invoke(command(InputError(Code.MALFORMED, "a\x1b[2Jb", hint="c\x07")))
    assert "\x1b" not in result.stderr
    assert "\x07" not in result.stderr


def test_an_interrupt_is_not_a_stack_trace() -> None:
    """Ctrl-C ends with the status that shells use for it."""
    result = RUNNER.invoke(command(KeyboardInterrupt()))
    assert (result.exit_code, result.stderr.strip()) == (INTERRUPTED, "Stopped.")


def test_a_bug_is_not_hidden() -> None:
    """An exception that is not ours passes, so that it is found."""
    with pytest.raises(typer.Exit), reported():
        raise SluisError(Code.INTERNAL, "Ours.")
    with pytest.raises(ZeroDivisionError), reported():
        _ = 1 / 0
