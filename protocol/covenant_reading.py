# SPDX-License-Identifier: EUPL-1.2
"""A covenant's files -> its typed parts, with everything that is wrong collected before it is refused.

Spec: ``spec/covenant.md``. Not here: what the parts can answer together (``covenant.py``), one file's text
(``covenant_text.py``), whether the Cedar texts are rules (``policy.py``).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from protocol.covenant_bundle import has_effect
from protocol.covenant_parts import POLICE_LOG_YEARS, BodyKind, Parties, PartyStatement, Terms, Title
from protocol.covenant_purposes import (
    AgencyKinds,
    Disclosures,
    KindOfAgency,
    LegalBases,
    LegalBasis,
    Outcome,
    Outcomes,
    Purpose,
    Reasons,
)
from protocol.covenant_text import Document, TextError, read_document, read_model, refuse
from protocol.errors import ConfigurationError, Issue
from protocol.ids import PurposeId
from protocol.keys import KINDS, check_selectivity
from protocol.messages import Message

TERMS: Final = "covenant.yaml"
PARTIES: Final = "parties.yaml"
SCHEMA: Final = "sluis.cedarschema"
BASES: Final = "vocabulary/legal-bases.yaml"
AGENCY_KINDS: Final = "vocabulary/agency-kinds.yaml"
DISCLOSURES: Final = "vocabulary/disclosures.yaml"
"""Absent in covenants of before there were disclosures, which can still be read."""
OUTCOMES: Final = "vocabulary/outcomes.yaml"
"""Absent in covenants of before there was follow-up, which can still be read."""
REASONS: Final = "vocabulary/reasons.yaml"
"""Absent in covenants of before they said why people look, which can still be read."""
MAX_FILES: Final = 200
"""Files of one bundle: six purposes make some twenty; a bound before anything is read."""

_PURPOSE = re.compile(r"purposes/([a-z][a-z0-9-]{1,62})\.yaml\Z")
_CEDAR = re.compile(r"(base|purposes)/([a-z0-9][a-z0-9-]{1,62})\.cedar\Z")


@dataclass(frozen=True, slots=True)
class Parts:
    """The files' contents: each valid in itself, and all fitting together."""

    terms: Terms
    parties: Parties
    legal_bases: dict[str, LegalBasis]
    agency_kinds: dict[BodyKind, KindOfAgency]
    purposes: dict[PurposeId, Purpose]
    policy_files: dict[str, str]
    outcomes: dict[str, Outcome]
    disclosures: Disclosures | None
    reasons: dict[str, Title]


def read_parts(files: Mapping[str, bytes]) -> Parts:
    """Read a covenant's files. Raises ``ConfigurationError`` (``covenant_invalid``) with an issue per wrong place."""
    return _Reading(files).parts()


def read_party(file: str, text: bytes) -> PartyStatement:
    """Read a party statement; ``file`` is named in errors. Raises ``ConfigurationError`` (``covenant_invalid``)."""
    issues: list[Issue] = []
    document = _document(file, text, issues)
    statement = read_model(PartyStatement, document, issues) if document is not None else None
    if statement is None:
        raise refuse(issues, "The party statement")
    return statement


M = TypeVar("M", bound=Message)


def _document(file: str, text: bytes, issues: list[Issue]) -> Document | None:
    try:
        return read_document(file, text)
    except TextError as error:
        issues.append(Issue(f"{file}:{error.line}", error.code, error.message))
        return None


def _codes(outcomes: Outcomes | None) -> dict[str, Outcome]:
    return {} if outcomes is None else dict(outcomes.outcomes)


class _Reading:
    """One pass over the files that collects everything that is wrong before it refuses."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.issues: list[Issue] = []
        self.documents: dict[str, Document] = {}

    def parts(self) -> Parts:
        self._check_names()
        terms = self._part(TERMS, Terms)
        parties = self._part(PARTIES, Parties)
        bases = self._part(BASES, LegalBases)
        kinds = self._part(AGENCY_KINDS, AgencyKinds)
        disclosures = self._part(DISCLOSURES, Disclosures) if DISCLOSURES in self.files else None
        outcomes = self._part(OUTCOMES, Outcomes) if OUTCOMES in self.files else None
        reasons = self._part(REASONS, Reasons) if REASONS in self.files else None
        purposes = {
            PurposeId(match[1]): self._part(path, Purpose)
            for path in sorted(self.files)
            if (match := _PURPOSE.match(path))
        }
        read = {name: purpose for name, purpose in purposes.items() if purpose is not None}
        if terms is not None and parties is not None:
            self._check_parties(terms, parties)
        if terms is not None and parties is not None and kinds is not None:
            self._check_retention(terms, parties, kinds)
        if terms is not None:
            for name, purpose in read.items():
                self._check_kinds(f"purposes/{name}.yaml", purpose, terms)
        if bases is not None:
            for name, purpose in read.items():
                self._check_bases(f"purposes/{name}.yaml", purpose, bases.bases)
        for name, purpose in read.items():
            self._check_counts(f"purposes/{name}.yaml", purpose, purposes)
        texts = self._policy_texts(purposes)
        if self.issues or terms is None or parties is None or bases is None or kinds is None:
            raise refuse(self.issues, "The covenant")
        why = {} if reasons is None else dict(reasons.reasons)
        return Parts(
            terms, parties, dict(bases.bases), dict(kinds.kinds), read, texts, _codes(outcomes), disclosures, why
        )

    def _check_names(self) -> None:
        if sum(map(has_effect, self.files)) > MAX_FILES:
            self._add(TERMS, "too_many_files", f"More than {MAX_FILES} files in one covenant.")
        for path in sorted(self.files):
            named = path in (TERMS, PARTIES, SCHEMA, BASES, AGENCY_KINDS, DISCLOSURES, OUTCOMES, REASONS)
            known = named or _PURPOSE.match(path) or _CEDAR.match(path)
            if not known and has_effect(path):
                self._add(path, "unknown_file", "Nothing reads this file. Rename or remove it.")
        if not any(_PURPOSE.match(path) for path in self.files):
            self._add("purposes", "missing", "A covenant has at least one purpose: add purposes/<purpose>.yaml.")

    def _part(self, path: str, kind: type[M]) -> M | None:
        if path not in self.files:
            self._add(path, "missing", "This file is missing.")
            return None
        document = _document(path, self.files[path], self.issues)
        if document is None:
            return None
        self.documents[path] = document
        return read_model(kind, document, self.issues)

    def _check_parties(self, terms: Terms, parties: Parties) -> None:
        document = self.documents[PARTIES]
        seen: set[tuple[str, str]] = set()

        def once(what: str, value: str, place: tuple[int | str, ...]) -> None:
            if (what, value) in seen:
                self.issues.append(document.issue(place, "repeated", f"This {what} stands here twice."))
            seen.add((what, value))

        for place, agency in enumerate(parties.agencies):
            once("party id", agency.id, ("agencies", place, "id"))
            once("OIN", agency.oin, ("agencies", place, "oin"))
            for key in agency.signing_keys:
                once("signing key", key.key.hex(), ("agencies", place, "signingKeys"))
            if agency.disclosure_key is not None:
                once("disclosure key", agency.disclosure_key.hex(), ("agencies", place, "disclosureKey"))
            if (own := agency.witness_key) is not None:
                once("witness key", own.public.hex(), ("agencies", place, "witness"))
        for place, holder in enumerate(parties.key_holders):
            once("party id", holder.id, ("keyHolders", place, "id"))
            once("index", str(holder.index), ("keyHolders", place, "index"))
            once("url", holder.url, ("keyHolders", place, "url"))
            once("sealing key", holder.sealing_key.hex(), ("keyHolders", place, "sealingKey"))
            once("witness key", holder.witness_key.public.hex(), ("keyHolders", place, "witness"))
            for key in holder.signing_keys:
                once("signing key", key.key.hex(), ("keyHolders", place, "signingKeys"))
            if holder.index > terms.key_holding.holders:
                text = f"The covenant has {terms.key_holding.holders} key-holders; this is number {holder.index}."
                self.issues.append(document.issue(("keyHolders", place, "index"), "out_of_range", text))
        if parties.log is not None:
            public = parties.log.verifier.public
            for place, agency in enumerate(parties.agencies):
                if (own := agency.witness_key) is not None and own.public == public:
                    text = "This witness key is the log's own: a log that cosigns itself has no witness."
                    self.issues.append(document.issue(("agencies", place, "witness"), "log_is_witness", text))
            for place, holder in enumerate(parties.key_holders):
                if holder.witness_key.public == public:
                    text = "This witness key is the log's own: a log that cosigns itself has no witness."
                    self.issues.append(document.issue(("keyHolders", place, "witness"), "log_is_witness", text))
        if parties.broker is not None:
            once("party id", parties.broker.id, ("broker", "id"))
        if (parties.broker is None) != (parties.log is None):
            self.issues.append(document.issue(("broker",), "missing", "`broker` and `log` go together: add the other."))

    def _check_retention(self, terms: Terms, parties: Parties, kinds: AgencyKinds) -> None:
        police = any((kinds.kinds[agency.kind].within or agency.kind) == "police" for agency in parties.agencies)
        if police and terms.log_retention_years < POLICE_LOG_YEARS:
            text = f"With police among the parties the log is kept for at least {POLICE_LOG_YEARS} years (Wpg 25)."
            self.issues.append(self.documents[TERMS].issue(("logRetentionYears",), "too_short", text))

    def _check_kinds(self, file: str, purpose: Purpose, terms: Terms) -> None:
        try:
            check_selectivity(terms.population, [KINDS[kind] for kind in purpose.key_kinds])
        except ConfigurationError as error:
            for issue in error.issues:
                text = f"`{issue.location}` gives {issue.message} among {terms.population} people."
                self.issues.append(self.documents[file].issue(("keyKinds",), "not_selective", text))

    def _check_counts(self, file: str, purpose: Purpose, others: Mapping[PurposeId, Purpose | None]) -> None:
        for place, name in enumerate(purpose.counts_of):
            other = others.get(PurposeId(name))
            if name not in others or (other is not None and not other.kinds_that("send")):
                text = f"There is no purpose `{name}` in which anybody signals, so there is nothing to count."
                self.issues.append(self.documents[file].issue(("countsOf", place), "unknown_purpose", text))

    def _check_bases(self, file: str, purpose: Purpose, known: Mapping[str, LegalBasis]) -> None:
        places: list[tuple[tuple[int | str, ...], Iterable[str]]] = [
            (("participants", kind, "bases"), part.bases) for kind, part in purpose.participants.items()
        ]
        for sender, row in purpose.legal_bases.items():
            places += [(("legalBases", sender, receiver), codes) for receiver, codes in row.items()]
        for place, codes in places:
            for code in codes:
                if code not in known:
                    text = f"The legal basis `{code}` is not in {BASES}. Add it there, or use one that is."
                    self.issues.append(self.documents[file].issue(place, "unknown_basis", text))

    def _policy_texts(self, purposes: Iterable[PurposeId]) -> dict[str, str]:
        texts: dict[str, str] = {}
        for path in sorted(self.files):
            if path == SCHEMA or _CEDAR.match(path):
                try:
                    texts[path] = self.files[path].decode("utf-8")
                except UnicodeDecodeError:
                    self._add(path, "not_utf8", "Not UTF-8 text. Save the file as UTF-8.")
        wanted = {SCHEMA, *(f"purposes/{name}.cedar" for name in purposes)}
        for path in sorted(wanted - set(self.files)):
            self._add(path, "missing", "This file is missing.")
        if not any(path.startswith("base/") for path in texts):
            self._add("base", "missing", "A covenant has guards: add base/00-guards.cedar.")
        for path in texts:
            match = _CEDAR.match(path)
            if match and match[1] == "purposes" and match[2] not in set(purposes):
                self._add(path, "unknown_file", f"There is no purposes/{match[2]}.yaml. Rename or remove this file.")
        return texts

    def _add(self, path: str, code: str, message: str) -> None:
        self.issues.append(Issue(path, code, message))
