# SPDX-License-Identifier: EUPL-1.2
"""A year's figures: every entry is counted once in each sum, and each number says what its name says."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import events as e
from protocol.errors import InputError
from protocol.ids import HitId, PartyId, PurposeId, SignalId
from protocol.proven_entries import SubjectPart
from protocol.year_counting import YearCount
from protocol.year_figures import FollowUp, YearFigures, months_of, year_of
from protocol.year_tables import tables_of

POLICE, CARE, WATCH = PartyId("police-oost"), PartyId("care-linde"), PartyId("supervisor-oost")
PURPOSE = PurposeId("offender-prevention")
HIT, SIGNAL, PROBE = HitId(UUID(int=1)), SignalId(UUID(int=2)), SignalId(UUID(int=3))
BEGINS, ENDS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
MARCH = datetime(2026, 3, 2, 10, tzinfo=UTC)
COVENANT = e.CovenantRef(version="2026.1", sha256="ab" * 32)
PARTS = st.sampled_from(["whole", "erased", "left-out"])


def limit_of(agency: PartyId, purpose: PurposeId) -> timedelta | None:
    """A day, and nothing for who watches."""
    return None if agency == WATCH else timedelta(hours=24)


def act(at: datetime = MARCH, **facts: Any) -> e.Act:
    """Return an act under the purpose."""
    held: dict[str, Any] = {"time": at, "covenant": COVENANT, "purpose": PURPOSE} | facts
    return e.Act(**held)


def count(*entries: e.Event | tuple[e.Event, SubjectPart], probes: frozenset[SignalId] = frozenset()) -> YearFigures:
    """Return the figures of a year with these entries."""
    counted = YearCount(BEGINS, ENDS, limit_of, probes)
    for one in entries:
        event, part = one if isinstance(one, tuple) else (one, "whole")
        counted.take(event, part)
    return counted.figures()


def told(to: PartyId = POLICE, hit: HitId | None = HIT, at: datetime = MARCH) -> e.NoticeIssued:
    """Return the entry of a hit notice."""
    return e.NoticeIssued(
        act=act(at, recipient=to, system="broker", decision="allow"),
        subject=e.Subject(hit_id=hit, signal_ids=(SIGNAL,)),
        notice_seq=1,
        notice_type="hit",
        level="contact",
        quality="hit",
    )


def opened(after: timedelta, by: PartyId = POLICE, hit: HitId | None = HIT) -> e.HitOpened:
    """Return the entry of an opening so long after the notice."""
    why = e.Words(text="overleg", case_reference="Z-1")
    return e.HitOpened(
        act=act(MARCH + after, agency=by, person="p-1", justification="own-case"),
        subject=e.Subject(hit_id=hit, words=why),
    )


def asked(informed: Any = "informed", cover: PartyId | None = None) -> e.Asked:
    """Return what rules were asked of a signal."""
    return e.Asked(
        epoch=0,  # type: ignore[arg-type]  # a number of the test
        basis="legal-duty",
        grounds=("exploits",),
        key_kinds=("phone",),  # type: ignore[arg-type]  # a word of the test
        days=30,
        informed=informed,
        cover=cover,
    )


def registered(signal: SignalId = SIGNAL, **said: Any) -> e.SignalRegistered:
    """Return the entry of a signal."""
    return e.SignalRegistered(
        act=act(agency=CARE, decision="allow"),
        subject=e.Subject(signal_ids=(signal,)),
        asked=asked(**said),
        urgency="normal",
        request_digest="ab" * 32,
        request_key_id="care-linde:1",  # type: ignore[arg-type]  # a name of the test
    )


def others() -> list[e.Event]:
    """Return an entry of every kind that has a number of its own and is not made elsewhere here."""
    why = e.Words(text="w", case_reference="z")
    looked = act(agency=POLICE, person="p-1", justification="own-case")
    return [
        e.SignalRefused(act=act(agency=CARE, decision="deny"), asked=asked(), code="policy_refused", rule="r.one"),
        e.RequestRefused(act=act(agency=CARE, decision="deny"), code="malformed"),
        e.SignalExpired(act=act(), rule="expires-at"),
        e.SignalWithdrawn(act=act(agency=CARE), reason="ended"),
        e.QueryAnswered(act=looked, subject=e.Subject(words=why), epoch=0, key_kinds=("phone",), matches=2),  # type: ignore[arg-type]
        e.UnusualUse(act=act(agency=CARE), reason="burst", count=5, limit=4),
        e.EventsRead(act=act(agency=CARE), scopes=("own",), log_purpose="self-monitoring", entries=3),
        e.EventsExported(act=act(agency=CARE), scopes=("own",), log_purpose="criminal-proceedings", entries=3),
        e.EventsErased(act=act(), ground="court-order", indexes=(1, 2), entries=2),
        e.SubjectReported(act=looked, subject=e.Subject(words=why), entries=1),
        e.InformingReviewed(act=looked, subject=e.Subject(words=why), informed="informed", approver="p-2"),
        e.ProbesDeclared(
            act=act(agency=CARE), month="2026-02", registered=4, withdrawn=3, expired=0, hit=2, probable=0, possible=0
        ),
    ]


EVENTS = st.sampled_from(
    [*others(), told(), told(CARE), told(WATCH), opened(timedelta(0)), registered(), registered(PROBE)]
)


@given(st.lists(st.tuples(EVENTS, st.integers(0, 364 * 24), PARTS), max_size=30))
@settings(max_examples=60)
def test_sums_agree(found: list[tuple[e.Event, int, SubjectPart]]) -> None:
    """By month, purpose, agency, kind and covenant each entry is counted once; so in every table for programs."""
    entries = [
        (replace(event, act=replace(event.act, time=BEGINS + timedelta(hours=hour))), part)
        for event, hour, part in found
    ]
    figures = count(*entries)
    assert figures.entries == len(entries)
    for counts in (figures.months, figures.purposes, figures.agencies, figures.kinds):
        assert sum(counts.values()) == len(entries)
    assert sum(one.entries for one in figures.covenants) == len(entries)
    assert sum(figures.denials.values()) == sum(event.TAG in (4, 11) for event, _ in entries)
    assert sum(figures.expiries.values()) == sum(event.TAG == 6 for event, _ in entries)
    assert sum(figures.notices.values()) == sum(event.TAG == 8 for event, _ in entries)
    assert sum(figures.readings.values()) == sum(event.TAG == 15 for event, _ in entries)
    hits = [one for one, _ in entries if isinstance(one, e.NoticeIssued) and one.notice_type == "hit"]
    assert sum(one.told for one in figures.follow_up.values()) <= len(hits)
    tables = tables_of(figures)
    for name in ("months", "purposes", "agencies", "kinds", "covenants"):
        rows = list(csv.DictReader(io.StringIO(tables[name].csv().decode())))
        assert sum(int(row["count"]) for row in rows) == len(entries)
        assert len(rows) == len(tables[name].json())


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([told(), opened(timedelta(hours=24))], FollowUp(in_time=1)),
        ([told(), opened(timedelta(hours=24, seconds=1))], FollowUp(late=1)),
        ([told(), opened(timedelta(hours=1)), opened(timedelta(hours=99))], FollowUp(in_time=1)),
        ([told(), opened(timedelta(hours=1), by=CARE)], FollowUp(never=1)),
        ([told(), opened(timedelta(hours=1), hit=HitId(UUID(int=9)))], FollowUp(never=1)),
        ([told(at=ENDS - timedelta(hours=2))], FollowUp(waiting=1)),
        ([(told(hit=None), "erased")], FollowUp(unknown=1)),
        ([told(), told(CARE), opened(timedelta(hours=1))], FollowUp(in_time=1, never=1)),
    ],
    ids=["at the limit", "after it", "opened again", "by another", "of another hit", "not over", "erased", "two told"],
)
def test_a_hit_is_followed_up_by_its_first_opening(entries: list[Any], expected: FollowUp) -> None:
    """In time, late, never, still waiting or unknown: by the agency that was told, of the same hit."""
    assert count(*entries).follow_up == {PURPOSE: expected}


def test_who_watches_follows_nothing_up() -> None:
    """A supervisor is told of canaries, and nobody waits for it to open one."""
    assert count(told(WATCH)).follow_up == {}


def test_a_step_of_follow_up_counts_as_looking_and_outcomes_are_counted() -> None:
    """Who acknowledges without opening is in time; each closed hit counts once, by its outcome."""
    step = e.FollowedUp(
        act=act(MARCH + timedelta(hours=1), agency=POLICE, person="p-1"),
        subject=e.Subject(hit_id=HIT),
        step="acknowledged",
    )
    closed = e.FollowedUp(
        act=act(MARCH + timedelta(hours=2), agency=POLICE, person="p-1"),
        subject=e.Subject(hit_id=HIT),
        step="closed",
        outcome="already-known",
    )
    figures = count(told(), step, closed)
    assert figures.follow_up[PURPOSE].in_time == 1
    assert figures.outcomes == {(PURPOSE, "already-known"): 1}
    assert tables_of(figures)["outcomes"].rows == ((PURPOSE, "already-known", 1),)


def test_every_step_of_a_request_for_more_is_counted() -> None:
    """Asked, approved, given, refused, read as often as it was, or ended by its rule; by purpose, also as a table."""
    why = e.Words(text="w", case_reference="z")
    asker, owner = {"agency": POLICE, "person": "p-1"}, {"agency": CARE, "person": "c-1"}
    request = "ab" * 32

    def decided(outcome: Any, **said: Any) -> e.DisclosureDecided:
        return e.DisclosureDecided(act=act(**owner), request=request, outcome=outcome, **said)

    read = e.DisclosureReceived(act=act(**asker), request=request, answer="cd" * 32)
    figures = count(
        *[
            e.DisclosureRequested(
                act=act(**asker, justification="own-case"), subject=e.Subject(words=why), request=request
            )
        ]
        * 4,
        decided("approved"),
        decided("granted", answer="cd" * 32),
        decided("refused", reason="not-necessary"),
        read,
        read,
        e.DisclosureEnded(act=act(**asker), request=request, rule="cancelled"),
        e.DisclosureEnded(act=act(), request=request, rule="decide-by"),
    )
    expected = {"asked": 4, "approved": 1, "granted": 1, "refused": 1, "read": 2, "cancelled": 1, "decide-by": 1}
    assert figures.disclosures == {(PURPOSE, what): number for what, number in expected.items()}
    assert set(tables_of(figures)["disclosures"].rows) == {(PURPOSE, what, number) for what, number in expected.items()}


def test_openings_that_were_erased_are_said() -> None:
    """An opening without its hit may have been of any: the figures say how many there are."""
    figures = count(told(), (opened(timedelta(hours=1), hit=None), "erased"))
    assert figures.follow_up == {PURPOSE: FollowUp(never=1)}
    assert figures.openings_unknown == 1


def test_own_probes_are_entries_and_nothing_else() -> None:
    """A signal about nobody is in the log, and in no number about signals."""
    figures = count(registered(PROBE), registered(), probes=frozenset({PROBE}))
    assert (figures.entries, figures.probes, figures.kinds) == (2, 1, {3: 2})
    assert figures.signals == {(PURPOSE, "registered"): 1}
    assert figures.informing == {(PURPOSE, "informed"): 1}


def test_canaries_are_not_signals_about_people() -> None:
    """What stands under another agency's name is counted apart."""
    figures = count(registered(cover=POLICE), registered(informed="deferred"))
    assert figures.signals == {(PURPOSE, "canary"): 1, (PURPOSE, "registered"): 1}
    assert figures.informing == {(PURPOSE, "deferred"): 1}


def test_notices_are_the_brokers_act() -> None:
    """Telling an agency is done by the broker, also when the entry names who asked."""
    asked_by = replace(told(), act=act(agency=CARE, recipient=POLICE))
    assert count(asked_by).agencies == {(None, "disclosure"): 1}


def test_every_act_of_the_law_has_its_number() -> None:
    """Refusals by rule, expiries, questions, readings, exports, erasures, reviews, unusual use, probes, citizens."""
    figures = count(*others())
    assert figures.denials == {(4, "policy_refused", "r.one"): 1, (11, "malformed", ""): 1}
    assert figures.expiries == {(PURPOSE, "expires-at"): 1}
    assert (figures.questions, figures.questions_met) == ({PURPOSE: 1}, {PURPOSE: 2})
    assert (figures.readings, figures.exports) == ({"self-monitoring": 1}, {"criminal-proceedings": 1})
    assert figures.erasures == {"court-order": 2}
    assert figures.subject_reports == 1
    assert figures.informing == {(PURPOSE, "reviewed-informed"): 1}
    assert figures.unusual == {"burst": 1}
    assert figures.declared == {"registered": 4, "withdrawn": 3, "hit": 2}
    assert figures.agencies[None, "administration"] == 1
    assert figures.covenants[0].first == figures.covenants[0].last == MARCH


def test_an_entry_of_another_year_is_refused() -> None:
    """What is not of the period cannot slip into its numbers."""
    with pytest.raises(InputError):
        count(told(at=ENDS))


def test_a_year_ends_where_it_was_read() -> None:
    """A closed year has twelve months, an open one ends now, and one to come is refused."""
    assert year_of(2026, ENDS + timedelta(days=90)) == (BEGINS, ENDS)
    begins, ends = year_of(2026, MARCH)
    assert ends == MARCH
    months = months_of(begins, ends)
    assert [one.month for one, _ in months] == [1, 2, 3]
    assert months[0][0] == begins
    assert months[-1][1] == ends
    assert all(earlier[1] == later[0] for earlier, later in pairwise(months))
    assert len(months_of(BEGINS, ENDS)) == 12
    with pytest.raises(InputError):
        year_of(2027, MARCH)


def test_a_table_does_not_fool_a_spreadsheet() -> None:
    """Where there is no agency a dash stands, quoted like a formula."""
    make: Callable[[str], bytes] = lambda name: tables_of(count(told()))[name].csv()  # noqa: E731 - one line
    assert b'"\'-","disclosure","1"' in make("agencies")
