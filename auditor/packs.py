# SPDX-License-Identifier: EUPL-1.2
"""Check an evidence pack on a machine that has never seen the broker, with the covenant alone.

Not here: what must hold (``protocol/evidence_pack.py``, ``edge/pack_pages.py``), the words (``pack_words.py``), the
command (``commands_pack.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.covenant_folder import load_covenant
from edge.covenant_trust import CovenantTrust
from edge.pack_pages import compare_pages
from protocol.covenant import Covenant
from protocol.covenant_bundle import MAX_BUNDLE
from protocol.errors import Code, ConfigurationError, InputError, NotFoundError, UnavailableError, VerificationError
from protocol.evidence_pack import VerifiedPack, read_pack, verify_pack
from protocol.stored_zip import MAX_ARCHIVE

CovenantOf = Callable[[str], Covenant]
"""Returns the covenant of a SHA-256 that the checker trusts. Raises ``NotFoundError`` for one that the board never
signed, ``ConfigurationError`` when it is not the one that was given.
"""


@dataclass(frozen=True, slots=True)
class CheckedPack:
    """A pack that holds, and what was and was not looked into beside it."""

    pack: VerifiedPack
    pages_compared: bool
    unsigned: tuple[str, ...]
    """Versions of the covenant that entries name and that the board never signed, by SHA-256."""
    unknown: tuple[str, ...]
    """Versions of which nobody could be asked."""


def check_pack(raw: bytes, covenant_of: CovenantOf) -> CheckedPack:
    """Return what a pack proves.

    Raises as ``verify_pack`` and ``compare_pages``, and ``VerificationError`` (``covenant_untrusted``) when the board
    never signed the covenant under which it was exported.
    """
    pack = read_pack(raw)
    own = pack.manifest.covenant.sha256
    try:
        # What was given by hand is tried whatever the pack says: a changed manifest is no other covenant.
        covenant = covenant_of.covenant if isinstance(covenant_of, Given) else covenant_of(own)
    except NotFoundError:
        raise VerificationError(
            Code.COVENANT_UNTRUSTED, "The board never signed the covenant under which the pack was exported."
        ) from None
    verified = verify_pack(pack, covenant)
    compared = compare_pages(verified.content, verified.files)
    unsigned, unknown = [], []
    listed = (*verified.content.entries, *verified.content.beside)
    for sha256 in sorted({one.event.act.covenant.sha256 for one in listed} - {own}):
        try:
            covenant_of(sha256)
        except NotFoundError:
            unsigned.append(sha256)
        except (ConfigurationError, UnavailableError, VerificationError):
            unknown.append(sha256)
    return CheckedPack(verified, compared, tuple(unsigned), tuple(unknown))


def read_raw(path: Path) -> bytes:
    """Return a pack's bytes. Raises ``InputError`` when it cannot be read or is larger than any pack."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_ARCHIVE + 1)
    except OSError as error:
        raise InputError(Code.MALFORMED, f"{path} cannot be read: {error.strerror}.") from None
    if len(raw) > MAX_ARCHIVE:
        raise InputError(Code.TOO_LARGE, f"{path} is larger than any pack.")
    return raw


@dataclass(frozen=True, slots=True)
class Given:
    """The one covenant that the checker was given himself, and trusts."""

    covenant: Covenant

    def __call__(self, sha256: str) -> Covenant:
        """Return it when it is the one. Raises ``ConfigurationError``."""
        if sha256 != self.covenant.sha256:
            raise ConfigurationError(Code.COVENANT_INVALID, "This is not the covenant that was given.")
        return self.covenant


def from_file(path: Path) -> Given:
    """Take the covenant from a bundle or a folder. Raises ``ConfigurationError``."""
    if path.is_dir():
        return Given(load_covenant(path))
    try:
        with path.open("rb") as stream:
            return Given(Covenant.read(stream.read(MAX_BUNDLE + 1)))
    except OSError as error:
        raise ConfigurationError(Code.COVENANT_INVALID, f"{path} cannot be read: {error.strerror}.") from None


def from_board(trust: CovenantTrust) -> CovenantOf:
    """Take each version as the board signed it, whenever that was."""
    return trust.earlier
