# SPDX-License-Identifier: EUPL-1.2
"""The summary of an evidence pack: one printable page in Dutch and one in English, from what the pack proves alone.

The same content gives the same bytes, so that a checker writes them again and compares. ``WRITER`` changes with any
word or style; pages of another writer are signed, and not compared. Spec: ``protocol/spec/evidence-pack.md``.
Not here: what is proven (``protocol/evidence_pack.py``), the frame (``pages.py``).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from edge.event_words import DECISIONS_SAID, EVENTS_SAID, OPERATIONS_SAID, REASONS_SAID
from edge.languages import LANGS, Lang, listed, say
from edge.pack_words import WORDS
from edge.pages import Chapter, Node, Safe, el, facts, items, joined, page, table
from protocol.backdating import Seen
from protocol.covenant import Covenant
from protocol.encoding import Json, canonical_json, format_time
from protocol.errors import Code, ConfigurationError, VerificationError
from protocol.evidence_pack import PackContent
from protocol.note import b64
from protocol.pack_parts import PAGES, covenant_file
from protocol.proven_entries import ProvenEntry

SHOWN: Final = 40
"""Erased entries that the page lists: more are in the table beside it, and the page stays one that people read."""
_PRINT: Final = "@media print { h2 { break-before: auto; } }\n"

Titles = tuple[Mapping[str, Mapping[Lang, str]], Mapping[str, Mapping[Lang, str]]]


def _writer() -> str:
    words: list[Json] = [
        [str(key), *pair]
        for said in (WORDS, EVENTS_SAID, OPERATIONS_SAID, REASONS_SAID, DECISIONS_SAID)
        for key, pair in said.items()
    ]
    blank = page(dict.fromkeys(LANGS, ""), {lang: [] for lang in LANGS}, _PRINT)
    return hashlib.sha256(blank.encode() + canonical_json(words)).hexdigest()


WRITER: Final = _writer()
"""Names the words and the style of these pages."""


def write_pages(content: PackContent, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the pages by their names; titles come from the covenant that the pack holds under its own hash."""
    titles = _titles(content, files)
    return {PAGES[lang]: _page(content, titles, lang).encode() for lang in LANGS}


def compare_pages(content: PackContent, files: Mapping[str, bytes]) -> bool:
    """Pass when the pages say what the entries say; False when another writer's cannot be compared.

    Raises ``VerificationError`` (``pack_invalid``).
    """
    if content.manifest.pages != WRITER:
        return False
    for name, written in write_pages(content, files).items():
        if files[name] != written:
            raise VerificationError(Code.PACK_INVALID, f"{name} does not say what the entries of the pack say.")
    return True


def _page(content: PackContent, titles: Titles, lang: Lang) -> str:
    def chapter(name: str, *body: Node) -> Chapter:
        return Chapter(name, say(WORDS[name], lang), joined(body))

    chapters = [
        chapter("what", el("p", say(WORDS["what-said"], lang)), _what(content, titles, lang)),
        chapter("numbers", *_numbers(content.entries, titles, lang)),
        chapter("refusals", _refusals(content.entries, lang)),
        chapter("erased", *_erased(content, lang)),
        chapter("log", _log(content, lang)),
        chapter("proves", items(say(WORDS[f"proves-{n}"], lang) for n in (1, 2, 3))),
        chapter("proves-not", items(say(WORDS[f"proves-not-{n}"], lang) for n in (1, 2, 3))),
        chapter(
            "check",
            el("p", say(WORDS["check-said"], lang)),
            el("p", el("code", "sluis audit check-pack PACK.zip --covenant COVENANT.json")),
        ),
    ]
    return page({lang: say(WORDS["title"], lang)}, {lang: chapters}, _PRINT)


def _what(content: PackContent, titles: Titles, lang: Lang) -> Safe:
    manifest = content.manifest
    rows: list[tuple[Node, Node]] = [
        (
            say(WORDS["period"], lang),
            f"{format_time(manifest.begins)} {say(WORDS['until'], lang)} {format_time(manifest.ends)}",
        ),
        (say(WORDS["agency"], lang), _titled(manifest.agency, titles[0], lang)),
        (say(WORDS["person"], lang), el("code", manifest.person)),
        (say(WORDS["reason"], lang), f"{say(REASONS_SAID[manifest.log_purpose], lang)} ({manifest.log_purpose})"),
        (say(WORDS["exported"], lang), format_time(manifest.exported_at)),
        (say(WORDS["logged"], lang), ", ".join(map(str, manifest.exports))),
        (say(WORDS["asked"], lang), _asked(content, lang)),
        (
            say(WORDS["covenant"], lang),
            joined((f"{manifest.covenant.version} ", el("code", manifest.covenant.sha256))),
        ),
    ]
    if content.lacking:
        rows.append((say(WORDS["covenants-lacking"], lang), el("code", ", ".join(content.lacking))))
    return facts(rows)


def _asked(content: PackContent, lang: Lang) -> str:
    asked = content.manifest.filters.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not asked:
        return say(WORDS["everything"], lang)
    return say(WORDS["only"], lang).format(filters=", ".join(f"{name}: {asked[name]}" for name in sorted(asked)))


def _numbers(entries: Sequence[ProvenEntry], titles: Titles, lang: Lang) -> list[Safe]:
    operations = Counter(one.event.OPERATION for one in entries)
    kinds = Counter((one.event.TAG, one.event.act.decision) for one in entries)
    purposes = Counter((one.event.act.purpose, one.event.act.decision) for one in entries)
    count, decision = say(WORDS["count"], lang), ("besluit", "decision")[LANGS.index(lang)]
    return [
        table(
            say(WORDS["by-operation"], lang),
            [say(WORDS["operation"], lang), count],
            [
                *([say(OPERATIONS_SAID[name], lang), str(many)] for name, many in sorted(operations.items())),
                [say(WORDS["total"], lang), str(len(entries))],
            ],
        ),
        table(
            say(WORDS["by-kind"], lang),
            [say(WORDS["kind"], lang), decision, count],
            [
                [say(EVENTS_SAID[tag], lang), say(DECISIONS_SAID[decided], lang), str(many)]
                for (tag, decided), many in sorted(kinds.items(), key=_in_order)
            ],
        ),
        table(
            say(WORDS["by-purpose"], lang),
            [say(WORDS["purpose"], lang), decision, count],
            [
                [
                    say(WORDS["no-purpose"], lang) if name is None else _titled(name, titles[1], lang),
                    say(DECISIONS_SAID[decided], lang),
                    str(many),
                ]
                for (name, decided), many in sorted(purposes.items(), key=_in_order)
            ],
        ),
    ]


def _refusals(entries: Sequence[ProvenEntry], lang: Lang) -> Safe:
    refused = Counter(
        (one.event.TAG, ", ".join(one.event.act.policy_ids) or str(getattr(one.event, "code", "")))
        for one in entries
        if one.event.act.decision == "deny"
    )
    if not refused:
        return el("p", say(WORDS["no-refusals"], lang))
    return table(
        say(WORDS["by-refusal"], lang),
        [say(WORDS["kind"], lang), say(WORDS["rule"], lang), say(WORDS["count"], lang)],
        [[say(EVENTS_SAID[tag], lang), el("code", rule), str(many)] for (tag, rule), many in sorted(refused.items())],
    )


def _erased(content: PackContent, lang: Lang) -> list[Safe]:
    grounds = {one.index: str(getattr(one.event, "ground", "")) for one in (*content.entries, *content.beside)}
    rows = [(one.index, one.erased_by) for one in content.entries if one.erased_by is not None]
    left_out = sum(one.subject_part == "left-out" for one in content.entries)
    said = [facts([(say(WORDS["left-out"], lang), str(left_out))])]
    if not rows:
        return [el("p", say(WORDS["no-erasures"], lang)), *said]
    shown = table(
        say(WORDS["by-erasure"], lang),
        [say(WORDS[name], lang) for name in ("entry", "erased-by", "ground")],
        [[str(index), str(by), el("code", grounds.get(by, ""))] for index, by in rows[:SHOWN]],
    )
    total = facts([(say(WORDS["total"], lang), str(len(rows)))])
    more = [el("p", say(WORDS["more-erased"], lang))] if len(rows) > SHOWN else []
    return [shown, *more, total, *said]


def _log(content: PackContent, lang: Lang) -> Safe:
    cosigned = content.cosigned
    return facts(
        [
            (say(WORDS["origin"], lang), el("code", cosigned.checkpoint.origin)),
            (say(WORDS["size"], lang), str(cosigned.checkpoint.size)),
            (say(WORDS["root"], lang), el("code", b64(cosigned.checkpoint.root))),
            (say(WORDS["witnesses"], lang), listed(cosigned.cosigners, lang)),
            (say(WORDS["cosigned"], lang), format_time(Seen.of(cosigned).at)),
        ]
    )


def _titles(content: PackContent, files: Mapping[str, bytes]) -> Titles:
    bundle = files.get(covenant_file(content.manifest.covenant.sha256))
    if bundle is None:
        return {}, {}
    try:
        covenant = Covenant.read(bundle)
    except ConfigurationError:
        # A covenant of a form that this program does not read: then everybody is called by name alone.
        return {}, {}
    return (
        {one.id: {"nl": one.title.nl, "en": one.title.en} for one in covenant.agencies},
        {name: {"nl": one.title.nl, "en": one.title.en} for name, one in covenant.purposes.items()},
    )


def _titled(name: str, titles: Mapping[str, Mapping[Lang, str]], lang: Lang) -> str:
    title = titles.get(name)
    return name if title is None else f"{title[lang]} ({name})"


def _in_order(item: tuple[tuple[object, str | None], int]) -> tuple[str, str]:
    (first, decision), _ = item
    return f"{first or '':>3}", decision or ""


def total_of(entries: Iterable[ProvenEntry]) -> Mapping[str, int]:
    """Return how many entries there are of each operation, for who prints them."""
    return dict(sorted(Counter(one.event.OPERATION for one in entries).items()))
