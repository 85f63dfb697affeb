# SPDX-License-Identifier: EUPL-1.2
"""Check receipts with covenants alone: what holds, under which version's keys, and under which version it was done.

Covenants come from files, whose bytes the user answers for, or from the board's own signed distribution. Not here: what
makes a receipt hold (``protocol/receipts.py``), the words (``receipt_words.py``), the command (``commands_check.py``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from edge.covenant_trust import CovenantTrust
from protocol.covenant import Covenant
from protocol.covenant_bundle import MAX_BUNDLE
from protocol.errors import Code, ConfigurationError, NotFoundError, UnavailableError, VerificationError
from protocol.receipts import CheckedReceipt, ReceiptTerms, read_receipt, verify_receipt

_OTHER_KEYS: Final = frozenset((Code.LOG_UNKNOWN, Code.CHECKPOINT_INVALID, Code.QUORUM_MISSING))
"""What is wrong with a receipt under keys that are not those of its time."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A receipt that holds, and the covenant under which its event was done, when that is known here."""

    receipt: CheckedReceipt
    covenant: Covenant | None


class Covenants(Protocol):
    """The versions of the covenant that somebody believes."""

    @property
    def signed(self) -> bool:
        """Whether the board's signatures were checked; else their bytes are the user's own matter."""

    def around(self, sha256: str) -> tuple[Covenant, ...]:
        """Return the versions whose keys are likely to count for an event of this version.

        Raises ``VerificationError`` (``covenant_untrusted``) when this version is known to be nobody's.
        """

    def all(self) -> tuple[Covenant, ...]:
        """Return every version that can be had."""


class GivenCovenants:
    """Covenants out of files (``covenant.json``), believed because the user gave them."""

    signed = False

    def __init__(self, files: Iterable[Path]) -> None:
        """Read them. Raises ``ConfigurationError`` for a file that holds no whole covenant."""
        self._found = tuple(map(_read, files))

    def around(self, sha256: str) -> tuple[Covenant, ...]:
        """Return all: each was given on purpose."""
        _ = sha256
        return self._found

    def all(self) -> tuple[Covenant, ...]:
        """Return all of them, in the order given."""
        return self._found


class SignedCovenants:
    """Covenants that a board signed: its current one, the one that an event names, and when need be any other."""

    signed = True

    def __init__(self, trust: CovenantTrust, current: Covenant) -> None:
        self._trust = trust
        self._current = current
        self._earlier: dict[str, Covenant | None] = {current.sha256: current}

    def around(self, sha256: str) -> tuple[Covenant, ...]:
        """Return the version named, unless it cannot be had without its source, and the current one."""
        if sha256 not in self._earlier:
            self._earlier[sha256] = self._look_up(sha256)
        named = self._earlier[sha256]
        return (self._current,) if named is None or named is self._current else (named, self._current)

    def all(self) -> tuple[Covenant, ...]:
        """Return every version that the board signed and that can be had; looked up once."""
        for sha256 in self._trust.versions():
            if sha256 not in self._earlier:
                self._earlier[sha256] = self._look_up(sha256)
        return tuple(one for one in self._earlier.values() if one is not None)

    def _look_up(self, sha256: str) -> Covenant | None:
        try:
            return self._trust.earlier(sha256)
        except UnavailableError:
            return None
        except NotFoundError:
            raise VerificationError(
                Code.COVENANT_UNTRUSTED,
                "The receipt names a version of the covenant that the board never signed.",
                hint="Or it is newer than what was fetched here: try again with the source within reach.",
            ) from None


def check_receipt(raw: bytes, covenants: Covenants) -> Proven:
    """Return what a receipt proves.

    Raises as ``verify_receipt``, and ``VerificationError`` (``covenant_untrusted``) when the version that its event
    names is not one of the board, or has another name there.
    """
    ref = read_receipt(raw).opened.event.act.covenant
    believed = covenants.around(ref.sha256)
    try:
        receipt = verify_receipt(raw, [ReceiptTerms.of(one) for one in believed])
    except VerificationError as error:
        # A checkpoint is signed under the version in force then, which may be neither the event's nor today's.
        if error.code not in _OTHER_KEYS:
            raise
        receipt = verify_receipt(raw, [ReceiptTerms.of(one) for one in covenants.all()])
    named = next((one for one in believed if one.sha256 == ref.sha256), None)
    if named is not None and named.version != ref.version:
        raise VerificationError(
            Code.COVENANT_UNTRUSTED, "The log names a version of the covenant by another name than the board gave it."
        )
    return Proven(receipt, named)


def _read(file: Path) -> Covenant:
    try:
        with file.open("rb") as stream:
            covenant = Covenant.read(stream.read(MAX_BUNDLE + 1))
    except OSError as error:
        raise ConfigurationError(
            Code.COVENANT_INVALID, f"{file.name} cannot be read: {error.strerror}.", hint=f"Looked at {file}."
        ) from None
    covenant.require_complete()
    return covenant
