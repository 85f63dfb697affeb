# SPDX-License-Identifier: EUPL-1.2
"""The agency's identity provider: OpenID Connect Core, Authorization Code with PKCE (RFC 7636, S256), state and nonce.

Nothing of an answer is believed before the ID token's signature, issuer, audience, times and nonce hold. Tokens are
dropped once that is done. The library door for OpenID Connect. Not here: who may do what (``oidc_claims.py``).
"""

import hmac
import ssl
import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import authlib.deprecate  # first, since it makes its own warnings heard
import httpx

with warnings.catch_warnings():
    # It prefers a client that its maker renamed; the one that all of this program uses works as well.
    warnings.simplefilter("ignore", authlib.deprecate.AuthlibDeprecationWarning)
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749.errors import MismatchingStateException
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from agency_client.people.entering import Provided
from agency_client.people.oidc_claims import has_roles, provided
from agency_client.people.oidc_settings import OidcSettings
from edge.keyfile import SecretText
from edge.logs import error_fields, logger
from protocol.encoding import b64url
from protocol.errors import AuthenticationError, Code, ConfigurationError, UnavailableError
from protocol.group import random_bytes

DISCOVERY: Final = "/.well-known/openid-configuration"
KNOWN: Final = timedelta(hours=1)
"""How long a provider's addresses and keys are used before they are looked up again."""
KEYS_AGAIN: Final = timedelta(minutes=1)
"""A token by an unknown key makes us look the keys up again, but not for each such token."""
LEEWAY: Final = 60
"""Seconds that the provider's clock may differ from ours."""
SECONDS: Final = 10.0
"""Somebody waits at a screen."""
MAX_ANSWER: Final = 1_000_000
"""Bytes: a large set of keys is some tens of thousands."""
_RANDOM: Final = 32
"""RFC 7636 section 4.1: the verifier has 43 to 128 letters; 32 bytes give 43."""
_HERE: Final = frozenset(("localhost", "127.0.0.1", "::1"))


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that was sent to the provider; the browser keeps it, sealed, until it comes back."""

    address: str = field(repr=False)
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(slots=True)
class _Found:
    """What the provider says of itself, and when it did."""

    metadata: Mapping[str, Any]
    keys: KeySet
    at: datetime


class Provider:
    """One identity provider. ``back`` is where it sends browsers back to."""

    def __init__(
        self,
        settings: OidcSettings,
        secret: SecretText | None,
        back: str,
        clock: Callable[[], datetime],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """``transport`` takes the place of the network. Raises ``ConfigurationError`` for an issuer without https."""
        _require_safe(settings.issuer)
        self._settings = settings
        self._secret = secret
        self._back = back
        self._clock = clock
        self._transport = transport
        self._found: _Found | None = None

    async def begin(self) -> Begun:
        """Return where to send a browser. Raises ``UnavailableError``."""
        found = await self._discovered()
        state, nonce, verifier = (b64url(random_bytes(_RANDOM)) for _ in range(3))
        async with self._client() as client:
            address, _ = client.create_authorization_url(
                found.metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        return Begun(address, state, nonce, verifier)

    async def finish(self, query: str, begun: Begun) -> Provided:
        """Return who came back. ``query`` is what the address of the way back had after its question mark.

        Raises ``AuthenticationError`` (``login_refused``) for an answer that does not hold or says no,
        ``UnavailableError`` when the provider does not answer.
        """
        found = await self._discovered()
        self._require_answer(query, begun.state, found.metadata)
        async with self._client() as client:
            try:
                token = await client.fetch_token(
                    found.metadata["token_endpoint"],
                    authorization_response=f"{self._back}?{query}",
                    state=begun.state,
                    code_verifier=begun.verifier,
                )
            except MismatchingStateException:
                raise mismatch() from None
            except (OAuth2Error, OAuthError) as error:
                raise self._refused(error) from None
            except (httpx.HTTPError, ValueError) as error:
                raise _away(error) from None
            if not isinstance(token, Mapping) or not isinstance(token.get("id_token"), str):
                raise self._refused(ValueError())
            claims = await self._verified(token["id_token"], token.get("access_token"), begun.nonce)
            if not has_roles(claims, self._settings) and "userinfo_endpoint" in found.metadata:
                claims = {**await self._more(client, found.metadata["userinfo_endpoint"], claims["sub"]), **claims}
        return provided(claims, self._settings)

    async def farewell(self, after: str) -> str | None:
        """Return where somebody can log out at the provider too; None when it has no such place, or is away.

        OpenID Connect RP-Initiated Logout 1.0; without a token in the address, which would stand in histories.
        """
        try:
            found = await self._discovered()
        except UnavailableError:
            return None
        place = found.metadata.get("end_session_endpoint")
        if not isinstance(place, str):
            return None
        query = urlencode({"client_id": self._settings.client_id, "post_logout_redirect_uri": after})
        return f"{place}{'&' if '?' in place else '?'}{query}"

    async def _verified(self, id_token: str, access_token: object, nonce: str) -> dict[str, Any]:
        found = await self._discovered()
        try:
            decoded = jwt.decode(id_token, found.keys, algorithms=[*self._settings.algorithms])
        except (InvalidKeyIdError, ValueError):
            found = await self._discovered(older_than=KEYS_AGAIN)
            try:
                decoded = jwt.decode(id_token, found.keys, algorithms=[*self._settings.algorithms])
            except (JoseError, ValueError) as error:
                raise self._refused(error) from None
        except JoseError as error:
            raise self._refused(error) from None
        params = {"nonce": nonce, "client_id": self._settings.client_id, "access_token": access_token}
        options = {
            "iss": {"essential": True, "value": self._settings.issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
            "exp": {"essential": True},
        }
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        try:
            claims.validate(now=int(self._clock().timestamp()), leeway=LEEWAY)
        except (JoseError, ValueError, TypeError) as error:
            raise self._refused(error) from None
        return dict(claims)

    async def _more(self, client: AsyncOAuth2Client, place: str, subject: object) -> dict[str, Any]:
        """Return what the provider says about the person beside the token. Core section 5.3.2: of the same subject."""
        try:
            answer = await client.get(place)
            answer.raise_for_status()
            more = answer.json()
        except (httpx.HTTPError, ValueError, OAuthError) as error:
            raise _away(error) from None
        if not isinstance(more, dict) or more.get("sub") != subject:
            raise self._refused(ValueError())
        return more

    async def _discovered(self, older_than: timedelta = KNOWN) -> _Found:
        found, now = self._found, self._clock()
        if found is None or now - found.at >= older_than:
            async with self._http() as http:
                metadata = await _fetched(http, self._settings.issuer.removesuffix("/") + DISCOVERY)
                if metadata.get("issuer") != self._settings.issuer:
                    raise ConfigurationError(
                        Code.SETTINGS_INVALID, "The identity provider calls itself otherwise than run.json does."
                    )
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    _require_safe(str(metadata.get(name, "")))
                try:
                    keys = KeySet.import_key_set(await _fetched(http, metadata["jwks_uri"]))  # type: ignore[arg-type]
                except (JoseError, ValueError, KeyError, TypeError) as error:
                    raise _away(error) from None
            found = self._found = _Found(metadata, keys, now)
        return found

    def _require_answer(self, query: str, state: str, metadata: Mapping[str, Any]) -> None:
        """Pass for one code that answers this login and is from this provider (RFC 6749 section 4.1.2, RFC 9207).

        Here and not by the library, which looks at the state only where there is a code. Raises
        ``AuthenticationError``.
        """
        said = parse_qs(query, keep_blank_values=True)
        given = said.get("state", [])
        if len(given) != 1 or not hmac.compare_digest(given[0].encode(), state.encode()):
            raise mismatch()
        issuers = said.get("iss", [])
        promised = metadata.get("authorization_response_iss_parameter_supported") is True
        if (issuers or promised) and issuers != [self._settings.issuer]:
            raise mismatch()
        if len(said.get("code", [])) != 1 or "error" in said:
            raise self._refused(OAuthError())

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[AsyncOAuth2Client]:
        settings = self._settings
        async with AsyncOAuth2Client(
            client_id=settings.client_id,
            client_secret=None if self._secret is None else self._secret.reveal(),
            token_endpoint_auth_method="none" if self._secret is None else settings.client_authentication,
            scope=settings.scope,
            redirect_uri=self._back,
            code_challenge_method="S256",
            **self._http_options(),
        ) as client:
            yield client

    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(**self._http_options())

    def _http_options(self) -> dict[str, Any]:
        ca = self._settings.ca_file
        verify: ssl.SSLContext | bool = True if ca is None else ssl.create_default_context(cafile=ca)
        # No redirects and no environment, as for all our calls (edge/transport.py).
        options = {"timeout": SECONDS, "verify": verify, "follow_redirects": False, "trust_env": False}
        return options if self._transport is None else {**options, "transport": self._transport}

    def _refused(self, error: BaseException) -> AuthenticationError:
        logger("agency").warning("login at the provider does not hold", **error_fields(error))
        return AuthenticationError(Code.LOGIN_REFUSED, "The identity provider did not let you in, or not in order.")


def read_secret(path: Path) -> SecretText:
    """Read the client's secret. Raises ``ConfigurationError``."""
    try:
        return SecretText(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(Code.SETTINGS_INVALID, "The file of oidc.clientSecretFile cannot be read.") from None


def mismatch() -> AuthenticationError:
    """Return what somebody is told who comes back with an answer to another question, or to none."""
    return AuthenticationError(Code.LOGIN_REFUSED, "This answer does not belong to a login that was begun here.")


def _away(error: BaseException) -> UnavailableError:
    logger("agency").warning("the identity provider does not answer", **error_fields(error))
    return UnavailableError(Code.UNAVAILABLE, "Your agency's identity provider does not answer now.")


async def _fetched(http: httpx.AsyncClient, address: str) -> dict[str, Any]:
    try:
        answer = await http.get(address)
        answer.raise_for_status()
        found = answer.json() if len(answer.content) <= MAX_ANSWER else None
    except (httpx.HTTPError, ValueError) as error:
        raise _away(error) from None
    if not isinstance(found, dict):
        raise _away(ValueError())
    return found


def _require_safe(address: str) -> None:
    """Pass for https, or http on this very machine. Raises ``ConfigurationError``."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and (parts.hostname or "") in _HERE):
        raise ConfigurationError(Code.SETTINGS_INVALID, "The identity provider must be reached by https.")
