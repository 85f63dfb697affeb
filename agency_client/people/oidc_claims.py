# SPDX-License-Identifier: EUPL-1.2
"""From an identity provider's verified claims to who somebody is here.

Pure. Not here: verifying them (``oidc.py``).
"""

from collections.abc import Mapping
from typing import Any, cast

from agency_client.people.accounts import MAX_DISPLAY
from agency_client.people.entering import Provided
from agency_client.people.oidc_settings import OidcSettings
from edge.languages import LANGS
from protocol.errors import AuthenticationError, Code
from protocol.questions import PersonRole

MAX_SUBJECT = 255
"""OpenID Connect Core section 2: a subject has at most so many ASCII characters."""


def provided(claims: Mapping[str, Any], settings: OidcSettings) -> Provided:
    """Return who these claims are of. Raises ``AuthenticationError`` for claims without a usable subject."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isascii():
        raise AuthenticationError(Code.LOGIN_REFUSED, "The identity provider does not say who you are.")
    shown = _at(claims, settings.name_claim)
    name = " ".join(shown.split())[:MAX_DISPLAY] if isinstance(shown, str) else ""
    locale = claims.get("locale")
    spoken = locale[:2].lower() if isinstance(locale, str) else ""
    return Provided(
        subject=f"{settings.issuer} {subject}",
        display=name if name.isprintable() and name else subject[:MAX_DISPLAY],
        roles=_roles(_at(claims, settings.role_claim), settings.roles),
        language=next((lang for lang in LANGS if lang == spoken), LANGS[0]),
    )


def has_roles(claims: Mapping[str, Any], settings: OidcSettings) -> bool:
    """Say whether these claims speak of roles at all."""
    return _at(claims, settings.role_claim) is not None


def _roles(values: object, table: Mapping[str, tuple[str, ...]]) -> frozenset[PersonRole]:
    names = [values] if isinstance(values, str) else values if isinstance(values, list | tuple) else []
    found = {role for name in names if isinstance(name, str) for role in table.get(name, ())}
    return cast("frozenset[PersonRole]", frozenset(found))


def _at(claims: Mapping[str, Any], path: str) -> object:
    """Return the claim of this whole name, or what is found along its dots; None when there is none."""
    if path in claims:
        return claims[path]
    found: object = claims
    for step in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found
