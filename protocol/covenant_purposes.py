# SPDX-License-Identifier: EUPL-1.2
"""What a covenant says about law: the vocabulary, and each purpose with its participants, edges and bounds.

Spec: ``spec/covenant.md``. Not here: who takes part and the terms of all purposes (``covenant_parts.py``), at which
level who is told what (the permits in ``policies/purposes/``).
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from protocol.covenant_parts import Act, AgencyKind, BodyKind, ContactPoint, RegisterEntry, Title
from protocol.ids import KeyKind
from protocol.keys import KINDS, Tier
from protocol.messages import MAX_ELEMENTS, CodeText, Kind, Message, Role, Text

MAX_DISCLOSURE_HOURS: Final = 24 * 30
"""A month to decide in is as good as no deadline."""
MAX_DISCLOSURE_DAYS: Final = 30
"""Sealed or not, what was given does not stay with the broker for longer than people are on leave."""

Iri = Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9.-]{1,253}/[A-Za-z0-9._~/#%-]{0,300}$")]


class LegalBasis(Message):
    """One law article or ground on which a sender provides, or a receiver is told.

    ``certainty`` says whether the article was read in the law's text or written from memory; a board settles what is
    unsure before it signs.
    """

    title: Title
    article: Text
    certainty: Literal["checked", "unsure"]
    iri: Iri | None = None
    """The concept's name on the web, where somebody has given it one (Data Privacy Vocabulary, W3C)."""


class LegalBases(Message):
    """``vocabulary/legal-bases.yaml``: every code that a purpose or a policy may name."""

    bases: Annotated[dict[CodeText, LegalBasis], Field(min_length=1, max_length=200)]


class KindOfAgency(Message):
    """What people call a kind of agency, and within which kind a single body stands: rules speak of that one."""

    title: Title
    iri: Iri | None = None
    within: AgencyKind | None = None


class AgencyKinds(Message):
    """``vocabulary/agency-kinds.yaml``: every kind there is, so that none lacks a name for people."""

    kinds: dict[BodyKind, KindOfAgency]

    @model_validator(mode="after")
    def _all(self) -> "AgencyKinds":
        roots = set(get_args(AgencyKind))
        if lacking := (roots | set(_BODIES)) - set(self.kinds):
            raise ValueError(f"each kind has an entry; these lack one: {', '.join(sorted(lacking))}")
        wrong = [kind for kind, entry in self.kinds.items() if (entry.within is None) != (kind in roots)]
        if wrong:
            raise ValueError(f"`within` is said of a single body, and only of that: see {', '.join(sorted(wrong))}")
        return self


class Disclosures(Message):
    """``vocabulary/disclosures.yaml``: about what more can be asked after a hit, and why it can be refused."""

    topics: Annotated[dict[CodeText, Title], Field(min_length=1, max_length=50)]
    refusals: Annotated[dict[CodeText, Title], Field(min_length=1, max_length=50)]


class Outcome(Message):
    """What can come of a hit, as the parties agreed to count it (law.md S-4)."""

    title: Title
    told: bool = False
    """Whether the other agency of the hit is told: where the outcome says that it may have the wrong person."""


class Outcomes(Message):
    """``vocabulary/outcomes.yaml``: every code with which a hit may be closed."""

    outcomes: Annotated[dict[CodeText, Outcome], Field(min_length=1, max_length=50)]


class Reasons(Message):
    """``vocabulary/reasons.yaml``: every code that says why somebody looks."""

    reasons: Annotated[dict[CodeText, Title], Field(min_length=1, max_length=50)]


_BODIES: Final = tuple(kind for kind in get_args(BodyKind) if kind not in get_args(AgencyKind))


# --- Purposes ---


class Participant(Message):
    """What one kind of agency does under a purpose, and on which bases it may provide."""

    acts: Annotated[tuple[Act, ...], Field(strict=False, min_length=1, max_length=5)]
    bases: Annotated[tuple[CodeText, ...], Field(strict=False, max_length=20)] = ()

    @model_validator(mode="after")
    def _based(self) -> "Participant":
        if ("send" in self.acts) != bool(self.bases):
            raise ValueError("who sends names its bases, and only who sends")
        return self


class Informing(Message):
    """Telling the person (GDPR 13-14, LED 13; law.md M-3): how long it may be put off before somebody looks again, and
    from which age the person is told beside, or instead of, whoever has custody.
    """

    deferral_days: Annotated[int, Field(ge=1, le=366)]
    consult_from: Annotated[int, Field(ge=0, le=21)]
    own_from: Annotated[int, Field(ge=0, le=21)]

    @model_validator(mode="after")
    def _ordered(self) -> "Informing":
        if self.consult_from > self.own_from:
            raise ValueError("consultFrom cannot be above ownFrom")
        return self


class Awaited(Message):
    """Whose signal must find its counterpart in time; silence is told (protocol.md section 7)."""

    sender: AgencyKind
    counterpart: AgencyKind
    days: Annotated[int, Field(ge=1, le=366)]


PERSON: Final = "person"
"""In a purpose's ``keyKinds``: every key that is made of name, birth date and address. Which those are is a matter of
the protocol's version; which *data* may be used is a matter of law, and that is what a purpose names."""
_NOT_OF_A_PERSON: Final = frozenset(
    {kind for kind, rule in KINDS.items() if rule.tier is Tier.IDENTIFIER} | {KeyKind("vehicle")}
)

PERSON_KINDS: Final = frozenset(KINDS) - _NOT_OF_A_PERSON
"""What ``person`` stands for."""


def _known_kind(kind: KeyKind) -> KeyKind:
    if kind not in KINDS and kind != PERSON:
        raise ValueError(f"there is no such key kind; there are {', '.join(sorted(_NOT_OF_A_PERSON))} and {PERSON}")
    return kind


def _written_out(kinds: tuple[KeyKind, ...]) -> tuple[KeyKind, ...]:
    persons = PERSON_KINDS if PERSON in kinds else frozenset()
    return tuple(kind for kind in KINDS if kind in persons or kind in kinds)


class Purpose(Message):
    """``purposes/<purpose>.yaml``: what the parties agreed to do together, for whom, and within which bounds.

    Not here: at which level who is told what; those are the permits of ``purposes/<purpose>.cedar``.
    """

    title: Title
    explanation: Title
    dpia: Text
    """The impact assessment that covers this purpose (GDPR 35, LED 27; law.md D-5)."""
    advice: Text
    """The lawfulness committee's advice on this purpose (WGS; law.md D-5)."""
    processing_activity: RegisterEntry
    """The register of processing's entry of this purpose (LED 24, GDPR 30; law.md D-4)."""
    contact_point: ContactPoint | None = None
    """Where a citizen can turn to about this purpose; the covenant's when absent (law.md D-9)."""
    participants: Annotated[dict[AgencyKind, Participant], Field(min_length=1)]
    hidden_from: Annotated[tuple[AgencyKind, ...], Field(strict=False)] = ()
    """Kinds that must never learn anything of this purpose, whatever any permit says."""
    legal_bases: Annotated[dict[AgencyKind, dict[AgencyKind, tuple[CodeText, ...]]], Field(default_factory=dict)]
    """Per edge: sender kind -> receiver kind -> codes of the law on which the receiver may be told."""
    grounds: Annotated[dict[CodeText, Title], Field(default_factory=dict, max_length=100)]
    key_kinds: Annotated[
        tuple[Annotated[Kind, AfterValidator(_known_kind)], ...],
        Field(strict=False, max_length=100),
        AfterValidator(_written_out),
    ] = ()
    """What may be made into a pseudonym; the file's word ``person`` is written out here."""
    roles_that_meet: Annotated[tuple[tuple[Role, Role], ...], Field(strict=False, max_length=3)] = ()
    urgency: Literal["normal", "urgent"] = "normal"
    """Of a signal whose record says nothing."""
    retention_days: Annotated[int, Field(ge=1, le=3_660)] = 1
    max_extensions: Annotated[int, Field(ge=0, le=10)] = 1
    """How often a signal may be given a new end (law.md D-7)."""
    follow_up_hours: Annotated[int, Field(ge=1, le=24 * 90)] = 1
    urgent_follow_up_hours: Annotated[int, Field(ge=1, le=24 * 90)] = 1
    budget_per_day: Annotated[int, Field(ge=1, le=2**53)] = 1
    max_batch: Annotated[int, Field(ge=1, le=MAX_ELEMENTS)] = 1
    informing: Informing | None = None
    awaited: Awaited | None = None
    disclosure_hours: Annotated[int, Field(ge=1, le=MAX_DISCLOSURE_HOURS)] = 72
    """Within how many hours a request for more than a hit tells is decided; then it expires."""
    disclosure_approvals: Annotated[int, Field(ge=1, le=2)] = 1
    """How many persons of the owner must agree before something is given."""
    disclosure_days: Annotated[int, Field(ge=1, le=MAX_DISCLOSURE_DAYS)] = 14
    """How many days what was given waits to be fetched; then the broker deletes it."""
    counts_of: Annotated[tuple[CodeText, ...], Field(strict=False, max_length=100)] = ()
    """Purposes of which aggregates may be read under this one."""
    smallest_cell: Annotated[int, Field(ge=2, le=1_000)] | None = None
    """Counts below this are not shown."""

    @model_validator(mode="after")
    def _fits(self) -> "Purpose":
        if set(self.hidden_from) & set(self.participants):
            raise ValueError("a kind that the purpose is hidden from cannot take part in it")
        senders, receivers, askers = (self.kinds_that(act) for act in ("send", "receive", "query"))
        for sender, row in self.legal_bases.items():
            if sender not in senders | askers or not set(row) <= receivers | askers:
                raise ValueError("legalBases names a kind that neither signals nor asks, or one that is told nothing")
        self._require(_OF_PSEUDONYMS, bool(senders | askers), "somebody sends or queries")
        self._require(_OF_COUNTS, bool(self.kinds_that("count")), "somebody counts")
        if not senders | askers and self.model_fields_set & _OF_DISCLOSURES.keys():
            raise ValueError(f"{', '.join(_OF_DISCLOSURES.values())} stand here when somebody sends or queries")
        if self.urgent_follow_up_hours > self.follow_up_hours:
            raise ValueError("urgentFollowUpHours cannot exceed followUpHours")
        if self.awaited is not None and not {self.awaited.sender, self.awaited.counterpart} <= senders:
            raise ValueError("awaited names kinds that send")
        if self.awaited is not None and self.awaited.days >= self.retention_days:
            raise ValueError("a counterpart is awaited for fewer days than a signal lives, or nobody would be told")
        if self.awaited is not None and self.kinds_that("plant"):
            # A canary would have to count as the counterpart, or the alarm that it does not would give it away.
            raise ValueError("nobody plants under a purpose that awaits a counterpart")
        return self

    def _require(self, names: Mapping[str, str], wanted: bool, when: str) -> None:
        # A setting that nothing would read is as wrong as one that is missing.
        for field, name in names.items():
            if (field in self.model_fields_set) != wanted:
                raise ValueError(f"`{name}` stands here when {when}, and only then")

    def kinds_that(self, act: Act) -> frozenset[AgencyKind]:
        """Return the agency kinds that do this under this purpose."""
        return frozenset(kind for kind, part in self.participants.items() if act in part.acts)

    def bases_of(self, sender: AgencyKind) -> tuple[str, ...]:
        """Return the bases on which this kind may provide; none when it does not send."""
        part = self.participants.get(sender)
        return part.bases if part is not None else ()

    def edge(self, sender: AgencyKind, receiver: AgencyKind) -> tuple[str, ...]:
        """Return the codes of the law on which this receiver kind may be told of this sender kind; none means never."""
        return self.legal_bases.get(sender, {}).get(receiver, ())

    def may_meet(self, one: Role, other: Role) -> bool:
        """Say whether keys of these two roles may match, in either order."""
        return (one, other) in self.roles_that_meet or (other, one) in self.roles_that_meet

    def deadline_hours(self, urgency: Literal["normal", "urgent"]) -> int:
        """Return within how many hours a hit is followed up."""
        return self.urgent_follow_up_hours if urgency == "urgent" else self.follow_up_hours


_OF_PSEUDONYMS: Final = {
    "legal_bases": "legalBases",
    "grounds": "grounds",
    "key_kinds": "keyKinds",
    "roles_that_meet": "rolesThatMeet",
    "retention_days": "retentionDays",
    "follow_up_hours": "followUpHours",
    "urgent_follow_up_hours": "urgentFollowUpHours",
    "budget_per_day": "budgetPerDay",
    "max_batch": "maxBatch",
    "informing": "informing",
}
_OF_DISCLOSURES: Final = {
    "disclosure_hours": "disclosureHours",
    "disclosure_approvals": "disclosureApprovals",
    "disclosure_days": "disclosureDays",
}
_OF_COUNTS: Final = {"counts_of": "countsOf", "smallest_cell": "smallestCell"}
