# SPDX-License-Identifier: EUPL-1.2
"""Who calls: a system by its bearer token (RFC 6750), in the Authorization header and nowhere else.

Not here: the tokens themselves (``agency_client/vault/systems.py``), how often one may be wrong (``wrong_tokens.py``).
"""

import asyncio
from typing import Final

from fastapi import Request

from agency_client.api.described import Routes
from agency_client.api.wrong_tokens import caller_of
from agency_client.people.gate import address_of
from agency_client.vault.systems import KeptSystem, Scope, name_in
from protocol.errors import AuthenticationError, Code, InputError, RefusedError

SCHEME: Final = {"bearer": {"type": "http", "scheme": "bearer", "description": "One token a system."}}
_BEARER: Final = "bearer "


async def require_system(request: Request, routes: Routes, scope: Scope) -> KeptSystem:
    """Return the system that calls.

    Raises ``AuthenticationError``; ``RefusedError`` when it may not do this, or came with too many wrong tokens.
    """
    given = request.headers.getlist("authorization")
    if len(given) != 1 or given[0][: len(_BEARER)].casefold() != _BEARER:
        raise AuthenticationError(
            Code.TOKEN_MISSING, "There is no bearer token.", hint="Send Authorization: Bearer followed by the token."
        )
    session, wrong = routes.running.session, routes.wrong_tokens
    token = given[0][len(_BEARER) :].strip()
    caller = caller_of(address_of(request.client.host if request.client is not None else ""), name_in(token))
    wrong.require_unpaused(caller, session.clock())
    try:
        system = await asyncio.to_thread(session.vault.systems.require, token, session.clock())
    except AuthenticationError:
        wrong.count(caller, session.clock())
        raise
    if scope not in system.may:
        raise RefusedError(
            Code.POLICY_REFUSED,
            f"This system may not use {scope}.",
            hint=f"`sluis agency systems add` with --may {scope} gives that.",
        )
    return system


async def read_json(request: Request, most: int) -> bytes:
    """Return the body. Raises ``InputError`` when it is no JSON by its type, or larger than ``most`` bytes."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind != "application/json":
        raise InputError(Code.MALFORMED, "The body is not JSON.", hint="Send Content-Type: application/json.")
    body = await request.body()
    if len(body) > most:
        raise InputError(Code.TOO_LARGE, f"The body is larger than {most:,} bytes.", hint="Send fewer records.")
    return body
