# SPDX-License-Identifier: EUPL-1.2
"""Who calls: a system by its bearer token (RFC 6750), in the Authorization header and nowhere else.

Not here: the tokens themselves (``agency_client/vault/systems.py``).
"""

import asyncio
from typing import Final

from fastapi import Request

from agency_client.running import Running
from agency_client.vault.systems import KeptSystem, Scope
from protocol.errors import AuthenticationError, Code, InputError, RefusedError

SCHEME: Final = {"bearer": {"type": "http", "scheme": "bearer", "description": "One token a system."}}
_BEARER: Final = "bearer "


async def require_system(request: Request, running: Running, scope: Scope) -> KeptSystem:
    """Return the system that calls. Raises ``AuthenticationError``; ``RefusedError`` when it may not do this."""
    given = request.headers.getlist("authorization")
    if len(given) != 1 or given[0][: len(_BEARER)].casefold() != _BEARER:
        raise AuthenticationError(
            Code.TOKEN_MISSING, "There is no bearer token.", hint="Send Authorization: Bearer followed by the token."
        )
    session = running.session
    token = given[0][len(_BEARER) :].strip()
    system = await asyncio.to_thread(session.vault.systems.require, token, session.clock())
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
