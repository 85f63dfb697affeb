# SPDX-License-Identifier: EUPL-1.2
"""What every route needs: the service, our public address, and reading who asks. Not here: any route."""

import asyncio
from dataclasses import dataclass
from typing import Final

from fastapi import Request, Response

from broker.service import Broker
from edge.requests import SignedRequest, read_signed
from protocol.messages import Message

MAX_SMALL_BODY: Final = 16_384
"""Bytes of any body but a push: a justification has at most some 600 characters."""


@dataclass(frozen=True, slots=True)
class Door:
    """The service behind its public address."""

    broker: Broker
    public_url: str
    stopping: asyncio.Event
    """Set when the process is asked to stop: long polls and streams end."""

    async def read(self, request: Request, max_body: int = MAX_SMALL_BODY) -> SignedRequest:
        """Return the request when a party of the covenant signed it. Raises as ``read_signed`` does."""
        return await read_signed(
            request,
            self.broker.directory,
            now=self.broker.clock(),
            public_url=self.public_url,
            nonces=self.broker.store,
            max_body=max_body,
        )


def answer(message: Message) -> Response:
    """Return a message as JSON."""
    return Response(message.to_json(), media_type="application/json")
