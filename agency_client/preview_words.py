# SPDX-License-Identifier: EUPL-1.2
"""A preview in plain words, Dutch or English, for a terminal; and as JSON for programs.

Not here: what is true (``preview.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias

from rich.console import Console
from rich.markup import escape

from agency_client.preview import QUALITIES, Preview, Told
from protocol.covenant_parts import Title
from protocol.covenant_purposes import LegalBasis
from protocol.encoding import Json, format_time
from protocol.ids import KeyKind
from protocol.keys import KINDS, Tier
from protocol.messages import Level, Quality

Language: TypeAlias = Literal["nl", "en"]
VEHICLE: Final = KeyKind("vehicle")
"""The one kind that is no identifier and yet not made of name, birth date and address."""

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "urgent": "urgent",
        "compared": "Compared by pseudonyms made of",
        "person": "name, birth date and address",
        "told": "Could be told, of a hit with such a signal:",
        "nobody": "Nobody could be told: these keys alone make no hit, or no law names anybody.",
        "asks": "also when they only ask",
        "law": "law",
        "unsure": "unsure: the board settles it",
        "silent": "Told nothing",
        "hidden": "Never told anything, whatever any other rule says",
        "mine": "You may provide on",
        "until": "Kept at most {days} days, until {kept}; these pseudonyms meet no others after {ends}.",
        "deadline": "Who is told of a hit acts within {hours} hours.",
        "informed": "The person must be informed, unless the record says why not; it may be put off at most {days} "
        "days before somebody looks again. From {consult} years the person is told too, from {own} alone.",
        "counted": "These records say: {said}.",
        "contact": "Where a citizen can turn to",
        "covenant": "Covenant {version}, SHA-256 {sha}; it says what could be told now. A hit itself decides.",
    },
    "nl": {
        "urgent": "spoed",
        "compared": "Vergeleken met pseudoniemen van",
        "person": "naam, geboortedatum en adres",
        "told": "Kan te horen krijgen, van een treffer met zo'n signaal:",
        "nobody": "Niemand krijgt iets te horen: deze gegevens alleen geven geen treffer, of geen wet noemt iemand.",
        "asks": "ook als ze alleen vragen",
        "law": "wet",
        "unsure": "onzeker: het bestuur beslist",
        "silent": "Krijgt niets te horen",
        "hidden": "Krijgt nooit iets te horen, wat een andere regel ook zegt",
        "mine": "U mag verstrekken op grond van",
        "until": "Hoogstens {days} dagen bewaard, tot {kept}; na {ends} komen deze pseudoniemen geen andere tegen.",
        "deadline": "Wie van een treffer hoort, handelt binnen {hours} uur.",
        "informed": "De betrokkene moet worden geïnformeerd, tenzij het record zegt waarom niet; uitstel duurt "
        "hoogstens {days} dagen voordat iemand er weer naar kijkt. Vanaf {consult} jaar hoort de betrokkene het mee, "
        "vanaf {own} alleen.",
        "counted": "In deze records staat: {said}.",
        "contact": "Waar een burger terechtkan",
        "covenant": "Convenant {version}, SHA-256 {sha}; het zegt wat nu verteld kan worden. De treffer zelf beslist.",
    },
}
_LEVELS: Final[Mapping[Language, Mapping[Level, str]]] = {
    "en": {
        "existence": "that somebody has a signal",
        "agency": "which agency it is",
        "contact": "which agency, and whom to call",
        "content": "which agency, whom to call, and the facts",
    },
    "nl": {
        "existence": "dat iemand een signaal heeft",
        "agency": "welke instantie het is",
        "contact": "welke instantie, en wie te bellen",
        "content": "welke instantie, wie te bellen, en de inhoud",
    },
}
_INFORMED: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {"informed": "informed", "deferred": "put off", "not-required": "need not be informed"},
    "nl": {"informed": "geïnformeerd", "deferred": "uitgesteld", "not-required": "hoeft niet"},
}
_QUALITIES: Final[Mapping[Language, Mapping[Quality, str]]] = {
    "en": {"hit": "on a hit", "probable": "on a probable hit", "possible": "on a possible hit"},
    "nl": {"hit": "bij een treffer", "probable": "bij een waarschijnlijke", "possible": "bij een mogelijke"},
}


def show_preview(
    out: Console, found: Preview, language: Language = "en", informed: Mapping[str, int] | None = None
) -> None:
    """Print a preview; ``informed`` says of how many records the person is informed, deferred or not required."""
    for line in preview_lines(found, language, informed):
        out.print(escape(line), highlight=False, soft_wrap=True)


def preview_lines(
    found: Preview, language: Language = "en", informed: Mapping[str, int] | None = None
) -> Iterable[str]:
    """Yield a preview as lines of plain text."""
    words, covenant = _WORDS[language], found.covenant
    urgent = f" · {words['urgent']}" if found.pushed.urgency == "urgent" else ""
    yield f"{_title(found.purpose.title, language)} ({found.pushed.purpose}){urgent}"
    yield f"  {words['compared']}: {', '.join(_kinds(found.pushed.kinds, language))}."
    yield f"  {words['told'] if found.told else words['nobody']}"
    for told in found.told:
        yield from _told_lines(told, found, language)
    if found.silent:
        yield f"  {words['silent']}: {', '.join(_title(agency.title, language) for agency in found.silent)}."
    if found.hidden:
        names = [_title(covenant.agency_kinds[kind].title, language) for kind in found.hidden]
        yield f"  {words['hidden']}: {', '.join(names)}."
    yield f"  {words['mine']}: {_laws(found.bases, language)}."
    days = found.purpose.retention_days
    yield "  " + words["until"].format(days=days, kept=_day(found.kept_until), ends=_day(found.epoch_ends))
    yield "  " + words["deadline"].format(hours=found.deadline_hours)
    if (duty := found.purpose.informing) is not None:
        yield "  " + words["informed"].format(days=duty.deferral_days, consult=duty.consult_from, own=duty.own_from)
        if informed:
            said = ", ".join(f"{count:,} {_INFORMED[language][one]}" for one, count in sorted(informed.items()))
            yield "  " + words["counted"].format(said=said)
    yield f"  {words['contact']}: {_title(found.contact_point.title, language)}, {found.contact_point.email}."
    yield "  " + words["covenant"].format(version=covenant.version, sha=covenant.sha256)


def _told_lines(told: Told, found: Preview, language: Language) -> Iterable[str]:
    words = _WORDS[language]
    kind = _title(found.covenant.agency_kinds[told.kind].title, language)
    asks = f" ({words['asks']})" if told.asks else ""
    yield f"    {kind}{asks}: {', '.join(_title(agency.title, language) for agency in told.agencies)}"
    said = [f"{_QUALITIES[language][one]} {_LEVELS[language][told.levels[one]]}" for one in _worth(told.levels)]
    yield f"      {'; '.join(said)}"
    yield f"      {words['law']}: {_laws(told.laws, language)}"


def preview_json(found: Preview) -> dict[str, Json]:
    """Return a preview for programs."""
    duty = found.purpose.informing
    told: list[Json] = [
        {
            "kind": one.kind,
            "agencies": [agency.id for agency in one.agencies],
            "levels": {quality: one.levels[quality] for quality in _worth(one.levels)},
            "laws": [_law_json(code, law) for code, law in one.laws.items()],
            "alsoWhenAsking": one.asks,
        }
        for one in found.told
    ]
    informing: Json = None
    if duty is not None:
        informing = {
            "deferralDays": duty.deferral_days,
            "consultFrom": duty.consult_from,
            "ownFrom": duty.own_from,
        }
    return {
        "purpose": found.pushed.purpose,
        "urgency": found.pushed.urgency,
        "kinds": [*sorted(found.pushed.kinds)],
        "told": told,
        "toldNothing": [agency.id for agency in found.silent],
        "never": list(found.hidden),
        "bases": [_law_json(code, law) for code, law in found.bases.items()],
        "keptUntil": format_time(found.kept_until),
        "epoch": found.epoch,
        "epochEnds": format_time(found.epoch_ends),
        "deadlineHours": found.deadline_hours,
        "informing": informing,
        "contactPoint": found.contact_point.email,
        "covenant": {"version": found.covenant.version, "sha256": found.covenant.sha256},
    }


def _law_json(code: str, law: LegalBasis) -> dict[str, Json]:
    title: Json = {"nl": law.title.nl, "en": law.title.en}
    return {"code": code, "title": title, "article": law.article, "certainty": law.certainty}


def _worth(levels: Mapping[Quality, Level]) -> Sequence[Quality]:
    return [quality for quality in QUALITIES if quality in levels]


def _laws(laws: Mapping[str, LegalBasis], language: Language) -> str:
    unsure = _WORDS[language]["unsure"]
    return "; ".join(
        f"{_title(law.title, language)} ({law.article}){f' [{unsure}]' if law.certainty == 'unsure' else ''}"
        for law in laws.values()
    )


def _kinds(kinds: frozenset[KeyKind], language: Language) -> list[str]:
    named = [
        rule for kind, rule in KINDS.items() if kind in kinds and (rule.tier is Tier.IDENTIFIER or kind == VEHICLE)
    ]
    own = [rule.nl if language == "nl" else rule.en for rule in named]
    return own + ([_WORDS[language]["person"]] if kinds - {rule.kind for rule in named} else [])


def _title(title: Title, language: Language) -> str:
    return title.nl if language == "nl" else title.en


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
