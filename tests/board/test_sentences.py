# SPDX-License-Identifier: EUPL-1.2
"""Changes in words: each says who, what and under which circumstances, and no more than the change holds."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from board.changes import Change, changes
from board.diff_page import compare, lines
from board.sentence_parts import Speaker
from board.sentences import sentence
from board.space import spaces
from board.terms import differing_settings
from edge.languages import LANGS, Lang
from protocol.policy import PolicyEngine
from protocol.questions import Notify, Push
from tests.fakes.covenants import make_covenant
from tests.fakes.small_covenants import KINDS, PURPOSE, Small, changed
from tests.fakes.small_world import NOW

OLD = Small()
OLD_ENGINE = OLD.engine()


def found(new: Small) -> list[Change]:
    """Return what differs from the first small covenant."""
    return changes(OLD_ENGINE, new.engine(), KINDS)


def said(new: Small, lang: Lang = "en") -> list[str]:
    """Return the ordinary changes as sentences."""
    speaker = Speaker(OLD_ENGINE.covenant, new.engine().covenant, lang)
    return [sentence(speaker, change) for change in found(new) if not change.special]


def test_days_are_told_as_spans_that_meet():
    """Retentions cut days into spans without gap or overlap, and a sentence names exactly those that changed."""
    new = replace(OLD, retention=31)
    space = next(one for one in spaces(OLD_ENGINE.covenant, new.engine().covenant) if one.action is Push)
    assert space.dimensions["days"] == ("0-30", "31-31", "32-", "expired")
    assert "Police and Care may now signal, on the basis of Consent, for signals of 31 to 31 days." in said(new)
    shorter = said(replace(OLD, retention=20))
    assert "Police and Care may no longer signal, on the basis of Consent, for signals of 21 to 30 days." in shorter
    without = replace(OLD, without=frozenset({"guard.kept-too-long"}))
    assert "Police and Care may now signal, on the basis of Consent, for signals of 31 days or longer." in said(without)


def test_a_longer_deferral_is_told():
    """Only signals whose review falls in the added days are named, in both languages."""
    new = replace(OLD, deferral=15)
    assert any("informing put off with a review after 11 to 15 days" in one for one in said(new))
    assert any("informeren uitgesteld met herbeoordeling na 11 tot en met 15 dagen" in one for one in said(new, "nl"))
    assert not any("the person informed" in one for one in said(new))


def test_what_is_told_names_sender_level_and_quality():
    """A law that is taken away tells who is no longer told what of whose signal."""
    (one,) = [change for change in found(replace(OLD, edges=OLD.edges[1:])) if change.action is Notify]
    speaker = Speaker(OLD_ENGINE.covenant, OLD_ENGINE.covenant, "en")
    assert sentence(speaker, one) == (
        "Care may no longer be told that there is one of a signal by Police, "
        "on a hit, a probable hit or a possible hit."
    )


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (replace(OLD, without=frozenset({"guard.ground-missing"})), "without an entry criterion"),
        (replace(OLD, without=frozenset({"guard.ground-unknown"})), "on an unknown criterion"),
        (replace(OLD, without=frozenset({"guard.basis-not-the-senders"})), "on an unknown basis"),
        (replace(OLD, without=frozenset({"guard.key-kind-not-agreed"})), "with an unknown kind of key"),
        (replace(OLD, without=frozenset({"guard.already-expired"})), "for signals that have expired already"),
        (replace(OLD, without=frozenset({"guard.reason-missing"})), "without a reason or a case"),
        (replace(OLD, grounds=("worry", "debts")), "on Small"),
        (replace(OLD, key_kinds=("bsn", "skn")), "with keys skn"),
    ],
)
def test_what_is_out_of_the_agreed_is_said(new: Small, words: str):
    """A signal or question that is not as agreed in both versions is named as such."""
    assert any(words in one for one in said(new))


def test_special_cases_are_said():
    """Suspension, a closed epoch, a covenant that is over and an agency's own signal are named."""
    guards = ("guard.agency-suspended", "guard.epoch-closed", "guard.covenant-not-in-force", "guard.own-signal")
    new = replace(OLD, without=frozenset(guards))
    speaker = Speaker(OLD_ENGINE.covenant, OLD_ENGINE.covenant, "en")
    special = " ".join(sentence(speaker, change) for change in found(new) if change.special)
    for words in ("itself suspended", "in an epoch that is closed", "while the covenant is not in force", "its own"):
        assert words in special


@given(changed(OLD))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_settings_differ_exactly_when_the_covenant_does(new: Small):
    """Another content shows at least one setting that differs, each with another value; the same content shows none."""
    engine = new.engine()
    differing = differing_settings(OLD_ENGINE, engine)
    assert bool(differing) is (engine.covenant.sha256 != OLD_ENGINE.covenant.sha256)
    assert all(one.before != one.after for one in differing)
    for lang in LANGS:
        assert all(one.sentence(lang) for one in differing)


def test_a_reason_to_look_that_is_said_otherwise_is_told():
    """What people choose from when they look is signed with the rest, and shown where versions are compared."""
    path, dutch = "vocabulary/reasons.yaml", b"Ik kijk mee met een collega"

    def change(files: dict[str, bytes]) -> None:
        assert files[path].count(dutch) == 1
        files[path] = files[path].replace(dutch, b"Ik loop mee")

    old, new = (
        PolicyEngine(make_covenant(now=NOW, agencies=2, change=one).covenant) for one in (lambda _: None, change)
    )
    said = [one.sentence("nl") for one in differing_settings(old, new)]
    told = "reden om te kijken, supervision, nl: was Ik kijk mee met een collega, is nu Ik loop mee"
    assert [line.replace('"', "") for line in said] == [told]


def test_a_list_tells_all_parts():
    """Lines begin with both versions, tell changes and settings, and end with what is not listed."""
    new = replace(OLD, retention=31).engine()
    text = list(lines(compare(OLD_ENGINE, new, changes(OLD_ENGINE, new, KINDS)), "en"))
    assert text[0].startswith("Old: ")
    assert text[1].endswith(new.covenant.sha256)
    assert f"  purpose, {PURPOSE}, retention in days: was 30, is now 31" in text
    assert text[-1].strip().startswith("All that is not listed here is decided as before")
