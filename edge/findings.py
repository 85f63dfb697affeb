# SPDX-License-Identifier: EUPL-1.2
"""What can be wrong with a log: an exit status of its own for each, and its name for people in Dutch and English.

The same for an outsider (``sluis audit verify``) and for an agency (``sluis agency verify``). Not here: how any of it
is found.
"""

from collections.abc import Mapping
from typing import Final

import typer

from edge.cli import exit_status, show
from edge.languages import Lang, Pair, say
from protocol.errors import Code, SluisError

FINDINGS: Final[Mapping[Code, int]] = {
    Code.LOG_ALTERED: 10,
    Code.LOG_FORKED: 11,
    Code.LOG_ROLLED_BACK: 12,
    Code.LOG_INCOMPLETE: 13,
    Code.CHECKPOINT_INVALID: 14,
    Code.QUORUM_MISSING: 15,
    Code.LOG_BACKDATED: 16,
    Code.ENTRY_WITHHELD: 17,
    Code.PACK_INVALID: 18,
    Code.ERASURE_UNPROVEN: 19,
    Code.LOG_DOUBLED: 25,
}
"""Exit statuses, so that a watcher can tell an alarm from "not yet" (15). Never changed; everything else ends with the
status that all commands share."""
HEADLINES: Final[Mapping[Code, Pair]] = {
    Code.LOG_ALTERED: ("VERANDERD", "ALTERED"),
    Code.LOG_FORKED: ("GESPLITST", "FORKED"),
    Code.LOG_ROLLED_BACK: ("TERUGGEZET", "ROLLED BACK"),
    Code.LOG_INCOMPLETE: ("ONVOLLEDIG", "INCOMPLETE"),
    Code.CHECKPOINT_INVALID: ("CONTROLEPUNT NIET GELDIG", "CHECKPOINT NOT VALID"),
    Code.LOG_BACKDATED: ("TERUGGEDATEERD", "BACKDATED"),
    Code.LOG_DOUBLED: ("VERDUBBELD", "DOUBLED"),
    Code.ENTRY_WITHHELD: ("REGEL ACHTERGEHOUDEN", "ENTRY WITHHELD"),
    Code.ERASURE_UNPROVEN: ("WISSEN NIET BEWEZEN", "ERASURE NOT PROVEN"),
}
_DOES_NOT_HOLD: Final[Pair] = ("Het logboek klopt niet: {what}.", "The log does not hold: {what}.")
_NOT_YET: Final[Pair] = (
    "Nog niet medeondertekend: over het logboek is niets vastgesteld.",
    "Not yet cosigned: nothing was concluded about the log.",
)


def status_of(error: SluisError) -> int:
    """Return the exit status of a verification that failed like this."""
    return FINDINGS.get(error.code) or exit_status(error.code)


def show_finding(error: SluisError, lang: Lang) -> None:
    """Write to standard error what was found, first in one word, then as every error."""
    if error.code in HEADLINES:
        text = say(_DOES_NOT_HOLD, lang).format(what=say(HEADLINES[error.code], lang))
        typer.secho(text, fg=typer.colors.RED, bold=True, err=True)
    elif error.code is Code.QUORUM_MISSING:
        typer.secho(say(_NOT_YET, lang), fg=typer.colors.YELLOW, err=True)
    show(error)
