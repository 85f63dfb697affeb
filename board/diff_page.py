# SPDX-License-Identifier: EUPL-1.2
"""The difference between two versions for people: lines for a terminal and chapters of a page.

Not here: what differs (``changes.py``, ``terms.py``), sentences (``sentences.py``), HTML (``pages.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from board.changes import Change, Turn, changes
from board.sentence_parts import Speaker
from board.sentences import sentence
from board.terms import Setting, differing_settings
from board.wording import WAY_TITLES
from edge.languages import Lang, Pair, say
from edge.pages import Chapter, Safe, el, items, joined
from protocol.covenant import Covenant
from protocol.policy import PolicyEngine


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two versions."""

    old: PolicyEngine
    new: PolicyEngine
    changes: Sequence[Change]
    settings: Sequence[Setting]

    @property
    def none(self) -> bool:
        """Whether the versions are the same."""
        return not self.changes and not self.settings

    def speaker(self, lang: Lang) -> Speaker:
        """Return who says it in this language."""
        return Speaker(self.old.covenant, self.new.covenant, lang)


_PARTS: tuple[tuple[bool, str, Pair], ...] = (
    (False, "ordinary", ("In gewone gevallen", "In ordinary cases")),
    (True, "special", ("In bijzondere gevallen", "In special cases")),
)
_SETTINGS: Pair = ("Gewijzigde instellingen", "Settings that changed")
_NOTHING: Pair = ("Niets.", "Nothing.")
_EXACT: Pair = (
    "Wat hier niet staat, wordt beslist als voorheen: elke vraag die de regels kunnen krijgen is aan beide gesteld.",
    "All that is not listed here is decided as before: every question that the rules can get was put to both versions.",
)


def title(lang: Lang) -> str:
    """Return the page's title."""
    return say(("Wat verandert er in het convenant", "What changes in the covenant"), lang)


def lines(difference: Difference, lang: Lang) -> Iterator[str]:
    """Yield what differs as plain lines."""
    yield from _versions(difference, lang)
    speaker = difference.speaker(lang)
    for special, _, heading in _PARTS:
        for way, found in _by_way(difference, special):
            yield f"\n{say(heading, lang)}: {say(WAY_TITLES[way], lang).lower()}"
            for change in found:
                yield f"  {speaker.purpose(change)}: {sentence(speaker, change)} {_rules(change.turn)}"
    if difference.settings:
        yield f"\n{say(_SETTINGS, lang)}"
        yield from (f"  {setting.sentence(lang)}" for setting in difference.settings)
    if not difference.none:
        yield f"\n{say(_EXACT, lang)}"


def chapters(difference: Difference, lang: Lang) -> list[Chapter]:
    """Return what differs as chapters of a page."""
    found = [
        Chapter("versions", say(("De twee versies", "The two versions"), lang), items(_versions(difference, lang)))
    ]
    for special, name, heading in _PARTS:
        parts: list[Safe] = []
        for way, listed in _by_way(difference, special):
            parts += [el("h3", say(WAY_TITLES[way], lang)), el("ul", *(_item(difference, one, lang) for one in listed))]
        found.append(Chapter(name, say(heading, lang), joined(parts or [el("p", say(_NOTHING, lang))])))
    settings = items(setting.sentence(lang) for setting in difference.settings)
    body = settings if difference.settings else el("p", say(_NOTHING, lang))
    found.append(Chapter("settings", say(_SETTINGS, lang), joined((body, el("p", say(_EXACT, lang))))))
    return found


def compare(old: PolicyEngine, new: PolicyEngine, found: Sequence[Change] | None = None) -> Difference:
    """Return all that differs between two engines of models; ``found`` when the changes are known already."""
    return Difference(old, new, changes(old, new) if found is None else found, differing_settings(old, new))


def _item(difference: Difference, change: Change, lang: Lang) -> Safe:
    speaker = difference.speaker(lang)
    why = el("div", f"{speaker.purpose(change)}. ", *_said(difference, change.turn, lang), class_="why")
    return el("li", sentence(speaker, change), why, class_=change.turn.way)


def _said(difference: Difference, turn: Turn, lang: Lang) -> Iterator[Safe]:
    """Yield the rules behind a turn: what each says of itself, and its name to find it by."""
    rules = {**difference.old.rules, **difference.new.rules}
    for head, name in ((("Was", "Was"), turn.before), (("Nu", "Now"), turn.after)):
        if name:
            says = el("span", rules[name].says, lang="en") if name in rules else ""
            yield joined((f"{say(head, lang)}: ", says, " (", el("code", name), "). "))


def _rules(turn: Turn) -> str:
    return f"[{turn.before} -> {turn.after}]" if turn.before else f"[{turn.after}]"


def _by_way(difference: Difference, special: bool) -> Iterator[tuple[str, list[Change]]]:
    for way in WAY_TITLES:
        found = [one for one in difference.changes if one.special is special and one.turn.way == way]
        if found:
            yield way, found


def _versions(difference: Difference, lang: Lang) -> list[str]:
    return [
        _version(say(("Oud", "Old"), lang), difference.old.covenant),
        _version(say(("Nieuw", "New"), lang), difference.new.covenant),
    ]


def _version(head: str, covenant: Covenant) -> str:
    return f"{head}: {covenant.name}, {covenant.version}, sha256 {covenant.sha256}"
