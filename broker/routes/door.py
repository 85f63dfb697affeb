# SPDX-License-Identifier: EUPL-1.2
"""What every route needs: the service, our public address, and reading who asks. Not here: any route."""

import asyncio
from dataclasses import dataclass
from typing import Final

from fastapi import Request, Response

from broker.service import Broker
from broker.standing import Standing
from edge.requests import SignedRequest, read_signed
from protocol.messages import Message

MAX_SMALL_BODY: Final = 16_384
"""Bytes of any body but a push: a justification has at most some 600 characters."""


@dataclass(frozen=True, slots=True)
class Asked(SignedRequest):
    """A signed request, and the broker under whose covenant it was read: one version from begin to end."""

    broker: Broker


@dataclass(frozen=True, slots=True)
class Door:
    """The service behind its public address."""

    standing: Standing
    public_url: str
    stopping: asyncio.Event
    """Set when the process is asked to stop: long polls and streams end."""

    @property
    def broker(self) -> Broker:
        """The broker of this moment; an act goes on with the one that read its request."""
        return self.standing.broker

    async def read(self, request: Request, max_body: int = MAX_SMALL_BODY) -> Asked:
        """Return the request when a party of the covenant signed it.

        Raises as ``read_signed`` does, and before all else ``UnavailableError`` (``covenant_expired``).
        """
        broker = self.broker
        broker.agreed.require_in_force(broker.clock())
        signed = await read_signed(
            request,
            broker.directory,
            now=broker.clock(),
            public_url=self.public_url,
            nonces=broker.store,
            max_body=max_body,
        )
        return Asked(signed.verified, signed.body, broker)


def answer(message: Message) -> Response:
    """Return a message as JSON."""
    return Response(message.to_json(), media_type="application/json")
