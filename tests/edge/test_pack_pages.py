# SPDX-License-Identifier: EUPL-1.2
"""The summary pages of an evidence pack: what they say, in both languages, and that a false number is found."""

from functools import cache

import pytest

from edge.languages import LANGS, Lang
from edge.pack_pages import WRITER, compare_pages
from edge.pack_words import WORDS
from protocol.errors import Code, VerificationError
from protocol.event_search import EventFilters
from protocol.evidence_pack import VerifiedPack, read_pack, verify_pack
from protocol.pack_parts import PAGES, PackEntries, PackProofs
from tests.fakes.evidence_packs import EVIL, KIT, PURPOSE, Bend, make_pack
from tests.fakes.page_reader import check_marked_up, check_self_contained, read


@cache
def honest() -> VerifiedPack:
    """Return the honest pack, verified."""
    return verify_pack(read_pack(make_pack()), KIT.covenant)


def page_of(lang: Lang) -> str:
    """Return a page of the honest pack."""
    return honest().files[PAGES[lang]].decode()


@pytest.mark.parametrize("lang", LANGS)
def test_a_summary_is_self_contained_and_marked_up(lang: Lang):
    """One file a language, that loads nothing and that everybody can read."""
    check_self_contained(page_of(lang))
    check_marked_up(page_of(lang), [lang])


@pytest.mark.parametrize("lang", LANGS)
def test_a_summary_says_who_why_how_many_and_what_it_proves_not(lang: Lang):
    """The period, the agency by its title, the reason, the numbers, the erasure and the limits of it."""
    text = " ".join(read(page_of(lang)).text)
    for said in ("2026-11-21T00:00:00.000Z", "Politie Oost (police-oost)", "medewerker-17", "(self-monitoring)"):
        assert said in text
    for name in ("proves-1", "proves-not-1", "by-operation", "by-erasure", "by-refusal"):
        assert WORDS[name][LANGS.index(lang)] in text
    assert "guard.x" in text
    assert "citizen-request" in text
    assert f"{KIT.log_signer.key.name}/holder-1" in text


def test_a_summary_holds_no_words_about_anybody():
    """What a person wrote as a reason is in the entries alone: a page is shown around."""
    for lang in LANGS:
        assert EVIL not in "".join(read(page_of(lang)).text)
        assert "medewerker-17" in page_of(lang)


def test_every_number_is_computed_again():
    """A page of which one number is another is refused, by its name, though its maker signed it."""
    assert compare_pages(honest().content, honest().files)
    for lang in LANGS:
        name = PAGES[lang]

        def files(held: dict[str, bytes], name: str = name) -> dict[str, bytes]:
            return {**held, name: held[name].replace(b"<td>2</td>", b"<td>3</td>", 1)}

        false = verify_pack(read_pack(make_pack(Bend(files=files))), KIT.covenant)
        assert false.files[name] != honest().files[name]
        with pytest.raises(VerificationError, match=name) as caught:
            compare_pages(false.content, false.files)
        assert caught.value.code is Code.PACK_INVALID


def _of_purpose(held: PackEntries) -> PackEntries:
    return held.model_copy(update={"entries": tuple(one for one in held.entries if one.index != 3)})


def _without_3(held: PackProofs) -> PackProofs:
    return held.model_copy(update={"proofs": tuple(one for one in held.proofs if one.index != 3)})


def test_what_was_asked_for_is_said():
    """A pack of one purpose says that it is, so that nobody takes it for all of the period."""
    bend = Bend(manifest={"filters": EventFilters(purpose=PURPOSE)}, entries=_of_purpose, proofs=_without_3)
    some = verify_pack(read_pack(make_pack(bend)), KIT.covenant)
    assert compare_pages(some.content, some.files)
    assert f"only entries with purpose: {PURPOSE}" in some.files[PAGES["en"]].decode()
    assert WORDS["everything"][1] in page_of("en")


def test_pages_of_another_writer_are_not_compared():
    """Another version of the program has other words: then nothing is concluded about the pages, and it is said."""
    other = verify_pack(read_pack(make_pack(Bend(manifest={"pages": "0" * 64}))), KIT.covenant)
    assert compare_pages(other.content, other.files) is False
    assert WRITER != "0" * 64
