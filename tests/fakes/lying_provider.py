# SPDX-License-Identifier: EUPL-1.2
"""An identity provider without a network, that signs whatever a test wants and can be bent in one place."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from protocol.encoding import b64url

ISSUER = "https://idp.example/realm"
CLIENT = "sluis-police-oost"


@dataclass
class LyingProvider:
    """Honest until bent."""

    now: Callable[[], datetime]
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    claims: dict[str, Any] = field(default_factory=dict)
    """Over the honest claims; None takes one away."""
    header: dict[str, Any] = field(default_factory=dict)
    sign_with: Any = None
    token: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] | None = None
    nonce: str = ""
    status: int = 200
    asked: list[str] = field(default_factory=list)
    challenge: str = ""

    def transport(self) -> httpx.MockTransport:
        """Return what takes the network's place."""
        return httpx.MockTransport(self._answer)

    def visited(self, address: str) -> str:
        """Do what a browser and its person do there; returns the query of the way back."""
        query = parse_qs(urlsplit(address).query)
        self.nonce, self.challenge = query["nonce"][0], query["code_challenge"][0]
        assert query["code_challenge_method"] == ["S256"]
        return f"code=abc&state={query['state'][0]}"

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path)
        if self.status != 200:
            return httpx.Response(self.status, text="gateway")
        if path.endswith("openid-configuration"):
            found = {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}/authorize",
                "token_endpoint": f"{ISSUER}/token",
                "jwks_uri": f"{ISSUER}/keys",
                "userinfo_endpoint": f"{ISSUER}/info",
                "end_session_endpoint": f"{ISSUER}/leave",
            }
            return httpx.Response(200, json={k: v for k, v in {**found, **self.metadata}.items() if v is not None})
        if path.endswith("/keys"):
            return httpx.Response(200, json=KeySet([self.key]).as_dict(private=False))
        if path.endswith("/info"):
            return httpx.Response(200, json=self.info or {"sub": "4711"})
        body = parse_qs(request.content.decode())
        assert body["code_verifier"][0]
        return httpx.Response(
            200, json={"access_token": "a", "token_type": "Bearer", "id_token": self.signed(), **self.token}
        )

    def signed(self) -> str:
        """Return the ID token."""
        moment = int(self.now().timestamp())
        honest = {
            "iss": ISSUER,
            "sub": "4711",
            "aud": CLIENT,
            "exp": moment + 300,
            "iat": moment,
            "nonce": self.nonce,
            "name": "B. Bakker",
            "roles": ["sluis-supervisor"],
        }
        claims = {name: value for name, value in {**honest, **self.claims}.items() if value is not None}
        header = {"alg": "RS256", "kid": "one", **self.header}
        unsigned = f"{b64url(json.dumps(header).encode())}.{b64url(json.dumps(claims).encode())}"
        if header["alg"] == "none":
            return f"{unsigned}."
        if header["alg"] == "HS256":
            # The old confusion: the provider's public key, taken for a secret.
            secret = self.key.as_pem(private=False)
            return f"{unsigned}.{b64url(hmac.digest(secret, unsigned.encode(), hashlib.sha256))}"
        return jwt.encode(header, claims, self.sign_with or self.key, algorithms=[header["alg"]])


def other_curve() -> ECKey:
    """Return a key that the provider never published."""
    return ECKey.generate_key("P-256", {"kid": "one"})
