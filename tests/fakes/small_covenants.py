# SPDX-License-Identifier: EUPL-1.2
"""A covenant small enough to ask everything of it, and changes to it: one purpose, real guards, few codes.

Not here: any comparison; the tests compare.
"""

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from board.models import model_engine
from protocol.covenant import Covenant
from protocol.covenant_parts import AgencyKind
from protocol.covenant_text import dump
from protocol.ids import PurposeId
from protocol.policy import PolicyEngine
from protocol.policy_text import split_policies
from tests.fakes.covenants import policy_files

PURPOSE = PurposeId("small-purpose")
KINDS: tuple[AgencyKind, ...] = ("police", "care")
"""The kinds that are asked about; the covenant speaks of no others."""

_FILES = policy_files()
_GUARDS = {
    part.text.partition('@id("')[2].partition('"')[0]: part.text
    for part in split_policies("base/00-guards.cedar", _FILES["base/00-guards.cedar"].decode())
}
_CONDITIONS = {
    "evaluate": ("true", 'principal.kind == "police"', "context.epochLive"),
    "push": ("true", 'principal.kind == "care" || context.basisAgreed', "context.withinRetention && !context.expired"),
    "plant": ('principal.kind == "police"', 'context.cover.kind == "care"', "!context.keyKindsAgreed"),
    "query": ("true", "context.justified", 'principal.state == "active"'),
    "notify": (
        'context.level == "existence"',
        'context.quality == "hit" && ["existence", "agency"].contains(context.level)',
        'principal.kind == "care" && context.sender.kind == "police"',
        "context.own || context.lawful",
    ),
    "requestDisclosure": ('context.role == "coordinator"', 'context.other.state == "active"'),
    "decideDisclosure": ('context.role == "coordinator"', 'context.role == "system" && context.lawful'),
    "readEvents": ('context.scope == "own"', 'context.logPurpose == "self-monitoring" || context.role == "supervisor"'),
    "subjectRequest": ('context.role == "privacy-officer"', "true"),
    "eraseSignal": ('context.role == "supervisor"', "true"),
    "readStatistics": ("context.aboutCounted", "!context.aboutHidden"),
}


@dataclass(frozen=True)
class Small:
    """What varies between two versions of the small covenant."""

    acts: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"police": ("send", "receive", "plant"), "care": ("send", "receive", "query")}
    )
    edges: tuple[tuple[str, str], ...] = (("police", "care"), ("care", "police"), ("care", "care"))
    bases: tuple[str, ...] = ("consent",)
    grounds: tuple[str, ...] = ("worry",)
    key_kinds: tuple[str, ...] = ("bsn",)
    retention: int = 30
    deferral: int = 10
    permits: tuple[tuple[str, int], ...] = tuple((action, 0) for action in _CONDITIONS)
    """An action and which of its conditions."""
    without: frozenset[str] = frozenset()
    """Guards taken out."""
    opposite: frozenset[str] = frozenset()
    """Guards that forbid when they did not."""

    def engine(self) -> PolicyEngine:
        """Return an engine of models."""
        return model_engine(Covenant.parse(self.files()))

    def files(self) -> dict[str, bytes]:
        """Return the covenant's files."""
        aside = ("purposes/", "cases/", "base/")
        files = {path: content for path, content in _FILES.items() if not path.startswith(aside)}
        files[f"purposes/{PURPOSE}.yaml"] = self._purpose().encode()
        files[f"purposes/{PURPOSE}.cedar"] = "\n".join(_permit(*one) for one in self.permits).encode()
        guards = [self._guard(name, text) for name, text in _GUARDS.items() if name not in self.without]
        files["base/00-guards.cedar"] = "\n".join(guards).encode()
        return files

    def _guard(self, name: str, text: str) -> str:
        if name not in self.opposite:
            return text
        turned = text.replace("\nwhen", "\nWHEN").replace("\nunless", "\nwhen").replace("\nWHEN", "\nunless")
        assert turned != text
        return turned

    def _purpose(self) -> str:
        title = {"nl": "Klein", "en": "Small"}
        told = {kind for kind, acts in self.acts.items() if {"receive", "query"} & set(acts)}
        provides = {kind for kind, acts in self.acts.items() if {"send", "query"} & set(acts)}
        rows: dict[str, dict[str, list[str]]] = {}
        for sender, receiver in sorted(self.edges):
            if sender in provides and receiver in told:
                rows.setdefault(sender, {})[receiver] = ["wgs-partnership"]
        return dump(
            {
                "title": title,
                "explanation": title,
                "dpia": "x",
                "advice": "x",
                "processingActivity": "urn:sluis:test:small",
                "participants": {
                    kind: {"acts": list(acts), **({"bases": list(self.bases)} if "send" in acts else {})}
                    for kind, acts in self.acts.items()
                },
                "legalBases": dict(rows),
                "grounds": dict.fromkeys(self.grounds, title),
                "keyKinds": list(self.key_kinds),
                "rolesThatMeet": [["subject", "subject"]],
                "retentionDays": self.retention,
                "followUpHours": 2,
                "urgentFollowUpHours": 1,
                "budgetPerDay": 5,
                "maxBatch": 5,
                "informing": {"deferralDays": self.deferral, "consultFrom": 12, "ownFrom": 16},
                **(
                    {"countsOf": [PURPOSE], "smallestCell": 5}
                    if any("count" in acts for acts in self.acts.values())
                    else {}
                ),
            }
        )


def _permit(action: str, place: int) -> str:
    return (
        f'@id("small-purpose.{action.lower()}-{place}")\n@says("It may.")\n@legal_basis("covenant")\n'
        f'@purpose("{PURPOSE}")\n@owner("covenant-board")\n@review_by("2027-11-01")\n'
        f'permit (principal is Agency, action == Action::"{action}", resource == Purpose::"{PURPOSE}")\n'
        f"when {{ {_CONDITIONS[action][place]} }};\n"
    )


def _acts(small: Small) -> st.SearchStrategy[Small]:
    # Police keep sending, so that the settings of a purpose that gathers signals have their place.
    police = st.sets(st.sampled_from(("receive", "query", "plant", "count"))).map(lambda acts: ("send", *sorted(acts)))
    care = st.sets(st.sampled_from(("send", "receive", "query", "plant")), min_size=1).map(
        lambda acts: tuple(sorted(acts))
    )
    return st.builds(lambda one, two: replace(small, acts={"police": one, "care": two}), police, care)


_PERMITS = [(action, place) for action, conditions in _CONDITIONS.items() for place in range(len(conditions))]
_EDGES = [(sender, receiver) for sender in KINDS for receiver in KINDS]
_GUARD_SETS = st.frozensets(st.sampled_from(sorted(_GUARDS)), max_size=3)


def changed(small: Small) -> st.SearchStrategy[Small]:
    """Return strategies of a covenant that differs in one thing, or in a few of one sort."""
    return st.one_of(
        _acts(small),
        st.sets(st.sampled_from(_EDGES)).map(lambda edges: replace(small, edges=tuple(sorted(edges)))),
        st.sets(st.sampled_from(("consent", "legal-duty")), min_size=1).map(
            lambda bases: replace(small, bases=tuple(sorted(bases)))
        ),
        st.sets(st.sampled_from(("worry", "debts")), min_size=1).map(
            lambda grounds: replace(small, grounds=tuple(sorted(grounds)))
        ),
        st.sets(st.sampled_from(("bsn", "skn")), min_size=1).map(
            lambda kinds: replace(small, key_kinds=tuple(sorted(kinds)))
        ),
        st.sampled_from((1, 29, 31, 400)).map(lambda days: replace(small, retention=days)),
        st.sampled_from((1, 9, 11, 300)).map(lambda days: replace(small, deferral=days)),
        st.sets(st.sampled_from(_PERMITS)).map(lambda permits: replace(small, permits=tuple(sorted(permits)))),
        _GUARD_SETS.map(lambda guards: replace(small, without=guards)),
        _GUARD_SETS.map(lambda guards: replace(small, opposite=guards)),
    )
