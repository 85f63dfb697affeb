# SPDX-License-Identifier: EUPL-1.2
"""What waits for each role, as rows: hits, requests, what stays away, what is late, what must be looked at.

Only pages are read, by deadline; counts come from columns in the clear. Not here: the order (``today.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Final

from agency_client.awaiting import overdue
from agency_client.console.hit_rows import RowShown, hit_row, read_behind
from agency_client.console.hit_words import agency_said, purpose_said, titled
from agency_client.console.languages import Speech
from agency_client.draft import Draft
from agency_client.health import Health
from agency_client.subject_law import Clock
from agency_client.vault import Vault
from agency_client.vault.disclosures import KeptDisclosure
from agency_client.vault.hit_lists import ListedHit, Progress
from edge.problems import plain
from protocol.covenant import Covenant
from protocol.disclosure_states import DisclosureState
from protocol.ids import PartyId
from protocol.questions import PersonRole

LIMIT: Final = 20
"""Rows on the screen: more than somebody does in a day part."""
CANARIES_FOR: Final = timedelta(days=31)
"""How long a question about a canary stands there: somebody has to find out where its data leaked."""
_END_OF_DAY: Final = time(23, 59)


@dataclass(frozen=True, slots=True)
class Reading:
    """Who looks, when, and at what."""

    vault: Vault = field(repr=False)
    covenant: Covenant = field(repr=False)
    me: PartyId
    health: Health
    roles: frozenset[PersonRole]
    person: str
    now: datetime
    speech: Speech


def waiting_for(reading: Reading) -> int:
    """Return how many things wait for these roles."""
    roles, total = reading.roles, 0
    if "coordinator" in roles:
        total += coordinator_waits(reading)
    elif "supervisor" in roles:
        total += supervisor_waits(reading)
    if "privacy-officer" in roles:
        total += len(privacy_rows(reading))
    if "operator" in roles:
        total += len(operator_rows(reading))
    if "supervisor" in roles:
        total += len(canary_rows(reading))
        total += min(LIMIT, reading.vault.asked.count_since(reading.now - CANARIES_FOR, canaries=True))
    if "coordinator" in roles or "supervisor" in roles:
        total += len(absent_rows(reading))
    return total


# --- Coordinators -----------------------------------------------------------------------------------------------------


def coordinator_waits(reading: Reading) -> int:
    """Return how many hits nobody saw yet, and requests and answers that wait for this person."""
    asked = reading.vault.disclosures
    return reading.vault.follow_ups.counts().open + asked.waiting_for(reading.person) + asked.counts().to_fetch


def supervisor_waits(reading: Reading) -> int:
    """Return how many hits are late."""
    return reading.vault.follow_ups.counts().late


def hit_rows(reading: Reading) -> list[RowShown]:
    """Return the hits that nobody saw yet, by deadline."""
    listed = reading.vault.hit_lists.page(Progress.OPEN, LIMIT)
    return _rows(reading, listed)


def request_rows(reading: Reading) -> list[RowShown]:
    """Return the requests that somebody here decides, and the answers that came."""
    shelf = reading.vault.disclosures
    to_decide = [one for one in shelf.to_decide(LIMIT) if one.assigned_to in (None, reading.person)]
    rows = [request_row(one, reading.covenant, reading.speech) for one in to_decide if one.waiting is None]
    if shelf.counts().to_fetch:
        came = [one for one in shelf.mine(5 * LIMIT) if one.state is DisclosureState.GRANTED]
        rows += [_answer_row(one, reading) for one in came]
    return rows


def request_row(kept: KeptDisclosure, covenant: Covenant, speech: Speech) -> RowShown:
    """Return a request of another agency as a row."""
    who = agency_said(kept.other, covenant, speech)
    sub = []
    if wanted := topics_said(kept, covenant, speech):
        sub.append(speech.gettext("they want to know: %(what)s") % {"what": wanted})
    if kept.why is not None:
        sub.append(speech.gettext("their case %(case)s") % {"case": plain(kept.why.case_reference)})
    if kept.state is DisclosureState.APPROVED:
        sub.append(speech.gettext("approved by the first of two"))
    return RowShown(
        speech.gettext("%(who)s asks for more about your signal.") % {"who": who},
        (*sub, purpose_said(kept.purpose, covenant, speech)),
        f"/requests/{kept.id}",
        speech.gettext("Decide"),
        kept.due_at,
    )


def topics_said(kept: KeptDisclosure, covenant: Covenant, speech: Speech) -> str:
    """Return what a request is about, in the covenant's words."""
    known = {} if covenant.disclosures is None else covenant.disclosures.topics
    topics = () if kept.wanted is None else kept.wanted.topics
    return "; ".join(titled(known[one], speech) if one in known else one for one in topics)


def _answer_row(kept: KeptDisclosure, reading: Reading) -> RowShown:
    speech = reading.speech
    who = agency_said(kept.other, reading.covenant, speech)
    return RowShown(
        speech.gettext("%(who)s answered your request.") % {"who": who},
        (topics_said(kept, reading.covenant, speech),),
        f"/requests/{kept.id}",
        speech.gettext("Read the answer"),
        kept.fetch_by,
    )


def absent_rows(reading: Reading) -> list[RowShown]:
    """Return the signals whose counterpart stays away, as the broker told."""
    speech, covenant = reading.speech, reading.covenant
    rows = []
    for wait in islice(overdue(reading.vault, covenant, reading.me, reading.now), LIMIT):
        draft = Draft.from_bytes(wait.signal.draft)
        kind = titled(covenant.agency_kinds[wait.awaited.counterpart].title, speech)
        what = {"purpose": purpose_said(wait.signal.purpose, covenant, speech), "kind": kind}
        since = speech.gettext("awaited since %(day)s") % {"day": speech.day(wait.due)}
        case = speech.gettext("your case %(case)s") % {"case": plain(draft.case_reference)}
        text = speech.gettext("%(purpose)s: %(kind)s has not signalled yet.") % what
        href = f"/signals/{wait.signal.id}"
        rows.append(RowShown(text, (since, case), href, speech.gettext("Look"), wait.due))
    return rows


# --- Supervisors ------------------------------------------------------------------------------------------------------


def late_rows(reading: Reading) -> list[RowShown]:
    """Return the hits that were not acknowledged in time, as the broker told."""
    late = reading.vault.follow_ups.open(LIMIT, late=True)
    return _rows(reading, reading.vault.hit_lists.of([one.hit for one in late if one.state == "open"]))


def canary_rows(reading: Reading) -> list[RowShown]:
    """Return the canaries that were touched."""
    count, speech = reading.vault.hit_lists.counts()[Progress.ASIDE], reading.speech
    if not count:
        return []
    text = speech.ngettext("%(num)d canary was touched.", "%(num)d canaries were touched.", count) % {"num": count}
    return [RowShown(text, (), "/hits/list/aside", speech.gettext("Look"), tag=speech.gettext("look"), press="now")]


# --- Privacy officers -------------------------------------------------------------------------------------------------


def privacy_rows(reading: Reading) -> list[RowShown]:
    """Return what a privacy officer must look at: evidence, citizens who wait, persons who were not told yet."""
    speech, vault = reading.speech, reading.vault
    rows = _finding_rows(reading)
    for asked in vault.subject_requests.all():
        if asked.is_open:
            clock = Clock(asked.received, reading.now.date(), asked.extended)
            text, case = speech.gettext("A citizen waits for an answer."), plain(asked.case)
            sub = (speech.gettext("case %(case)s") % {"case": case},)
            rows.append(RowShown(text, sub, "/logbook", speech.gettext("Look"), _end_of(clock.answer_before, reading)))
    due = vault.reviews.due(reading.now, reading.now.date())
    if due.first is not None:
        text = speech.ngettext(
            "%(num)d person was not told yet: look whether that can be done now.",
            "%(num)d persons were not told yet: look whether that can be done now.",
            due.count,
        )
        first = _end_of(due.first, reading)
        rows.append(RowShown(text % {"num": due.count}, (), "/logbook/reviews", speech.gettext("Look"), first))
    return rows


def _finding_rows(reading: Reading) -> list[RowShown]:
    found, speech = reading.vault.evidence.findings(unseen_only=True), reading.speech
    if not found:
        return []
    text = speech.ngettext(
        "%(num)d thing that Sluis was told does not hold; it is not shown anywhere.",
        "%(num)d things that Sluis was told do not hold; they are not shown anywhere.",
        len(found),
    )
    words, act = text % {"num": len(found)}, speech.gettext("Look")
    return [RowShown(words, (), "/logbook", act, tag=speech.gettext("alarm"), press="now", first=True)]


def _end_of(day: date, reading: Reading) -> datetime:
    return datetime.combine(day, _END_OF_DAY, reading.now.tzinfo)


# --- Operators --------------------------------------------------------------------------------------------------------


def operator_rows(reading: Reading) -> list[RowShown]:
    """Return what stands still: sending, messages, rows that could not be used, evidence."""
    return [
        *(_finding_rows(reading) if "privacy-officer" not in reading.roles else ()),
        *_still_rows(reading),
        *_quarantine_rows(reading),
    ]


def _still_rows(reading: Reading) -> Iterator[RowShown]:
    health, speech = reading.health, reading.speech
    act, tag = speech.gettext("Look"), speech.gettext("stands still")
    if health.stopped:
        text = speech.gettext("Sluis has stopped sending and reading")
        yield RowShown(f"{text}.", (), "/system", act, tag=tag, press="now", first=True)
    elif health.blocked:
        since = speech.gettext("since %(when)s") % {"when": speech.moment(health.blocked.since, reading.now)}
        yield RowShown(speech.gettext("Something in the outbox waits."), (since,), "/system", act, tag=tag, press="now")
    if health.told.failing:
        text = speech.gettext("Messages that something waits do not arrive.")
        yield RowShown(text, health.told.failing, "/system", act, tag=tag, press="now")


def _quarantine_rows(reading: Reading) -> Iterator[RowShown]:
    speech = reading.speech
    for system, count in sorted(reading.vault.quarantine.counts().items()):
        text = speech.ngettext("%(num)d row could not be used.", "%(num)d rows could not be used.", count)
        act, tag = speech.gettext("Repair"), speech.gettext("quarantine")
        yield RowShown(text % {"num": count}, (plain(system),), "/system", act, tag=tag, press="soon")


def _rows(reading: Reading, listed: list[ListedHit]) -> list[RowShown]:
    behind = read_behind(reading.vault, [one.kept for one in listed])
    return [hit_row(one, behind, reading.covenant, reading.speech) for one in listed]
