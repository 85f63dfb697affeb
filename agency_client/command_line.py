# SPDX-License-Identifier: EUPL-1.2
"""What commands have in common on the command line: options that mean the same in each, and what programs read.

Not here: the options of one command (its own file), those of who reads the log (``commands_audit_search.py``).
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from protocol.encoding import Json

HomeOption = Annotated[Path, typer.Option("--home", help="This agency's folder.", file_okay=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: one JSON document.")]
PersonOption = Annotated[
    str | None, typer.Option(help="Who does this; default the logged-in user. Only a keyed hash of it leaves.")
]


def print_json(value: Json) -> None:
    """Write a value for programs, on a line of its own, at once: who follows reads line by line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()
