# SPDX-License-Identifier: EUPL-1.2
"""A year's figures as one page in Dutch and English: sentences first, then each chart with its table, then what is
proven and what is not.

Not here: the figures (``year_reading.py``), the words (``year_wording.py``), charts and frame (``edge``).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agency_client.year_reading import YearRead
from agency_client.year_wording import PARTS, WORDS
from edge.charts import CHART_STYLE, bar_chart, number_of, stacked_chart
from edge.event_words import EVENTS_SAID, OPERATIONS_SAID, REASONS_SAID, UNUSUAL_SAID
from edge.languages import LANGS, Lang, listed, say
from edge.pages import Chapter, Node, Safe, el, facts, items, joined, page, table
from protocol.backdating import Seen
from protocol.covenant import Covenant
from protocol.encoding import format_time
from protocol.event_search import OPERATIONS
from protocol.ids import PartyId, PurposeId
from protocol.note import b64
from protocol.year_figures import FollowUp

FOLLOWED: Final = ("in_time", "late", "never", "waiting", "unknown")
DISCLOSED: Final = (
    *("asked", "approved", "granted", "refused", "read"),
    *("cancelled", "decide-by", "fetch-by", "signal-ended"),
)
_STYLE: Final = f"{CHART_STYLE}@media print {{ h2 {{ break-before: auto; }} }}\n"


@dataclass(frozen=True, slots=True)
class YearReport:
    """A year as it is told: what was read, by whom, and what was ever found here that does not hold."""

    year: int
    read: YearRead
    covenant: Covenant
    reader: PartyId
    findings: int
    unseen: int
    closed: bool
    """Whether the year is over."""
    erasable: bool
    """Whether months of it are so old that all of them may have been erased."""

    @property
    def supervised(self) -> bool:
        """Whether everybody's entries were read, by mandate."""
        return self.covenant.kind_of(self.reader) == "supervisor"

    def followed(self) -> FollowUp:
        """Return the follow-up of all purposes together."""
        rows = self.read.figures.follow_up.values()
        return FollowUp(*(sum(getattr(one, part) for one in rows) for part in FOLLOWED))

    def total(self, counts: Mapping[Any, int], what: str) -> int:
        """Return the sum of what is kept under this word, of all purposes."""
        return sum(count for (_, name), count in counts.items() if name == what)


def year_page(report: YearReport) -> str:
    """Return the page."""
    titles = {
        lang: say(WORDS["title" if report.closed else "title-open"], lang).format(year=report.year, until=_day(report))
        for lang in LANGS
    }
    return page(titles, {lang: _chapters(_Writer(report, lang)) for lang in LANGS}, _STYLE)


def summary_of(report: YearReport, lang: Lang) -> list[str]:
    """Return the year in a few sentences."""
    return _Writer(report, lang).summary()


def _day(report: YearReport) -> str:
    return f"{report.read.figures.ends:%Y-%m-%d %H:%M} UTC"


def _chapters(write: "_Writer") -> list[Chapter]:
    return [
        write.chapter("summary", items(write.summary())),
        write.chapter("months", el("p", write.word("months-said")), write.by_month()),
        write.chapter("purposes", write.by_purpose()),
        write.chapter("agencies", el("p", write.word("agencies-said")), write.by_agency()),
        write.chapter("signals", *write.signals()),
        write.chapter("follow-up", *write.follow_up()),
        write.chapter("disclosures", el("p", write.word("disclosures-said")), write.disclosures()),
        write.chapter("denials", write.denials()),
        write.chapter("reading", *write.reading()),
        write.chapter("informing", write.informing()),
        write.chapter("unusual", el("p", write.word("unusual-said")), write.unusual()),
        write.chapter("proven", *write.proven()),
        write.chapter("proves-not", items(write.proves_not())),
    ]


class _Writer:
    """Writes the parts of the page in one language."""

    def __init__(self, report: YearReport, lang: Lang) -> None:
        self._report, self._lang = report, lang
        self._read, self._found = report.read, report.read.figures

    def word(self, name: str, **facts: object) -> str:
        shown = {key: self._number(fact) if isinstance(fact, int) else fact for key, fact in facts.items()}
        return say(WORDS[name], self._lang).format(**shown)

    def chapter(self, name: str, *body: Node) -> Chapter:
        return Chapter(name, self.word(name), joined(body))

    def _number(self, count: int) -> str:
        return number_of(count, self._lang)

    def _part(self, name: str) -> str:
        return say(PARTS[name], self._lang) if name in PARTS else name

    def _purpose(self, name: PurposeId | None) -> str:
        if name is None:
            return self.word("no-purpose")
        found = self._report.covenant.purposes.get(name)
        return name if found is None else getattr(found.title, self._lang)

    def _agency(self, name: PartyId | None) -> str:
        if name is None:
            return self.word("broker")
        found = self._report.covenant.find(name)
        return name if found is None else getattr(found.title, self._lang)

    # --- Sentences ---

    def summary(self) -> list[str]:
        report, found, followed = self._report, self._found, self._report.followed()
        whom = "scope-all" if report.supervised else "scope-own"
        lines = [self.word(whom, agency=self._agency(report.reader))]
        if not report.closed:
            lines.append(self.word("so-far", begins=f"{found.begins:%Y-%m-%d}", until=_day(report)))
        signals, informing = found.signals, found.informing
        return [
            *lines,
            self.word("said-entries", year=str(report.year), entries=found.entries, erased=found.erased),
            self.word(
                "said-signals",
                **{what: report.total(signals, what) for what in ("registered", "refused", "withdrawn", "expired")},
            ),
            self.word(
                "said-follow",
                told=followed.told,
                time=followed.in_time,
                late=followed.late,
                never=followed.never,
                waiting=followed.waiting,
                unknown=followed.unknown,
            ),
            self.word(
                "said-disclosures",
                **{what: report.total(found.disclosures, what) for what in ("asked", "granted", "refused")},
                late=report.total(found.disclosures, "decide-by"),
            ),
            self.word(
                "said-informed",
                informed=report.total(informing, "informed"),
                deferred=report.total(informing, "deferred"),
                reviewed=sum(report.total(informing, f"reviewed-{what}") for what in ("informed", "deferred")),
                subjects=found.subject_reports,
            ),
            self.word(
                "said-denied",
                denied=sum(found.denials.values()),
                asked=sum(found.questions.values()),
                unusual=sum(found.unusual.values()),
                read=sum(found.readings.values()),
                exported=sum(found.exports.values()),
            ),
        ]

    # --- Charts ---

    def _bars(self, name: str, heads: tuple[str, str], rows: Iterable[tuple[str, int]]) -> Safe:
        shown = sorted(rows, key=lambda row: (-row[1], row[0]))
        if not shown:
            return joined((el("h3", self.word(name)), el("p", self.word("none"))))
        first, last = (self.word(head) for head in heads)
        return bar_chart(f"{self._lang}-{name}", self.word(name), (first, last), shown, self._lang)

    def _stacked(self, name: str, head: str, parts: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]]) -> Safe:
        if not rows:
            return joined((el("h3", self.word(name)), el("p", self.word("none"))))
        heads = (self.word(head), self.word("total"))
        return stacked_chart(f"{self._lang}-{name}", self.word(name), heads, parts, rows, self._lang)

    def _by_operation(self, name: str, head: str, counts: Mapping[tuple[Any, str], int], said: Any) -> Safe:
        held = [one for one in OPERATIONS if any(operation == one for _, operation in counts)]
        keys = sorted({key for key, _ in counts}, key=lambda key: (key is None, str(key)))
        rows = [(said(key), [counts.get((key, one), 0) for one in held]) for key in keys]
        return self._stacked(name, head, [say(OPERATIONS_SAID[one], self._lang) for one in held], rows)

    def by_month(self) -> Safe:
        return self._by_operation("by-months", "month", self._found.months, str)

    def by_purpose(self) -> Safe:
        return self._by_operation("by-purposes", "purpose", self._found.purposes, self._purpose)

    def by_agency(self) -> Safe:
        return self._by_operation("by-agencies", "agency", self._found.agencies, self._agency)

    def _per_purpose(self, name: str, counts: Mapping[tuple[PurposeId | None, str], int], parts: Sequence[str]) -> Safe:
        held = [one for one in parts if any(part == one for _, part in counts)]
        keys = sorted({key for key, _ in counts}, key=lambda key: (key is None, str(key)))
        rows = [(self._purpose(key), [counts.get((key, one), 0) for one in held]) for key in keys]
        return self._stacked(name, "purpose", [self._part(one) for one in held], rows)

    def signals(self) -> list[Safe]:
        found = self._found
        kinds = ("registered", "refused", "withdrawn", "expired", "canary")
        expired = ((f"{self._purpose(purpose)}: {rule}", count) for (purpose, rule), count in found.expiries.items())
        certain = (
            (f"{self._purpose(purpose)}: {self._part(quality)}", count)
            for (purpose, quality), count in found.matches.items()
        )
        told = (
            (", ".join(self._part(one) for one in (kind, level) if one), count)
            for (kind, level), count in found.notices.items()
        )
        asked = ((self._purpose(purpose), count) for purpose, count in found.questions.items())
        return [
            self._per_purpose("by-signals", found.signals, kinds),
            self._bars("by-matches", ("quality", "count"), certain),
            self._bars("by-notices", ("what", "count"), told),
            self._bars("by-questions", ("purpose", "count"), asked),
            self._bars("by-expiries", ("ended-by", "count"), expired),
        ]

    def follow_up(self) -> list[Safe]:
        rows = [
            (self._purpose(purpose), [getattr(one, part) for part in FOLLOWED])
            for purpose, one in sorted(self._found.follow_up.items())
        ]
        said = [el("p", self.word("follow-said"))]
        if self._found.openings_unknown:
            said.append(el("p", self.word("openings-unknown", count=self._found.openings_unknown)))
        outcomes = Counter[str]()
        for (_, code), count in self._found.outcomes.items():
            outcomes[self._outcome(code)] += count
        return [
            *said,
            self._stacked("by-follow-up", "purpose", [self._part(one) for one in FOLLOWED], rows),
            self._bars("by-outcomes", ("outcome", "count"), outcomes.items()),
        ]

    def _outcome(self, code: str) -> str:
        found = self._report.covenant.outcomes.get(code)
        return code if found is None else say((found.title.nl, found.title.en), self._lang)

    def disclosures(self) -> Safe:
        return self._per_purpose("by-disclosures", self._found.disclosures, DISCLOSED)

    def denials(self) -> Safe:
        rows = (
            (f"{rule or code} ({say(EVENTS_SAID[tag], self._lang)}{f', {code}' if rule else ''})", count)
            for (tag, code, rule), count in self._found.denials.items()
        )
        return self._bars("by-denials", ("rule", "count"), rows)

    def reading(self) -> list[Safe]:
        found, lang = self._found, self._lang
        why = {str(name): pair for name, pair in REASONS_SAID.items()}

        def reasons(counts: Mapping[str, int]) -> list[tuple[str, int]]:
            return [(say(why[name], lang), count) for name, count in counts.items()]

        erased = [(self._part(ground), count) for ground, count in found.erasures.items()]
        said = self.word("statistics-said", statistics=found.statistics_read, subjects=found.subject_reports)
        return [
            self._bars("by-readings", ("reason", "count"), reasons(found.readings)),
            self._bars("by-exports", ("reason", "count"), reasons(found.exports)),
            el("p", said),
            self._bars("by-erasures", ("ground", "count"), erased),
        ]

    def informing(self) -> Safe:
        parts = ("informed", "deferred", "not-required", "reviewed-informed", "reviewed-deferred")
        return self._per_purpose("by-informing", self._found.informing, parts)

    def unusual(self) -> Safe:
        rows = ((say(UNUSUAL_SAID[reason], self._lang), count) for reason, count in self._found.unusual.items())
        return self._bars("by-unusual", ("reason", "count"), rows)

    # --- What holds ---

    def proven(self) -> list[Safe]:
        read, report = self._read, self._report
        head, readings = read.checked.head, read.readings
        lines = [
            self.word("proven-1", size=head.checkpoint.size),
            self.word("proven-2", receipts=read.checked.receipts),
            self.word("proven-3"),
            self.word("proven-4", count=len(readings), first=readings[0], last=readings[-1]),
            self.word("findings", count=report.findings, unseen=report.unseen)
            if report.findings
            else self.word("no-findings"),
        ]
        if read.unsigned:
            lines.append(self.word("unsigned", count=read.unsigned))
        shown = facts(
            [
                (self.word("origin"), el("code", head.checkpoint.origin)),
                (self.word("size"), self._number(head.checkpoint.size)),
                (self.word("root"), el("code", b64(head.checkpoint.root))),
                (self.word("witnesses"), listed(head.cosigners, self._lang)),
                (self.word("at"), format_time(Seen.of(head).at)),
            ]
        )
        versions = table(
            self.word("covenants"),
            [self.word(name) for name in ("version", "from", "to", "count")] + ["SHA-256"],
            [
                [one.version, f"{one.first:%Y-%m-%d}", f"{one.last:%Y-%m-%d}", self._number(one.entries), one.sha256]
                for one in self._found.covenants
            ],
        )
        return [items(lines), shown, versions]

    def proves_not(self) -> list[str]:
        report, found = self._report, self._found
        lines = [self.word("not-1"), self.word("not-2"), self.word("not-3", until=_day(report))]
        if report.supervised:
            hits = sum(found.declared.get(name, 0) for name in ("hit", "probable", "possible"))
            lines.append(self.word("not-probes-all", registered=found.declared.get("registered", 0), hits=hits))
        else:
            lines.append(self.word("not-probes-own", count=found.probes))
        return [*lines, self.word("not-erasable")] if report.erasable else lines
