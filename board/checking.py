# SPDX-License-Identifier: EUPL-1.2
"""All that can be wrong with a covenant folder, found at once; what ``check`` says and ``build`` refuses.

Beside faults there is what nobody can settle but the board: an assessment or advice that is still to come, an article
that nobody has checked. It is told, and no fault: a covenant is made step by step.
Not here: showing it (``cli.py``), form and fit of the files (``protocol/covenant_reading.py``), a rule's own form
(``protocol/policy_text.py``), cases (``cases.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from board.cases import FiledCase, Tried, read_cases, try_cases
from board.models import model_engine
from protocol.covenant import Covenant
from protocol.covenant_purposes import Purpose
from protocol.covenant_reading import BASES, SCHEMA, TERMS
from protocol.covenant_text import read_document
from protocol.errors import Code, ConfigurationError, Issue
from protocol.policy import PolicyEngine, formatted

NOT_YET: Final = "Not yet"
"""How the text begins of an assessment or advice that is still to come."""
TO_COME: Final = "to_come"


@dataclass(frozen=True, slots=True)
class Checked:
    """A covenant that can be read, its rules and cases, what is wrong with them, and what is left to the board."""

    covenant: Covenant
    engine: PolicyEngine
    cases: tuple[FiledCase, ...]
    issues: tuple[Issue, ...]
    to_settle: tuple[Issue, ...]

    def require_sound(self) -> None:
        """Pass when nothing is wrong. Raises ``ConfigurationError`` (``covenant_invalid``)."""
        if self.issues:
            raise ConfigurationError(
                Code.COVENANT_INVALID,
                f"The covenant has {len(self.issues)} faults, and cannot be signed so.",
                hint="`sluis policy check` lists them all.",
                issues=self.issues,
            )

    def require_assessed(self) -> None:
        """Pass when every assessment and advice is there. Raises ``ConfigurationError`` (``covenant_invalid``).

        Without them a covenant cannot be activated (GDPR 35, LED 27; law.md D-5).
        """
        to_come = [one for one in self.to_settle if one.code == TO_COME]
        if to_come:
            raise ConfigurationError(
                Code.COVENANT_INVALID,
                "An impact assessment or the committee's advice is still to come, so this covenant cannot be signed.",
                hint="Name each with its date. To try the program out with made-up people, build with --example.",
                issues=to_come,
            )


def find_issues(files: Mapping[str, bytes], today: date) -> Checked:
    """Return what is wrong with a covenant folder's files, as of ``today``.

    Raises ``ConfigurationError`` (``covenant_invalid``), with its issues, when they cannot even be read.
    """
    covenant = Covenant.parse(files)
    engine = model_engine(covenant)
    issues: list[Issue] = []
    cases = read_cases(files, issues)
    tried = list(try_cases(engine, cases))
    issues += [one.wrong for one in tried if one.wrong is not None]
    issues += _unformatted(files)
    issues += _overdue(engine, today)
    issues += _without_case(engine, tried)
    return Checked(covenant, engine, tuple(cases), tuple(issues), tuple(_to_settle(files, engine)))


def unformatted(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the Cedar files that are not written as Cedar's formatter writes them, with the text they should have."""
    texts = {path: files[path].decode() for path in sorted(files) if path.endswith(".cedar") and path != SCHEMA}
    return {path: wanted for path, text in texts.items() if (wanted := formatted(text)) != text}


def _unformatted(files: Mapping[str, bytes]) -> Iterator[Issue]:
    for path, wanted in unformatted(files).items():
        pairs = zip(files[path].decode().splitlines(), wanted.splitlines(), strict=False)
        line = next((place for place, (there, new) in enumerate(pairs, 1) if there != new), 1)
        text = "Not written as Cedar's formatter writes it. `sluis policy format FOLDER` does."
        yield Issue(f"{path}:{line}", "unformatted", text)


def _overdue(engine: PolicyEngine, today: date) -> Iterator[Issue]:
    covenant = engine.covenant
    if covenant.valid_until.date() <= today:
        text = f"The covenant's force ended on {covenant.valid_until:%Y-%m-%d}. Agree anew, and set validUntil."
        yield Issue(f"{TERMS}:1", "covenant_over", text)
    for rule in engine.rules.values():
        if rule.review_by < today:
            text = (
                f"{rule.id} was to be reviewed by {rule.review_by}. {rule.owner} decides whether it stays, "
                "and sets a new @review_by."
            )
            yield Issue(rule.place, "review_overdue", text)


def _without_case(engine: PolicyEngine, tried: Sequence[Tried]) -> Iterator[Issue]:
    sound = [one for one in tried if one.wrong is None]
    used = {rule for one in sound if one.filed.allowed for rule in one.decision.policies}
    # A guard taken out changes a DENY case exactly when it is the one that the case names: were it among the others
    # that forbid as well, the case would still be refused by the rule that it names.
    held = {one.decision.rule for one in sound if not one.filed.allowed}
    for rule in engine.rules.values():
        if rule.effect == "permit" and rule.id not in used:
            text = f"No ALLOW case is decided by {rule.id}. Add cases/{rule.purpose}/ALLOW/<sentence>.yaml that is."
            yield Issue(rule.place, "permit_without_case", text)
        if rule.effect == "forbid" and rule.id not in held:
            text = f"Without {rule.id} no DENY case would fail. Add one with `rule: {rule.id}`."
            yield Issue(rule.place, "guard_without_case", text)
    allowed = {one.filed.purpose for one in sound if one.filed.allowed}
    for name in engine.covenant.purposes:
        if name not in allowed:
            text = f"No case of {name} is allowed: what is it for? Add cases/{name}/ALLOW/<sentence>.yaml."
            yield Issue(f"purposes/{name}.yaml:1", "purpose_without_case", text)


# --- What only the board can settle ---


def _to_settle(files: Mapping[str, bytes], engine: PolicyEngine) -> Iterator[Issue]:
    covenant = engine.covenant
    for path, field, text in not_yet(covenant):
        yield read_document(path, files[path]).issue((field,), TO_COME, text)
    document = read_document(BASES, files[BASES])
    used = {code for purpose in covenant.purposes.values() for code in laws_of(purpose)}
    used |= {rule.legal_basis for rule in engine.rules.values()}
    for code, basis in covenant.legal_bases.items():
        if code in used and basis.certainty == "unsure":
            yield document.issue(("bases", code), "unsure", f"Nobody has checked this article: {basis.article}")


def not_yet(covenant: Covenant) -> Iterator[tuple[str, str, str]]:
    """Yield file, field and text of every assessment and advice that is still to come."""
    texts = [(TERMS, "dpia", covenant.terms.dpia)]
    for name, purpose in covenant.purposes.items():
        texts += [(f"purposes/{name}.yaml", "dpia", purpose.dpia), (f"purposes/{name}.yaml", "advice", purpose.advice)]
    yield from (one for one in texts if one[2].startswith(NOT_YET))


def laws_of(purpose: Purpose) -> set[str]:
    """Return the codes of all law that a purpose names: for sending, and for being told."""
    sending = {code for part in purpose.participants.values() for code in part.bases}
    return sending | {code for row in purpose.legal_bases.values() for codes in row.values() for code in codes}
