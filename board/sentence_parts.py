# SPDX-License-Identifier: EUPL-1.2
"""The parts of a sentence about a change, a dimension each, in Dutch or English; empty when all is as agreed.

Not here: the sentence (``sentences.py``), words (``wording.py``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from board.changes import Change
from board.space import (
    CLOSED,
    EXPIRED,
    ITSELF,
    NO_REVIEW,
    NONE,
    OTHER_STATE,
    OVER,
    OWN,
    PAST_REVIEW,
    STATE,
    UNKNOWN,
)
from board.wording import LOG_PURPOSES_SAID, QUALITIES_SAID, ROLES_SAID, SCOPES_SAID, TIMES_SAID
from edge.languages import Lang, Pair, either, say
from protocol.covenant import Covenant
from protocol.covenant_parts import Title
from protocol.covenant_purposes import Purpose


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says changes between two versions in one language; titles come from the new one, else from the old."""

    old: Covenant
    new: Covenant
    lang: Lang

    def purpose(self, change: Change) -> str:
        """Return the title of the change's purpose."""
        return self.purpose_title(change.purpose)

    def title(self, title: Title) -> str:
        """Return a title of the covenant in this language."""
        return title.nl if self.lang == "nl" else title.en

    def both(self, change: Change) -> list[Purpose]:
        """Return the change's purpose as each version that has it says it."""
        found = (covenant.purposes.get(change.purpose) for covenant in (self.old, self.new))
        return [purpose for purpose in found if purpose is not None]

    def purpose_title(self, name: str) -> str:
        """Return a purpose's title."""
        for covenant in (self.new, self.old):
            for known, purpose in covenant.purposes.items():
                if known == name:
                    return self.title(purpose.title)
        return say(("een onbekend doel", "an unknown purpose"), self.lang)

    def kinds(self, kinds: Iterable[str]) -> list[str]:
        """Return the titles of kinds of agency, in the vocabulary's order."""
        return [self.title(entry.title) for kind, entry in self.new.agency_kinds.items() if kind in kinds]

    def codes(self, chosen: Iterable[str], titles: Mapping[str, Title], none: Pair, unknown: Pair) -> list[str]:
        """Return the titles of codes, and words for no code and for one that neither version knows."""
        own = {NONE: none, UNKNOWN: unknown}
        return [
            say(own[code], self.lang) if code in own else self.title(titles[code]) if code in titles else code
            for code in sorted(chosen)
        ]


# --- What a sentence adds, a dimension each; "" when all is as agreed ---

_FULL_STATE: Final = frozenset({"active", "suspended"})


def _state(speaker: Speaker, change: Change) -> str:
    return _suspension(speaker, change.values[STATE], ("zelf", "itself"))


def _other_state(speaker: Speaker, change: Change) -> str:
    if OTHER_STATE not in change.values or change.values.get(OWN) == frozenset({ITSELF}):
        return ""
    return _suspension(speaker, change.values[OTHER_STATE], ("de ander", "the other"))


def _suspension(speaker: Speaker, states: frozenset[str], who: Pair) -> str:
    if states == {"active"}:
        return ""
    word = ("geschorst of niet", "suspended or not") if states == _FULL_STATE else ("geschorst", "suspended")
    return f"{say(who, speaker.lang)} {say(word, speaker.lang)}"


def _own(speaker: Speaker, change: Change) -> str:
    if ITSELF not in change.values.get(OWN, ()):
        return ""
    only = change.values[OWN] == {ITSELF}
    pair = ("van zichzelf", "its own") if only else ("ook van zichzelf", "its own too")
    return say(pair, speaker.lang)


def _time(speaker: Speaker, change: Change) -> str:
    order = ("live", CLOSED, OVER)
    chosen: frozenset[str] = change.values["time"]
    if chosen == {"live"}:
        return ""
    words = [say(TIMES_SAID[value], speaker.lang) for value in order if value in chosen]
    return either(words, speaker.lang)


def _quality(speaker: Speaker, change: Change) -> str:
    chosen = change.values.get("quality", frozenset())
    words = [say(pair, speaker.lang) for value, pair in QUALITIES_SAID.items() if value in chosen]
    return f"{say(('bij', 'on'), speaker.lang)} {either(words, speaker.lang)}" if words else ""


def _role(speaker: Speaker, change: Change) -> str:
    chosen = change.values.get("role", frozenset())
    if len(chosen) == len(ROLES_SAID):
        return say(("in elke rol", "in any role"), speaker.lang)
    words = [say(pair, speaker.lang) for value, pair in ROLES_SAID.items() if value in chosen]
    return f"{say(('als', 'as'), speaker.lang)} {either(words, speaker.lang)}" if words else ""


def _scope(speaker: Speaker, change: Change) -> str:
    chosen = change.values.get("scope", frozenset())
    return either([say(pair, speaker.lang) for value, pair in SCOPES_SAID.items() if value in chosen], speaker.lang)


def _log_purpose(speaker: Speaker, change: Change) -> str:
    chosen = change.values.get("log-purpose", frozenset())
    if chosen == LOG_PURPOSES_SAID.keys() - {"none"}:
        return say(("voor elk doel dat de wet toestaat", "for any purpose that the law permits"), speaker.lang)
    words = [say(pair, speaker.lang) for value, pair in LOG_PURPOSES_SAID.items() if value in chosen]
    return either(words, speaker.lang)


def _justified(speaker: Speaker, change: Change) -> str:
    chosen: frozenset[str] = change.values.get("justified", frozenset({"yes"}))
    if chosen == frozenset({"yes"}):
        return ""
    both = ("met of zonder reden en zaak", "with or without a reason and a case")
    return say(both if len(chosen) == 2 else ("zonder reden of zaak", "without a reason or a case"), speaker.lang)


def _ground(speaker: Speaker, change: Change) -> str:
    titles = {code: title for purpose in speaker.both(change) for code, title in purpose.grounds.items()}
    agreed = _in_both(speaker, change, lambda purpose: purpose.grounds)
    none = ("zonder instapcriterium", "without an entry criterion")
    unknown = ("op een onbekend criterium", "on an unknown criterion")
    return _listed_codes(speaker, change, "ground", titles, agreed, (("op", "on"), none, unknown))


def _basis(speaker: Speaker, change: Change) -> str:
    bases = {**speaker.old.legal_bases, **speaker.new.legal_bases}
    titles = {code: basis.title for code, basis in bases.items()}
    unknown = ("op een onbekende grondslag", "on an unknown basis")
    return _listed_codes(
        speaker, change, "basis", titles, frozenset(), (("op grond van", "on the basis of"), NOTHING, unknown)
    )


def _key_kind(speaker: Speaker, change: Change) -> str:
    agreed = _in_both(speaker, change, lambda purpose: purpose.key_kinds)
    none = ("zonder sleutel", "without a key")
    unknown = ("met een onbekende soort sleutel", "with an unknown kind of key")
    return _listed_codes(
        speaker, change, "key-kind", {}, agreed | {NONE}, (("met sleutels", "with keys"), none, unknown)
    )


NOTHING: Final[Pair] = ("", "")


def _in_both(speaker: Speaker, change: Change, of: Callable[[Purpose], Iterable[str]]) -> frozenset[str]:
    found = [frozenset(of(purpose)) for purpose in speaker.both(change)]
    return frozenset.intersection(*found) if found else frozenset()


def _listed_codes(
    speaker: Speaker,
    change: Change,
    name: str,
    titles: Mapping[str, Title],
    agreed: frozenset[str],
    words: tuple[Pair, Pair, Pair],
) -> str:
    chosen = change.values.get(name)
    if chosen is None or chosen == agreed:
        return ""
    head, none, unknown = words
    known = speaker.codes(chosen - {NONE, UNKNOWN}, titles, none, unknown)
    said = [f"{say(head, speaker.lang)} {either(known, speaker.lang)}"] if known else []
    said += speaker.codes(chosen & {NONE, UNKNOWN}, titles, none, unknown)
    return either(said, speaker.lang)


def _days(speaker: Speaker, change: Change) -> str:
    chosen = change.values.get("days")
    if chosen is None:
        return ""
    said = [_span(speaker, start, end) for start, end in _joined(chosen - {EXPIRED})]
    if said:
        said = [f"{say(('voor signalen van', 'for signals of'), speaker.lang)} {either(said, speaker.lang)}"]
    if EXPIRED in chosen:
        said.append(say(("voor signalen die al verlopen zijn", "for signals that have expired already"), speaker.lang))
    return either(said, speaker.lang)


def _informed(speaker: Speaker, change: Change) -> str:
    chosen = change.values.get("informed")
    if chosen is None:
        return ""
    plain = {"informed", "not-required"}
    bad = chosen & {NO_REVIEW, PAST_REVIEW}
    spans = _joined(value.removeprefix("deferred-") for value in chosen - plain - {NO_REVIEW, PAST_REVIEW})
    deferral = [purpose.informing.deferral_days for purpose in speaker.both(change) if purpose.informing is not None]
    if plain <= chosen and not bad and spans == ([(0, min(deferral))] if deferral else []):
        return ""
    said = []
    if "informed" in chosen:
        said.append(say(("de persoon geïnformeerd", "the person informed"), speaker.lang))
    if "not-required" in chosen:
        said.append(say(("informeren niet nodig", "informing not required"), speaker.lang))
    for start, end in spans:
        put_off = say(
            ("informeren uitgesteld met herbeoordeling na", "informing put off with a review after"), speaker.lang
        )
        said.append(f"{put_off} {_span(speaker, start, end)}")
    if bad:
        said.append(
            say(
                ("informeren uitgesteld zonder dag van herbeoordeling", "informing put off without a day of review"),
                speaker.lang,
            )
        )
    return either(said, speaker.lang)


def _joined(intervals: Iterable[str]) -> list[tuple[int, int | None]]:
    """Return intervals such as ``0-90`` and ``91-`` as few as they can be; ``None`` ends one that is open."""
    found: list[tuple[int, int | None]] = []
    ordered = sorted(
        (int(start), int(end) if end else None) for start, _, end in (one.partition("-") for one in intervals)
    )
    for start, end in ordered:
        last = found[-1][1] if found else None
        if last is not None and last + 1 == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _span(speaker: Speaker, start: int, end: int | None) -> str:
    if end is None:
        return say((f"{start} dagen of langer", f"{start} days or longer"), speaker.lang)
    if start == 0:
        return say((f"hoogstens {end} dagen", f"at most {end} days"), speaker.lang)
    return say((f"{start} tot en met {end} dagen", f"{start} to {end} days"), speaker.lang)


TELLERS: Final = (
    _state,
    _other_state,
    _own,
    _quality,
    _role,
    _scope,
    _log_purpose,
    _justified,
    _basis,
    _ground,
    _key_kind,
    _days,
    _informed,
    _time,
)
