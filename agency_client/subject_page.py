# SPDX-License-Identifier: EUPL-1.2
"""An answer to a citizen as one self-contained page in one language.

Not here: what is in it (``subject_report.py``), the page's frame (``edge/pages.py``), its words
(``subject_wording.py``).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from agency_client.subject_law import GROUNDS
from agency_client.subject_report import Line, PurposePart, SubjectReport
from agency_client.subject_wording import (
    PARTS_SAID,
    ROLES_SAID,
    SURE_SAID,
    TITLES,
    WATERMARK,
    line_said,
    party_said,
    said,
    title_in,
)
from edge.event_words import OPERATIONS_SAID
from edge.languages import Lang, listed, say
from edge.pages import Chapter, Node, Safe, el, facts, items, joined, page, table
from protocol.covenant import Covenant
from protocol.keys import KINDS

_STYLE: Final = """
.watermark { border: .25rem solid #a1162a; color: #a1162a; background: #fff; padding: .5rem; font-weight: bold; }
"""


def page_of(report: SubjectReport, covenant: Covenant, lang: Lang) -> str:
    """Return the page."""
    chapters = [
        _request(report, covenant, lang),
        *(_purpose(part, report, covenant, lang) for part in report.purposes),
        *_requests(report, covenant, lang),
        *_declined(report, covenant, lang),
        _limits(report, lang),
        _rights(lang),
        *_file(report, lang),
    ]
    if report.form == "full":
        # On every part, so that a page torn from the print still says it.
        mark = el("p", say(WATERMARK, lang), class_="watermark")
        chapters = [Chapter(one.name, one.title, joined((mark, one.body))) for one in chapters]
    return page({lang: say(TITLES[report.form], lang)}, {lang: chapters}, _STYLE)


def _request(report: SubjectReport, covenant: Covenant, lang: Lang) -> Chapter:
    clock = report.clock
    rows: list[tuple[Node, Node]] = [
        (said("answered-by", lang), party_said(report.agency, covenant, lang)),
        (said("case", lang), report.case),
        (said("received", lang), clock.received.isoformat()),
        (said("before", lang), f"{clock.answer_before.isoformat()} ({said('left', lang)}: {clock.days_left})"),
        (said("gdpr", lang), clock.gdpr_before.isoformat()),
        (said("extension", lang), said("extension-said", lang)),
        (said("made", lang), f"{report.made_at:%Y-%m-%d}"),
        (said("covenant", lang), f"{covenant.name}, {report.covenant_version}"),
    ]
    return Chapter("request", said("request", lang), facts(rows))


def _purpose(part: PurposePart, report: SubjectReport, covenant: Covenant, lang: Lang) -> Chapter:
    purpose = covenant.purpose(part.purpose)
    title = title_in(purpose.title, lang)
    contact = covenant.contact_point(purpose)
    rows: list[tuple[Node, Node]] = [(said("what-for", lang), title_in(purpose.explanation, lang))]
    body: list[Node] = []
    if part.refused is not None:
        ground = GROUNDS[part.refused]
        said_so = said("refused", lang, ground=say(ground.said, lang), law=ground.law)
        body.append(el("p", said_so, " ", said("refused-said", lang)))
    if part.lines:
        rows += _details(part, report, covenant, lang)
        body.append(_table(part.lines, report, covenant, lang))
    elif part.refused is None:
        body.append(el("p", said("nothing", lang)))
    rows.append((said("retention", lang), _retention(part, covenant, lang)))
    rows.append((said("contact", lang), f"{title_in(contact.title, lang)}, {contact.email}"))
    return Chapter(f"purpose-{part.purpose}", title, joined((facts(rows), *body)))


def _details(part: PurposePart, report: SubjectReport, covenant: Covenant, lang: Lang) -> Iterator[tuple[Node, Node]]:
    purpose = covenant.purpose(part.purpose)
    none = said("none", lang)
    yield said("law", lang), _laws(part, report, covenant, lang)
    titles = [title_in(purpose.grounds[code], lang) if code in purpose.grounds else code for code in part.grounds]
    yield said("grounds", lang), listed(titles, lang) or none
    kinds = [KINDS[kind].nl if lang == "nl" else KINDS[kind].en for kind in part.categories if kind in KINDS]
    yield said("categories", lang), items(kinds) if kinds else none
    sources = [said("origin-own", lang), *(party_said(one, covenant, lang) for one in part.sources)]
    yield said("origin", lang), items(sources)
    received = [say(PARTS_SAID[name], lang) for name in part.received]
    yield said("received-parts", lang), listed(received, lang) or none
    known = [party_said(one, covenant, lang) for one in part.recipients]
    yield said("recipients", lang), items(known) if known else none


def _laws(part: PurposePart, report: SubjectReport, covenant: Covenant, lang: Lang) -> Safe:
    mine = covenant.kind_of(report.agency)
    purpose = covenant.purpose(part.purpose)
    codes = dict.fromkeys(part.bases)
    for other in part.recipients:
        found = covenant.find(other)
        if found is not None:
            codes |= dict.fromkeys(purpose.edge(mine, covenant.root_of(found.kind)))
    laws: list[Node] = []
    for code in codes:
        basis = covenant.legal_bases.get(code)
        if basis is None:
            laws.append(code)
            continue
        mark = f" [{said('unsure', lang)}]" if basis.certainty == "unsure" else ""
        # The covenant names articles in English only.
        article = el("span", basis.article, lang="en")
        laws.append(joined((f"{title_in(basis.title, lang)} (", article, f"){mark}")))
    return items(laws) if laws else joined((said("none", lang),))


def _retention(part: PurposePart, covenant: Covenant, lang: Lang) -> str:
    text = said("retention-said", lang, days=covenant.purpose(part.purpose).retention_days)
    return text if part.live_until is None else f"{text}; {said('until', lang, day=part.live_until.isoformat())}"


def _table(lines: Sequence[Line], report: SubjectReport, covenant: Covenant, lang: Lang) -> Safe:
    heads = ["when", "operation", "what", "entry"]
    if report.form == "full":
        heads += ["person", "reference", "role", "sure", "for-person"]
    rows = [_row(line, report, covenant, lang) for line in lines]
    return table(said("lines", lang), [said(one, lang) for one in heads], rows)


def _row(line: Line, report: SubjectReport, covenant: Covenant, lang: Lang) -> list[Node]:
    operation = say(OPERATIONS_SAID[line.event.OPERATION], lang)
    row: list[Node] = [
        f"{line.at:%Y-%m-%d %H:%M} UTC",
        operation,
        line_said(line, covenant, lang),
        str(line.place),
    ]
    if report.form == "full":
        act = line.event.act
        row += [
            act.person or act.system or "",
            line.reference or "",
            say(ROLES_SAID[line.role], lang),
            say(SURE_SAID[line.sure], lang),
            said("yes" if line.for_person else "no", lang),
        ]
    return row


def _requests(report: SubjectReport, covenant: Covenant, lang: Lang) -> Iterator[Chapter]:
    if report.requests:
        body = _table(report.requests, report, covenant, lang)
        yield Chapter("requests", said("requests", lang), body)


def _declined(report: SubjectReport, covenant: Covenant, lang: Lang) -> Iterator[Chapter]:
    if not report.declined:
        return
    rows: list[list[Node]] = []
    for purpose in report.declined:
        agreed = covenant.purpose(purpose)
        rows.append([title_in(agreed.title, lang), covenant.contact_point(agreed).email])
    heads: list[Node] = [said("purpose", lang), said("contact", lang)]
    body = joined((el("p", said("declined-said", lang)), table(said("declined", lang), heads, rows)))
    yield Chapter("declined", said("declined", lang), body)


def _limits(report: SubjectReport, lang: Lang) -> Chapter:
    found = [said("limit-epochs", lang), said("limit-others", lang)]
    if report.form == "redacted":
        found += [said("limit-third", lang), said("limit-employees", lang)]
    if report.more:
        found.append(said("limit-more", lang))
    found += [
        said("limit-erased", lang, place=one.place, at=f"{one.at:%Y-%m-%d}", ground=one.ground, marker=one.marker)
        for one in report.erased
    ]
    return Chapter("limits", said("limits", lang), items(found))


def _rights(lang: Lang) -> Chapter:
    names = ("rights-correct", "rights-complaint", "rights-court")
    return Chapter("rights", said("rights", lang), items([said(name, lang) for name in names]))


def _file(report: SubjectReport, lang: Lang) -> Iterator[Chapter]:
    if report.form != "full":
        return
    rows: list[tuple[Node, Node]] = [
        (said("log-place", lang), str(report.place)),
        (said("check", lang), str(report.to_check)),
        (said("weak", lang), str(report.weak)),
        (said("receipts", lang), said("receipts-said", lang)),
    ]
    yield Chapter("file", said("file", lang), facts(rows))
