# SPDX-License-Identifier: EUPL-1.2
"""A hit in words of the console, in Dutch and English, by the same judgement as the command line's."""

import pytest

from agency_client.console.hit_words import HitWords, hit_words
from agency_client.console.languages import Languages
from agency_client.draft import Draft, DraftKey
from agency_client.likeness import families, unmet
from agency_client.vault.hits import KeptHit
from edge.languages import LANGS, Lang
from protocol.ids import KeyKind, PartyId
from protocol.keys import KINDS
from tests.fakes.kept_hits import hit, hit_of
from tests.fakes.small_world import World

KINDS_OF = ("bsn", "phone", "sound-dob", "address")
DRAFT = Draft("D-17", "case", ("x",), "legal-duty", tuple(DraftKey(KeyKind(kind), "subject", "v") for kind in KINDS_OF))


def said(world: World, kept: KeptHit, lang: Lang, cover: PartyId | None = None) -> HitWords:
    """Return a hit in words."""
    return hit_words(kept, DRAFT, cover, world.kit.covenant, Languages("Europe/Amsterdam").of(lang))


@pytest.mark.parametrize(
    ("kept", "dutch", "english", "sure"),
    [
        (
            hit("hit", "phone"),
            "Jeugdzorg De Linde kent dezelfde persoon",
            "Jeugdzorg De Linde knows the same person",
            "Een telefoonnummer kan gedeeld worden.",
        ),
        (
            hit("probable", "initial-sound-dob"),
            "Jeugdzorg De Linde kent waarschijnlijk dezelfde persoon",
            "Jeugdzorg De Linde probably knows the same person",
            "Dit kan een vreemde zijn.",
        ),
        (
            hit("possible", "name-year", "sound-month-day", agency=None),
            "Een andere organisatie kent mogelijk dezelfde persoon",
            "Another organisation possibly knows the same person",
            "Dit kan goed iemand anders zijn.",
        ),
        (
            hit_of("hit", [("bsn", "associate", "subject")]),
            "Jeugdzorg De Linde kent iemand rond uw persoon",
            "Jeugdzorg De Linde knows somebody around your person",
            "Het nummer dat overeenkomt, is van één persoon",
        ),
    ],
)
def test_a_hit_is_one_sentence_in_both_languages(
    world: World, kept: KeptHit, dutch: str, english: str, sure: str
) -> None:
    """Who, how sure, and whom it is about; how sure it is needs no number."""
    found = said(world, kept, "nl")
    assert found.sentence == dutch
    assert sure in found.sure
    assert not any(letter.isdigit() for letter in found.sure)
    assert said(world, kept, "en").sentence == english


def test_a_twin_is_said_and_the_estimate_stands_beside_it(world: World) -> None:
    """Strangers among the covenant's population, never finer than the figures are."""
    found = said(world, hit("probable", "initial-sound-dob"), "nl")
    assert found.twin
    assert found.expected.startswith("Schatting: ongeveer 1 op de ")
    sure = said(world, hit("hit", "sound-dob", "phone"), "en")
    assert not sure.twin
    assert sure.expected.startswith("Estimate: fewer than 1 in 10,000 ")


def test_what_did_not_agree_is_named_by_family(world: World) -> None:
    """A name that agrees by sound is not said to disagree by letter; an own number that did not agree is named."""
    found = said(world, hit("hit", "phone", "sound-dob"), "nl")
    assert found.unmet == ("burgerservicenummer", "adres")
    assert unmet([KeyKind("name-dob"), KeyKind("sound-dob")], [KeyKind("sound-dob")]) == []
    assert unmet([KeyKind("address"), KeyKind("bsn")], [KeyKind("sound-address")]) == ["BSN"]


def test_a_canary_is_nobody(world: World) -> None:
    """Who touched it and whose it seemed; nothing of how sure it is that it is somebody."""
    found = said(world, hit("hit", "phone"), "en", PartyId("police-oost"))
    assert found.sentence == "Jeugdzorg De Linde signalled about your canary, which seemed a signal of Politie Oost"
    assert "nobody" in found.sure


def test_every_kind_has_words_in_both_languages() -> None:
    """No kind of key is without words, alone or with all others, and all are in the language asked for."""
    for lang in LANGS:
        for kind in KINDS:
            assert families([kind], lang)
    assert families(KINDS, "nl") != families(KINDS, "en")
