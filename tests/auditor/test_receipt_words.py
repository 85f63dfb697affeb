# SPDX-License-Identifier: EUPL-1.2
"""The words of receipts: complete in both languages, with the covenant's own names, and nothing of what was erased."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from auditor.checking import Proven
from auditor.receipt_page import Looked, closing, headline, receipts_page
from auditor.receipt_wording import FIELDS, VALUES, WRONG
from auditor.receipt_words import facts_of, moment
from edge.languages import LANGS, Lang
from protocol.errors import Code, VerificationError
from protocol.events import EVENTS, Asked
from protocol.receipts import ReceiptTerms, verify_receipt
from protocol.record_fields import layout_of
from tests.fakes.covenants import make_covenant
from tests.fakes.receipt_log import ReceiptLog, openings, receipts_of

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
KIT = make_covenant(now=NOW)
TERMS = ReceiptTerms.of(KIT.covenant)
RECEIPTS = receipts_of(KIT)


def _proven(name: str) -> Proven:
    return Proven(verify_receipt(RECEIPTS[name], [TERMS]), KIT.covenant)


def _said(proven: Proven, lang: Lang) -> str:
    return "\n".join(f"{name}: {said}" for name, said in facts_of(proven, lang))


def _closed(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Literal:
        yield from get_args(hint)
    for inner in get_args(hint):
        yield from _closed(inner)


@pytest.mark.parametrize("owner", [*EVENTS.values(), Asked])
def test_every_field_and_closed_value_has_words(owner: type) -> None:
    """Each field of each kind of event has a name in both languages, and each value of a closed list too."""
    hints = get_type_hints(owner)
    for column in layout_of(owner):
        if column.name == "asked":
            continue
        assert all(FIELDS[column.attribute])
        for value in set(_closed(hints[column.attribute])) - {"none"}:
            assert all(VALUES[column.attribute][value])


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", sorted(RECEIPTS))
def test_every_kind_of_event_can_be_told(name: str, lang: Lang) -> None:
    """Of each kind of event it is said what happened, when, under which covenant, where it stands and who saw it."""
    said = _said(_proven(name), lang)
    assert KIT.covenant.name in said
    assert KIT.covenant.sha256 in said
    assert "21 november 2026, 20:00:00" in said.replace("November", "november")
    assert f"{TERMS.log.name}" in said
    assert {"nl": "Sleutelhouder 1 (", "en": "Key-holder 1 ("}[lang] in said
    assert len({fact for fact, _ in facts_of(_proven(name), lang)}) >= 8


def test_a_signal_in_plain_words() -> None:
    """A registered signal names the agency, the purpose, the law and the data by their titles."""
    said = _said(_proven("SignalRegistered"), "nl")
    for words in (
        "Politie Oost (police-oost)",
        "Daderschap voorkomen",
        "burgerservicenummer",
        "toegestaan",
        "verzamelen",
    ):
        assert words in said


def test_an_erased_part_is_named_and_not_shown() -> None:
    """A receipt whose subject part was erased says so, and shows no id, tag or word of it."""
    held = openings({"version": KIT.covenant.version, "sha256": KIT.covenant.sha256})
    log, place = ReceiptLog(KIT, list(held.values())), list(held).index("HitOpened")
    proven = Proven(verify_receipt(log.receipt(place, bare=True), [TERMS]), KIT.covenant)
    for lang, word in (("nl", "gewist of weggelaten"), ("en", "erased or left out")):
        said = _said(proven, lang)  # type: ignore[arg-type]
        assert word in said
        subject = held["HitOpened"].subject or {}
        for value in (subject["hitId"], *subject["signalIds"], *subject["words"].values()):
            assert value not in said
    assert "gewist" not in _said(_proven("HitOpened"), "nl")


def test_without_its_covenant_codes_are_shown() -> None:
    """Nothing is guessed: without the covenant that the event names, parties, purposes and laws are their codes."""
    bare = Proven(_proven("SignalRegistered").receipt, None)
    said = _said(bare, "en")
    assert "offender-prevention" in said
    assert "police-oost" in said
    assert "Politie Oost" not in said
    assert KIT.covenant.name not in said


def test_the_law_of_what_was_told() -> None:
    """A notice that names its sender says by which law its receiver may be told; a question, what the purpose names."""
    question = dict(facts_of(_proven("QueryAnswered"), "en"))
    notice = dict(facts_of(_proven("NoticeIssued"), "en"))
    assert "By virtue of" in question or "Laws that the purpose names for this agency" in question
    assert "Told to" in notice


def test_moments() -> None:
    """A moment is said with its month in words, in UTC."""
    assert moment(NOW, "nl") == "21 november 2026, 20:00:00 UTC"
    assert moment(NOW.replace(month=3), "nl") == "21 maart 2026, 20:00:00 UTC"
    assert moment(NOW.replace(month=3), "en") == "21 March 2026, 20:00:00 UTC"


def test_headlines() -> None:
    """Whether it holds is one sentence; what is wrong has words of its own for each code, else those of the error."""
    assert headline(Looked("x", _proven("HitOpened")), "nl") == "Dit bewijs klopt."
    for code in WRONG:
        for lang in LANGS:
            assert WRONG[code][LANGS.index(lang)] in headline(Looked("x", VerificationError(code, "Detail.")), lang)
    assert len(set(WRONG.values())) == len(WRONG)
    assert "Detail" in headline(Looked("x", VerificationError(Code.INTERNAL, "Detail")), "en")


def test_the_page() -> None:
    """The page has both languages, both proofs, what they mean, and escapes what a file says."""
    nasty = Looked("<b>.tlog-proof", VerificationError(Code.PROOF_INVALID, "<script>"))
    page = receipts_page([Looked("a.tlog-proof", _proven("HitOpened")), nasty], [KIT.covenant], lacking=True)
    assert "<script" not in page
    assert "<b>" not in page
    assert 'lang="nl"' in page
    assert 'lang="en"' in page
    for words in ("Dit bewijs klopt.", "This proof holds.", "staat niet zo in het logboek", KIT.covenant.sha256):
        assert words in page
    assert "http" not in page.replace("http-equiv", "")


def test_what_was_not_checked_is_said() -> None:
    """With a covenant out of a file it is said that nobody checked whether it is genuine, with its hash."""
    looked = [Looked("x", _proven("HitOpened"))]
    given = "\n".join(closing(looked, [KIT.covenant], "en", lacking=False))
    assert KIT.covenant.sha256 in given
    assert "was not checked" in given
    signed = "\n".join(closing(looked, [], "nl", lacking=True))
    assert "zijn gecontroleerd" in signed
    assert "codes" in signed
