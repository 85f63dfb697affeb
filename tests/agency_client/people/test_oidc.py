# SPDX-License-Identifier: EUPL-1.2
"""The identity provider's answers: believed only when everything holds."""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from agency_client.people.entering import Provided
from agency_client.people.oidc import KEYS_AGAIN, KNOWN, Begun, Provider
from agency_client.people.oidc_claims import provided
from agency_client.people.oidc_settings import OidcSettings
from edge.keyfile import SecretText
from protocol.errors import AuthenticationError, ConfigurationError, InputError, UnavailableError
from protocol.messages import parse
from tests.fakes.lying_provider import CLIENT, ISSUER, LyingProvider, other_curve

SETTINGS = OidcSettings(
    issuer=ISSUER,
    client_id=CLIENT,
    roles={"sluis-supervisor": ("supervisor",), "sluis-all": ("operator", "supervisor")},
)
BACK = "https://console.example/login/oidc/back"
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one"})


class Clock:
    """A clock that tests move."""

    now = datetime(2026, 11, 9, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


@pytest.fixture
def lying(clock: Clock) -> LyingProvider:
    """Return a provider that is honest so far."""
    return LyingProvider(clock)


@pytest.fixture
def provider(lying: LyingProvider, clock: Clock) -> Provider:
    """Return our side of it."""
    return Provider(SETTINGS, SecretText("client-secret"), BACK, clock, lying.transport())


async def _login(provider: Provider, lying: LyingProvider) -> Provided:
    begun = await provider.begin()
    return await provider.finish(lying.visited(begun.address), begun)


async def test_an_honest_answer_says_who_it_is(provider: Provider, lying: LyingProvider) -> None:
    """Issuer and subject together, the name, and the roles of the settings' table."""
    found = await _login(provider, lying)
    assert found == Provided(f"{ISSUER} 4711", "B. Bakker", frozenset({"supervisor"}), "nl")


async def test_what_is_sent_along_is_fresh_and_hides_the_verifier(provider: Provider) -> None:
    """State, nonce and verifier differ each time; the provider sees only the verifier's hash (RFC 7636)."""
    first, second = await provider.begin(), await provider.begin()
    assert len({first.state, first.nonce, first.verifier, second.state, second.nonce, second.verifier}) == 6
    assert first.verifier not in first.address
    hashed = base64.urlsafe_b64encode(hashlib.sha256(first.verifier.encode()).digest()).rstrip(b"=").decode()
    assert f"code_challenge={hashed}" in first.address
    assert "client-secret" not in first.address


BENT: list[dict[str, Any]] = [
    {"claims": {"iss": "https://evil.example"}},
    {"claims": {"iss": None}},
    {"claims": {"aud": "another-client"}},
    {"claims": {"aud": ["another-client"]}},
    {"claims": {"aud": None}},
    {"claims": {"aud": [CLIENT, "another"], "azp": "another"}},
    {"claims": {"exp": 0}},
    {"claims": {"exp": None}},
    {"claims": {"iat": 4102444800}},
    {"claims": {"nonce": "another"}},
    {"claims": {"nonce": None}},
    {"claims": {"sub": None}},
    {"claims": {"sub": ""}},
    {"claims": {"sub": 4711}},
    {"claims": {"sub": "é" * 300}},
    {"sign_with": OTHER_KEY},
    {"header": {"alg": "none"}},
    {"header": {"alg": "HS256"}},
    {"header": {"alg": "ES256"}, "sign_with": other_curve()},
    {"header": {"alg": "RS512"}},
    {"header": {"kid": "unknown"}},
    {"token": {"id_token": "a.b.c"}},
    {"token": {"id_token": ""}},
    {"token": {"id_token": None}},
    {"token": {"error": "invalid_grant"}},
]


@pytest.mark.parametrize("bent", BENT, ids=str)
async def test_an_answer_that_is_bent_in_one_place_is_refused(
    provider: Provider, lying: LyingProvider, bent: dict[str, Any]
) -> None:
    """Issuer, audience, times, nonce, subject, signature, algorithm, key: each alone stops the login."""
    for name, value in bent.items():
        setattr(lying, name, value)
    with pytest.raises(AuthenticationError):
        await _login(provider, lying)


async def test_a_token_of_another_login_does_not_log_in(provider: Provider, lying: LyingProvider) -> None:
    """The nonce binds it to the browser that began."""
    first, second = await provider.begin(), await provider.begin()
    lying.visited(first.address)
    query = f"code=abc&state={second.state}"
    with pytest.raises(AuthenticationError):
        await provider.finish(query, second)


@pytest.mark.parametrize(
    "query",
    [
        "code=abc&state=another",
        "code=abc",
        "",
        "error=access_denied&state={state}",
        "x=1",
        "code=a&code=b&state={state}",
        "code=a&state={state}&state=x",
    ],
)
async def test_an_answer_to_another_question_is_refused(provider: Provider, lying: LyingProvider, query: str) -> None:
    """A wrong state, none at all, or a no: the token endpoint is never asked."""
    begun = await provider.begin()
    lying.visited(begun.address)
    with pytest.raises(AuthenticationError):
        await provider.finish(query.format(state=begun.state), begun)
    assert not [path for path in lying.asked if path.endswith("/token")]


async def test_an_answer_of_another_provider_is_refused(provider: Provider, lying: LyingProvider) -> None:
    """RFC 9207, against mixing providers up: when an issuer stands in the answer or is promised, it must be ours."""
    begun = await provider.begin()
    query = lying.visited(begun.address)
    with pytest.raises(AuthenticationError):
        await provider.finish(f"{query}&iss=https://evil.example", begun)
    assert await provider.finish(f"{query}&iss={ISSUER}", begun)


async def test_a_promised_issuer_must_be_there(lying: LyingProvider, clock: Clock) -> None:
    """Leaving it out does not help."""
    lying.metadata = {"authorization_response_iss_parameter_supported": True}
    provider = Provider(SETTINGS, None, BACK, clock, lying.transport())
    with pytest.raises(AuthenticationError):
        await _login(provider, lying)


async def test_new_keys_are_found_and_not_asked_for_at_each_forged_token(
    provider: Provider, lying: LyingProvider, clock: Clock
) -> None:
    """A provider changes its keys now and then; a flood of tokens by unknown keys is not passed on to it."""
    await _login(provider, lying)
    lying.key = RSAKey.generate_key(2048, {"kid": "two"})
    lying.header = {"kid": "two"}
    clock.now += KEYS_AGAIN
    assert (await _login(provider, lying)).subject.endswith("4711")
    before = lying.asked.count("/realm/keys")
    lying.header = {"kid": "three"}
    for _ in range(5):
        with pytest.raises(AuthenticationError):
            await _login(provider, lying)
    assert lying.asked.count("/realm/keys") == before
    clock.now += KNOWN
    lying.header = {"kid": "two"}
    await _login(provider, lying)
    assert lying.asked.count("/realm/keys") == before + 1


@pytest.mark.parametrize("status", [500, 503, 404, 302])
async def test_a_provider_that_is_away_is_said_to_be(provider: Provider, lying: LyingProvider, status: int) -> None:
    """Neither a crash nor a wrong password; and no redirect is followed."""
    lying.status = status
    with pytest.raises(UnavailableError):
        await provider.begin()
    assert await provider.farewell("https://console.example/login") is None


async def test_a_provider_that_goes_away_halfway_is_said_to_be(provider: Provider, lying: LyingProvider) -> None:
    """Between the way there and the way back."""
    begun = await provider.begin()
    query = lying.visited(begun.address)
    lying.status = 502
    with pytest.raises(UnavailableError):
        await provider.finish(query, begun)


async def test_roles_may_stand_beside_the_token(provider: Provider, lying: LyingProvider) -> None:
    """Only of the same subject."""
    lying.claims = {"roles": None}
    lying.info = {"sub": "4711", "roles": ["sluis-all"]}
    assert (await _login(provider, lying)).roles == {"operator", "supervisor"}
    lying.info = {"sub": "0815", "roles": ["sluis-all"]}
    with pytest.raises(AuthenticationError):
        await _login(provider, lying)


async def test_what_stands_beside_the_token_cannot_change_what_stands_in_it(
    provider: Provider, lying: LyingProvider
) -> None:
    """The signed words go first."""
    lying.claims = {"roles": None}
    lying.info = {"sub": "4711", "roles": ["sluis-all"], "name": "Iemand Anders"}
    assert (await _login(provider, lying)).display == "B. Bakker"


async def test_the_way_out_has_no_token_in_its_address(provider: Provider) -> None:
    """Addresses stand in histories and logs."""
    address = await provider.farewell("https://console.example/login")
    assert address == (
        f"{ISSUER}/leave?client_id={CLIENT}&post_logout_redirect_uri=https%3A%2F%2Fconsole.example%2Flogin"
    )


@pytest.mark.parametrize(
    "metadata",
    [{"token_endpoint": "http://idp.example/token"}, {"jwks_uri": None}, {"authorization_endpoint": "javascript:1"}],
    ids=str,
)
async def test_addresses_without_https_are_not_used(
    provider: Provider, lying: LyingProvider, metadata: dict[str, Any]
) -> None:
    """Whatever the provider says of itself."""
    lying.metadata = metadata
    with pytest.raises(ConfigurationError):
        await provider.begin()


async def test_a_provider_under_another_name_is_not_used(provider: Provider, lying: LyingProvider) -> None:
    """Its tokens would not hold anyway; better said at once."""
    lying.metadata = {"issuer": "https://idp.example/other"}
    with pytest.raises(ConfigurationError):
        await provider.begin()


def test_an_issuer_without_https_is_refused(clock: Clock) -> None:
    """Except on this very machine, for trying it out."""
    with pytest.raises(ConfigurationError):
        Provider(SETTINGS.model_copy(update={"issuer": "http://idp.example"}), None, BACK, clock)
    Provider(SETTINGS.model_copy(update={"issuer": "http://localhost:9400"}), None, BACK, clock)


@pytest.mark.parametrize(
    ("values", "roles"),
    [
        (["sluis-supervisor"], {"supervisor"}),
        ("sluis-all", {"operator", "supervisor"}),
        (["sluis-all", "sluis-supervisor", "else"], {"operator", "supervisor"}),
        (["else"], set()),
        ([], set()),
        (None, set()),
        ({"sluis-all": True}, set()),
        ([["sluis-all"], 7, None], set()),
        (["supervisor", "system"], set()),
    ],
    ids=str,
)
def test_only_the_table_gives_roles(values: object, roles: set[str]) -> None:
    """A claim's own words never are a role here."""
    assert provided({"sub": "1", "roles": values}, SETTINGS).roles == roles


def test_a_nested_claim_is_found_by_its_dots() -> None:
    """As Keycloak has it; a claim whose name has dots is found too."""
    nested = SETTINGS.model_copy(update={"role_claim": "realm_access.roles"})
    assert provided({"sub": "1", "realm_access": {"roles": ["sluis-all"]}}, nested).roles
    assert provided({"sub": "1", "realm_access.roles": ["sluis-all"]}, nested).roles
    assert not provided({"sub": "1", "realm_access": ["roles"]}, nested).roles


@pytest.mark.parametrize("name", [None, "", "  ", 7, "a\u202eb", "x" * 500])
def test_a_name_is_shown_only_when_it_can_be(name: object) -> None:
    """Otherwise the subject; never longer than a line, never with signs that turn text around."""
    shown = provided({"sub": "4711", "name": name}, SETTINGS).display
    assert shown == "4711" or (len(shown) <= 80 and shown.isprintable())


@pytest.mark.parametrize(
    "said",
    [
        '{"issuer": "ftp://x", "clientId": "a", "roles": {"x": ["operator"]}}',
        '{"issuer": "https://x", "clientId": "a", "roles": {}}',
        '{"issuer": "https://x", "clientId": "a", "roles": {"x": ["system"]}}',
        '{"issuer": "https://x", "clientId": "a", "roles": {"x": []}}',
        '{"issuer": "https://x", "clientId": "a", "roles": {"x": ["operator"]}, "algorithms": ["none"]}',
        '{"issuer": "https://x", "clientId": "a", "roles": {"x": ["operator"]}, "algorithms": ["HS256"]}',
        '{"issuer": "https://x", "clientId": "a", "roles": {"x": ["operator"]}, "clientSecret": "in the open"}',
    ],
)
def test_settings_that_cannot_be_safe_are_refused(said: str) -> None:
    """No algorithm without a key pair, no machine's role, no secret in the file itself."""
    with pytest.raises(InputError):
        parse(OidcSettings, said.encode())


def test_what_was_begun_shows_nothing_of_itself() -> None:
    """In a log line or a traceback."""
    assert "secret" not in repr(Begun("secret", "secret", "secret", "secret"))
