# SPDX-License-Identifier: EUPL-1.2
"""What a privacy officer asks of the log, from a form: why, and about which entries. Pure but for the visit.

Not here: asking it (``logbook.py``), which reasons the law knows (``protocol/questions.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, cast, get_args

from agency_client.console.languages import N_
from agency_client.console.visits import Visit
from agency_client.searching import Inquiry
from agency_client.submit import person_reference
from edge.event_words import EVENTS_SAID, REASONS_SAID
from edge.languages import say
from protocol.event_search import EventFilters
from protocol.ids import PurposeId
from protocol.policy import LogPurpose, PersonRole

_REASONS: Final = tuple(one for one in get_args(LogPurpose) if one != "none")
_SCOPES: Final = ("own", "counterpart", "others")
_FIELDS: Final = ("why", "since", "until", "event", "purpose", "scope", "decision", "employee", "after")


@dataclass(frozen=True, slots=True)
class Asked:
    """A form, read: what was typed, what is wrong with it in words, and else the inquiry."""

    fields: Mapping[str, str]
    errors: Mapping[str, str]
    inquiry: Inquiry
    scope: str
    after: int | None


def reasons(visit: Visit) -> list[tuple[str, str]]:
    """Return why a log may be read, with its words."""
    return [(one, say(REASONS_SAID[one], visit.speech.lang)) for one in _REASONS]


def role_of(visit: Visit) -> PersonRole:
    """Return as what this person reads: of a supervising agency as its supervisor, by that agency's mandate."""
    supervises = visit.running.session.kind == "supervisor" and visit.may("supervisor")
    return "supervisor" if supervises else "privacy-officer"


def day_of(text: str, *, end: bool = False) -> datetime | None:
    """Return the begin of a day in UTC, or its end; None for what is no day."""
    try:
        found = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return found + timedelta(days=1) if end else found


def asked_of(visit: Visit, *, export: bool = False) -> Asked:
    """Read the form. ``export`` asks for a first and a last day."""
    tell, fields = visit.speech.gettext, {name: visit.form.text(name) for name in _FIELDS}
    errors: dict[str, str] = {}
    begins, ends = day_of(fields["since"]), day_of(fields["until"], end=True)
    if fields["why"] not in _REASONS:
        errors["why"] = tell(N_("Say why you read the log: the law permits these reasons only."))
    for name, found in (("since", begins), ("until", ends)):
        if found is None and (export or fields[name]):
            errors[name] = tell(N_("This is not a day. Write it as 2026-11-22."))
    if begins is not None and ends is not None and begins >= ends:
        errors["until"] = tell(N_("The period ends before it begins."))
    covenant, event = visit.running.session.covenant, fields["event"]
    inquiry = Inquiry(
        EventFilters(
            since=begins,
            until=ends if ends is None or begins is None or begins < ends else None,
            event=int(event) if event in map(str, EVENTS_SAID) else None,
            purpose=PurposeId(fields["purpose"]) if fields["purpose"] in covenant.purposes else None,
            person=_employee(visit, fields["employee"]),
            decision=cast(Literal["allow", "deny"], fields["decision"])
            if fields["decision"] in ("allow", "deny")
            else None,
        ),
        cast(LogPurpose, fields["why"] if "why" not in errors else "none"),
        visit.person(),
        role_of(visit),
    )
    after = fields["after"]
    place = int(after) if after.isascii() and after.isdigit() and len(after) < 16 else None
    return Asked(fields, errors, inquiry, fields["scope"] if fields["scope"] in _SCOPES else "", place)


def _employee(visit: Visit, name: str) -> str | None:
    # Only a keyed hash of it leaves, as with the acts themselves; nothing is kept of a name that was only looked for.
    return person_reference(visit.running.session.identity.person_key.reveal(), name) if name else None
