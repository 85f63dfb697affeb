# SPDX-License-Identifier: EUPL-1.2
"""What is wrong with a signed covenant, in plain words: the library's exceptions as errors of ours.

Not here: finding it (``covenant_trust.py``).
"""

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)

from edge.covenant_fetch import NOT_FOUND
from protocol.errors import Code, ConfigurationError, SluisError, UnavailableError, VerificationError

KEPT: Final = "Nothing of it is used; what was kept before stays. Tell the covenant board and the broker's operator."
_ROLE = re.compile(r"\b(root|targets|snapshot|timestamp)\b")
_WHOSE: Final = {
    "root": "The covenant board's root",
    "targets": "The board's signatures on the covenant",
    "snapshot": "The broker's list of what is signed",
    "timestamp": "The broker's word that this covenant is the current one",
}
_RENEWAL: Final = {
    "root": "Ask the board for a new root: `sluis policy root`, then `sign`.",
    "targets": "Ask the board to sign anew: `sluis policy build`, then `sign`.",
    "snapshot": "The broker renews it by itself while it runs. Is this an old copy?",
    "timestamp": "The broker renews it by itself while it runs. Can this machine reach it, or is this an old copy?",
}


@contextmanager
def told() -> Generator[None, None, None]:
    """Turn what the library raises into ``covenant_expired``, ``covenant_untrusted`` or ``unavailable``."""
    try:
        yield
    except SluisError:
        raise
    except RepositoryError as error:
        raise _fault(error) from None
    except DownloadLengthMismatchError:
        raise _untrusted("The source gave a file that is larger than was signed.") from None
    except DownloadHTTPError as error:
        if error.status_code == NOT_FOUND:
            raise _unavailable("A file of the signed covenant is not there.") from None
        raise _unavailable(f"The source of the covenant answered with HTTP status {error.status_code}.") from None
    except DownloadError:
        raise _unavailable("The source of the covenant cannot be read.") from None
    except OSError as error:
        detail = f"The covenant cannot be kept on this machine: {error.strerror}."
        raise ConfigurationError(Code.COVENANT_INVALID, detail) from None


def _fault(error: RepositoryError) -> VerificationError:
    role = _role(error)
    if isinstance(error, ExpiredMetadataError):
        detail = f"{_WHOSE.get(role, 'A signature on the covenant')} has expired."
        return VerificationError(Code.COVENANT_EXPIRED, detail, hint=_RENEWAL.get(role))
    if isinstance(error, UnsignedMetadataError):
        return _untrusted(f"Too few of those who must sign have signed: {_WHOSE.get(role, 'a part of it')}.")
    if isinstance(error, BadVersionNumberError):
        return _untrusted("The source offers something older than was seen before, or parts that do not go together.")
    if isinstance(error, LengthOrHashMismatchError):
        return _untrusted("The covenant's bytes are not those that were signed.")
    return _untrusted("The signed covenant does not have the agreed form.")


def _role(error: RepositoryError) -> str:
    found = _ROLE.search(str(error))
    return found[1] if found else ""


def _untrusted(detail: str) -> VerificationError:
    return VerificationError(Code.COVENANT_UNTRUSTED, detail, hint=KEPT)


def _unavailable(detail: str) -> UnavailableError:
    return UnavailableError(Code.UNAVAILABLE, detail, hint="Try later; what was kept before stays in use until then.")
