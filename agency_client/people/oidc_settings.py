# SPDX-License-Identifier: EUPL-1.2
"""What ``run.json`` says under ``oidc``: which identity provider, and which of its claims gives which role.

Not here: talking to it (``oidc.py``).
"""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from protocol.messages import Message

PersonRoleName = Literal["coordinator", "supervisor", "privacy-officer", "operator"]
Algorithm = Literal["RS256", "PS256", "ES256", "ES384", "Ed25519"]
"""Signatures by a key pair only: never ``none``, and no HMAC, whose key a provider's public key could be taken for."""
_Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_FileName = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
_Address = Annotated[
    str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$")
]
_ClaimPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_:/-]{1,100}(\.[A-Za-z0-9_:/-]{1,100}){0,4}$")]
DEFAULT_ALGORITHMS: Final[tuple[Algorithm, ...]] = ("RS256", "PS256", "ES256")


class OidcSettings(Message):
    """One provider. The secret never stands in ``run.json``, only the file that it is in."""

    issuer: _Address
    """Exactly as the provider writes it in its tokens; https, or http on this machine for trying it out."""
    client_id: _Text
    client_secret_file: _FileName | None = None
    """Absent for a public client, which PKCE alone protects."""
    client_authentication: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"
    title: _Text = "your agency's account"
    """What the button says after *Log in with*."""
    scope: _Text = "openid profile"
    name_claim: _ClaimPath = "name"
    role_claim: _ClaimPath = "roles"
    """With dots for what is nested, such as Keycloak's ``realm_access.roles``."""
    roles: Annotated[dict[_Text, Annotated[tuple[PersonRoleName, ...], Field(strict=False, min_length=1)]],
                     Field(min_length=1, max_length=50)]  # fmt: skip
    """Value of the claim -> roles here. Who has none of these values is refused."""
    algorithms: Annotated[tuple[Algorithm, ...], Field(strict=False, min_length=1)] = DEFAULT_ALGORITHMS
    ca_file: _FileName | None = None
    """Certificates to trust when the provider's is from the agency's own authority."""
