# SPDX-License-Identifier: EUPL-1.2
"""Codes that count once: those of an authenticator app (TOTP, RFC 6238), recovery codes, and the code of a first login.

The library door for TOTP and QR. Not here: who may try how often (``lockout.py``), where secrets are kept.
"""

import base64
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import pyotp

from protocol.group import random_bytes

STEP: Final = 30
"""Seconds a code is valid, as every authenticator app has it."""
DRIFT: Final = 1
"""Steps that a telephone's clock may be off, either way: RFC 6238 section 5.2 recommends at most one."""
SECRET_BYTES: Final = 20
"""RFC 4226 section 4: 160 bits."""
RECOVERY_CODES: Final = 8
_CODE_BYTES: Final = 10
"""80 bits: sixteen letters, which nobody guesses and one can type."""
_GROUP: Final = 4
_MISREAD: Final = str.maketrans("018", "OIB")
"""Base32 has no 0, 1 and 8: who types one misread a letter."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What somebody takes into an authenticator app."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)

    @property
    def spelled(self) -> str:
        """The secret in groups of four, to type over."""
        return _grouped(self.secret, " ")

    @property
    def qr(self) -> str:
        """The QR code as one SVG element, without styles of its own."""
        # Loaded here only: most commands draw nothing.
        import segno

        code = segno.make(self.uri, error="m", micro=False)
        return code.svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=False, svgclass="qr")


def new_secret() -> str:
    """Return a fresh shared secret, in base32."""
    return base64.b32encode(random_bytes(SECRET_BYTES)).decode()


def enrolment(secret: str, name: str, agency: str) -> Enrolment:
    """Return how an app takes a secret in; ``name`` and ``agency`` are how it lists it."""
    return Enrolment(secret, pyotp.TOTP(secret, interval=STEP, name=name, issuer=f"Sluis {agency}").provisioning_uri())


def step_of(secret: str, code: str, now: datetime, last: int) -> int | None:
    """Return the time step that a code is of; None when it is none, or of a step up to ``last``.

    All steps are compared, each in constant time.
    """
    given = "".join(code.split())
    totp, current, found = pyotp.TOTP(secret, interval=STEP), int(now.timestamp()) // STEP, None
    for step in range(current - DRIFT, current + DRIFT + 1):
        same = hmac.compare_digest(totp.generate_otp(step).encode(), given.encode())
        if same and step > last:
            found = step
    return found


def new_code() -> str:
    """Return a fresh code for a person to type: four groups of four letters."""
    return _grouped(base64.b32encode(random_bytes(_CODE_BYTES)).decode().lower(), "-")


def new_codes() -> tuple[str, ...]:
    """Return a fresh set of recovery codes."""
    return tuple(new_code() for _ in range(RECOVERY_CODES))


def as_code(text: str) -> bytes:
    """Return a typed code in its one form, for hashing."""
    return "".join(letter for letter in text.upper() if letter.isalnum()).translate(_MISREAD).encode()


def without(codes: Sequence[bytes], given: bytes) -> tuple[bytes, ...] | None:
    """Return the hashed codes that are left when this one is used; None when it is not among them."""
    found = [hmac.compare_digest(one, given) for one in codes]
    if not any(found):
        return None
    return tuple(one for one, same in zip(codes, found, strict=True) if not same)


Hash = Callable[[str, bytes], bytes]
"""Use, value -> keyed hash (``Database.keyed_hash``)."""


def _grouped(text: str, between: str) -> str:
    return between.join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))
