# SPDX-License-Identifier: EUPL-1.2
"""How the client is doing, in words: whom it reaches, what waits, what each connector brought, and since when.

Counts, times and names of parties only; nothing about a person. Pure. Not here: the page (``system.py``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from agency_client.connectors.states import ConnectorState
from agency_client.console.error_words import trouble_words
from agency_client.console.hit_words import purpose_said
from agency_client.console.languages import N_, Speech
from agency_client.console.previews import title_in
from agency_client.health import Health, Listening, Reached, Trouble
from agency_client.people.logins import FAILURES, Result
from protocol.covenant import Covenant

PROBLEMS_SAID: Final[Mapping[str, str]] = {
    "unavailable": N_("does not answer"),
    "not_logged": N_("answers, but its log is late"),
    "quorum_missing": N_("too few key-holders answer"),
    "budget_exhausted": N_("today's budget is used up; it goes on when that is renewed"),
    "covenant_expired": N_("the covenant's signatures ran out"),
    "covenant_untrusted": N_("acts under a covenant that the board did not sign"),
    "log_forked": N_("the log contradicted itself"),
    "log_rolled_back": N_("the log went back"),
}
"""By a problem's code, as it follows the name of a party; of another, the error's own words (``error_words.py``)."""
LISTENING_SAID: Final[Mapping[Listening, str]] = {
    "stream": N_("News comes at once"),
    "poll": N_("News is asked for every few seconds"),
    "away": N_("No news comes in"),
}
KINDS_SAID: Final[Mapping[str, str]] = {
    "folder": N_("folder"),
    "sql": N_("database"),
    "unknown": N_("unreadable description"),
}
WEEKS: Final = 12
"""Weeks that the chart looks back: a quarter."""
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class PartyRow:
    """One other party: whether it answers."""

    title: str
    ok: bool
    since: str
    problem: str


@dataclass(frozen=True, slots=True)
class ConnectorRow:
    """One connector."""

    name: str
    kind: str
    enabled: bool
    looked: str
    brought: str
    taken: int
    withdrawn: int
    waiting: int
    problem: str


@dataclass(frozen=True, slots=True)
class SystemView:
    """All of it."""

    works: bool
    parties: tuple[PartyRow, ...]
    listening: str
    listening_press: str
    read: str
    noticed: str
    waiting: int
    requests: int
    sent: str
    blocked: str
    started: str
    log_size: int | None
    looked: str
    retagging: int
    told_waiting: int
    told_failing: str


def system_view(health: Health, covenant: Covenant, speech: Speech, now: datetime) -> SystemView:
    """Return the client's health for people."""
    titles = {str(one.id): title_in(one.title, speech) for one in covenant.key_holders}
    titles[health.broker.name] = title_in(covenant.broker.title, speech)
    told = health.told
    return SystemView(
        health.works,
        tuple(_party(one, titles, speech, now) for one in (health.broker, *health.key_holders)),
        speech.gettext(LISTENING_SAID[health.listening]),
        {"stream": "good", "poll": "soon"}.get(health.listening, "now"),
        _when(health.read_at, speech, now),
        _when(health.notice_at, speech, now),
        health.waiting,
        health.requests,
        _when(health.sent_at, speech, now),
        trouble_said(health.blocked, speech),
        speech.moment(health.started_at, now),
        health.log_size,
        _when(health.looked_at, speech, now),
        health.retagging,
        told.waiting,
        ", ".join(told.failing),
    )


def _party(one: Reached, titles: Mapping[str, str], speech: Speech, now: datetime) -> PartyRow:
    return PartyRow(
        titles.get(one.name, one.name), one.ok, speech.moment(one.since, now), _said(one.code, one.problem, speech)
    )


def _said(code: str | None, words: str | None, speech: Speech) -> str:
    known = PROBLEMS_SAID.get(code or "")
    return trouble_words(code, words or "", speech) if known is None else speech.gettext(known)


def _when(at: datetime | None, speech: Speech, now: datetime) -> str:
    return speech.gettext("not yet") if at is None else speech.moment(at, now)


def trouble_said(trouble: Trouble | None, speech: Speech) -> str:
    """Return what stands in the way; empty when nothing does."""
    if trouble is None:
        return ""
    return _said(trouble.code, trouble.words, speech)


def connector_rows(states: Iterable[ConnectorState], speech: Speech, now: datetime) -> tuple[ConnectorRow, ...]:
    """Return the connectors for people."""
    return tuple(
        ConnectorRow(
            one.name,
            speech.gettext(KINDS_SAID.get(one.kind, one.kind)),
            one.enabled,
            _when(one.looked_at, speech, now),
            _when(one.taken_at, speech, now),
            one.taken,
            one.withdrawn,
            one.waiting,
            trouble_words(one.problem_code, one.problem or "", speech),
        )
        for one in states
    )


def per_week(per_day: Sequence[tuple[str, int]], now: datetime, speech: Speech) -> list[tuple[str, int]]:
    """Return how many signals each of the last weeks had, the first week first, as a label and a number."""
    monday = now.date() - timedelta(days=now.weekday())
    weeks = [monday - _WEEK * back for back in reversed(range(WEEKS))]
    counts = dict.fromkeys(weeks, 0)
    for text, count in per_day:
        day = date.fromisoformat(text)
        week = day - timedelta(days=day.weekday())
        if week in counts:
            counts[week] += count
    return [(speech.gettext("week of %(day)s") % {"day": speech.day(week)}, counts[week]) for week in weeks]


def budget_rows(
    known: Iterable[tuple[str, int, int]], covenant: Covenant, speech: Speech
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield of each purpose what was used and what is left today."""
    titles = {str(name): purpose_said(name, covenant, speech) for name in covenant.purposes}
    for purpose, used, left in known:
        yield titles.get(purpose, purpose), (used, left)


def failed_logins(counts: Mapping[Result, int]) -> int:
    """Return how many logins failed."""
    return sum(count for result, count in counts.items() if result in FAILURES)
