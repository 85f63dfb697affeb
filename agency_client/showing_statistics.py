# SPDX-License-Identifier: EUPL-1.2
"""Aggregates for people and for programs: a table in plain words, and what a number that is not there means.

Not here: what is true (``statistics.py``), the command (``commands_statistics.py``).
"""

from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agency_client.statistics import CheckedStatistics
from protocol.covenant import Covenant
from protocol.encoding import Json, format_time
from protocol.statistics import MEASURES, REQUESTS, Counted, Measure, MonthRow, RequestMeasure

_COLUMNS: Final[dict[Measure, str]] = {
    "registered": "Signals",
    "withdrawn": "Withdrawn",
    "expired": "Expired",
    "hit": "Hits",
    "probable": "Probable hits",
    "possible": "Possible hits",
}
_REQUESTS: Final[dict[RequestMeasure, str]] = {
    "asked": "Asked for more",
    "given": "Given",
    "declined": "Refused",
    "undecided": "Not decided in time",
}
_HIDDEN: Final = "not shown"


def show_statistics(out: Console, found: CheckedStatistics, covenant: Covenant) -> None:
    """Print the table and what it says and does not say."""
    title = covenant.purposes[found.about].title.en
    out.print(f"{title}, {found.year}: closed months, by kind of agency.", highlight=False)
    if not found.rows:
        out.print("No month of that year is closed and counted.")
        return
    table = Table("Month", "Kind of agency", *_COLUMNS.values(), box=None)
    for row in found.rows:
        table.add_row(
            row.month, covenant.agency_kinds[row.kind].title.en, *(_cell(row, one, found.smallest) for one in MEASURES)
        )
    out.print(table)
    _show_requests(out, found, covenant)
    for month, agencies in found.undeclared.items():
        names = ", ".join(escape(one) for one in agencies)
        out.print(
            f"{escape(month)}: probes (signals about nobody) of {names} are still in the numbers.",
            style="yellow",
            highlight=False,
        )
    out.print(
        f"Not shown: a number below {found.smallest}, none included, or one that would tell such a number. A hit is "
        "counted once, at the kind whose signal came second; a request for more and its end, at the kind that asked. "
        "The numbers point at nobody; this reading stands in the log.",
        style="dim",
        highlight=False,
    )


def _show_requests(out: Console, found: CheckedStatistics, covenant: Covenant) -> None:
    asked = [row for row in found.rows if "asked" in row.counts]
    if not asked:
        out.print("Requests for more: of no month are there so many that they are shown.")
        return
    table = Table("Month", "Kind of agency", *_REQUESTS.values(), box=None)
    for row in asked:
        cells = (_cell(row, one, found.smallest) for one in REQUESTS)
        table.add_row(row.month, covenant.agency_kinds[row.kind].title.en, *cells)
    out.print(table)


def _cell(row: MonthRow, measure: Counted, smallest: int) -> str:
    count = row.counts.get(measure)
    if count is not None:
        return f"{count:,}"
    # Of signals a hidden number is a small one; of the rest it may be hidden for another's sake.
    return f"fewer than {smallest}" if measure == "registered" else _HIDDEN


def statistics_json(found: CheckedStatistics) -> dict[str, Json]:
    """Return the aggregates for programs; a measure that is not in ``counts`` is not shown."""
    rows: list[Json] = []
    for row in found.rows:
        counts: dict[str, Json] = dict(row.counts.items())
        rows.append({"month": row.month, "kind": row.kind, "counts": counts})
    undeclared: dict[str, Json] = {month: [*agencies] for month, agencies in found.undeclared.items()}
    return {
        "about": found.about,
        "purpose": found.purpose,
        "year": found.year,
        "smallestCell": found.smallest,
        "readAt": format_time(found.read_at),
        "logIndex": found.receipt.place,
        "rows": rows,
        "undeclaredProbes": undeclared,
    }
