# SPDX-License-Identifier: EUPL-1.2
"""Show rows as a table and write them as JSON, with what one must know about the machine to read them.

Not here: measuring.
"""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.measure import Row


def table(rows: Sequence[Row]) -> Table:
    """Return the table that a person reads."""
    made = Table(title="Ratios within one run; docs/measuring.md says what each row means")
    for name, justify in (("subject", "left"), ("ours", "right"), ("unit", "left"), ("against", "left")):
        made.add_column(name, justify=justify)  # type: ignore[arg-type]  # Rich's own words
    made.add_column("theirs", justify="right")
    made.add_column("ratio", justify="right")
    for row in rows:
        theirs = "" if row.theirs is None else _figure(row.theirs)
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        made.add_row(row.subject, _figure(row.ours), row.unit, row.against, theirs, ratio)
    return made


def show(rows: Sequence[Row], console: Console) -> None:
    """Print the table."""
    console.print(table(rows))


def document(rows: Sequence[Row], machine: Mapping[str, object]) -> str:
    """Return the JSON that a program reads."""
    return json.dumps({"machine": machine, "rows": [row.to_json() for row in rows]}, indent=2) + "\n"


def write(rows: Sequence[Row], machine: Mapping[str, object], file: Path) -> None:
    """Write the JSON document."""
    file.write_text(document(rows, machine))


def machine(postgres: str | None, load_before: float) -> dict[str, object]:
    """Return facts about this machine; ``postgres`` is its version where one ran. No name, path or address."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "postgresql": postgres,
        "loadBefore": round(load_before, 2),
    }


def _figure(value: float) -> str:
    """Return three significant digits, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
