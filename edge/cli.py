# SPDX-License-Identifier: EUPL-1.2
"""How a command of ours fails: one clear line with code and hint, and an exit status that scripts can tell apart.

Not here: the commands (each role's ``cli.py`` or ``main.py``).
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import typer

from edge.problems import plain
from protocol.errors import Code, RefusedError, SluisError

INTERRUPTED: Final = 130
"""128 + SIGINT, as shells have it."""
_SHOWN_ISSUES: Final = 10
"""More wrong places than this scroll the cause off the screen."""

# BSD's sysexits.h, which mail systems, cron wrappers and service managers know.
_DATA: Final = 65
_NO_INPUT: Final = 66
_SOFTWARE: Final = 70
_TRY_LATER: Final = 75
_PROTOCOL: Final = 76
_NO_PERMISSION: Final = 77
_CONFIG: Final = 78
_STATUS: Final[dict[Code, int]] = {
    Code.MALFORMED: _DATA,
    Code.TOO_LARGE: _DATA,
    Code.INVALID_ELEMENT: _DATA,
    Code.INVALID_IDENTIFIER: _DATA,
    Code.UNKNOWN_COLUMN: _DATA,
    Code.RECORD_UNUSABLE: _DATA,
    Code.SIGNATURE_MISSING: _NO_PERMISSION,
    Code.SIGNATURE_INVALID: _NO_PERMISSION,
    Code.SIGNATURE_STALE: _NO_PERMISSION,
    Code.SIGNATURE_REPLAYED: _NO_PERMISSION,
    Code.DIGEST_MISMATCH: _NO_PERMISSION,
    Code.UNKNOWN_KEY: _NO_PERMISSION,
    Code.LOGIN_REFUSED: _NO_PERMISSION,
    Code.TOKEN_MISSING: _NO_PERMISSION,
    Code.TOKEN_INVALID: _NO_PERMISSION,
    Code.POLICY_REFUSED: _NO_PERMISSION,
    Code.BUDGET_EXHAUSTED: _TRY_LATER,
    Code.LOGIN_PAUSED: _TRY_LATER,
    Code.TOKEN_PAUSED: _TRY_LATER,
    Code.EPOCH_CLOSED: _TRY_LATER,
    Code.NOT_FOUND: _NO_INPUT,
    Code.CONFLICT: _DATA,
    Code.ALREADY_DECIDED: _DATA,
    Code.SIGNAL_RESTRICTED: _TRY_LATER,
    Code.IDEMPOTENCY_CONFLICT: _DATA,
    Code.IN_FLIGHT: _TRY_LATER,
    Code.PROOF_INVALID: _PROTOCOL,
    Code.KEY_STATEMENT_INVALID: _PROTOCOL,
    Code.KEY_STATEMENT_CONFLICT: _PROTOCOL,
    Code.ENVELOPE_INVALID: _PROTOCOL,
    Code.RECEIPT_INVALID: _PROTOCOL,
    Code.CHECKPOINT_INVALID: _PROTOCOL,
    Code.QUORUM_MISSING: _TRY_LATER,
    Code.LOG_FORKED: _PROTOCOL,
    Code.LOG_ROLLED_BACK: _PROTOCOL,
    Code.LOG_INCOMPLETE: _PROTOCOL,
    Code.LOG_ALTERED: _PROTOCOL,
    Code.LOG_BACKDATED: _PROTOCOL,
    Code.LOG_DOUBLED: _PROTOCOL,
    Code.ERASURE_UNPROVEN: _PROTOCOL,
    Code.ENTRY_WITHHELD: _PROTOCOL,
    Code.PROBE_UNANSWERED: _PROTOCOL,
    Code.PROBE_LATE: _PROTOCOL,
    Code.PACK_INVALID: _PROTOCOL,
    Code.LOG_UNKNOWN: _PROTOCOL,
    Code.NOTICE_MISSING: _PROTOCOL,
    Code.NOTICE_REPLAYED: _PROTOCOL,
    Code.UNAVAILABLE: _TRY_LATER,
    Code.NOT_LOGGED: _TRY_LATER,
    Code.COVENANT_EXPIRED: _TRY_LATER,
    Code.COVENANT_UNTRUSTED: _PROTOCOL,
    Code.COVENANT_INVALID: _CONFIG,
    Code.SETTINGS_INVALID: _CONFIG,
    Code.KEY_FILE_INVALID: _CONFIG,
    Code.WRONG_PASSPHRASE: _CONFIG,
    Code.INTERNAL: _SOFTWARE,
}


def exit_status(code: Code) -> int:
    """Return the exit status of a command that failed with this code."""
    return _STATUS[code]


@contextmanager
def reported() -> Generator[None, None, None]:
    """Turn an error of ours into one red line and an exit status, around a block or as a decorator.

    Other exceptions are bugs and pass.
    """
    try:
        yield
    except SluisError as error:
        show(error)
        raise typer.Exit(exit_status(error.code)) from None
    except KeyboardInterrupt:
        typer.secho("Stopped.", fg=typer.colors.RED, err=True)
        raise typer.Exit(INTERRUPTED) from None


def warn(text: str) -> None:
    """Write a warning to standard error; the command goes on."""
    typer.secho(plain(text), fg=typer.colors.YELLOW, err=True)


def show(error: SluisError) -> None:
    """Write the error to standard error: the line in red, then its hint, then the first wrong places."""
    rule = f", rule {plain(error.rule)}" if isinstance(error, RefusedError) and error.rule else ""
    typer.secho(f"Error ({error.code.value}{rule}): {plain(error.detail)}", fg=typer.colors.RED, err=True)
    if error.hint:
        typer.secho(f"  {plain(error.hint)}", err=True)
    for issue in error.issues[:_SHOWN_ISSUES]:
        typer.secho(f"  {plain(issue.location)}: {plain(issue.message)}", err=True)
    if len(error.issues) > _SHOWN_ISSUES:
        typer.secho(f"  and {len(error.issues) - _SHOWN_ISSUES} more", err=True)
