# SPDX-License-Identifier: EUPL-1.2
"""The acts of follow-up: a person acknowledges a hit, says that there was contact, and closes it with an outcome.

Each is written into the outbox first, and done when the log proves it. While the broker is away it waits there, and
the hit shows the step as being sent. Not here: the list (``vault.follow_ups``), believing what we are told about
lateness and doubts (``inbox.py``).
"""

from collections.abc import Callable
from datetime import datetime

from agency_client.post import Post, Tally
from agency_client.vault import Vault
from agency_client.vault.outbox import NewPosting, PostingKind, new_key
from protocol.covenant import Covenant
from protocol.errors import Code, InputError
from protocol.follow_ups import Acknowledgement, HitOutcome, Step
from protocol.ids import HitId
from protocol.messages import Message


class Following:
    """Takes the steps that people ask for; ``person`` is always the agency's own opaque reference."""

    def __init__(self, vault: Vault, post: Post, covenant: Covenant, clock: Callable[[], datetime]) -> None:
        self._vault = vault
        self._post = post
        self._covenant = covenant
        self._clock = clock

    async def acknowledge(self, hit: HitId, person: str) -> None:
        """Say that a person saw the hit: the purpose's clock stops.

        Raises ``ConflictError`` when a colleague was first; ``UnavailableError`` when it waits in the outbox.
        """
        await self._take(hit, "acknowledged", person)

    async def contacted(self, hit: HitId, person: str) -> None:
        """Say that there was contact with the other agency. Raises as ``acknowledge``."""
        await self._take(hit, "contacted", person)

    async def outcome(self, hit: HitId, code: str, person: str) -> None:
        """Close the hit with what came of it. Raises as ``acknowledge``, and ``InputError`` for an unknown code."""
        if code not in self._covenant.outcomes:
            raise InputError(
                Code.MALFORMED,
                "The covenant has no such outcome.",
                hint=f"Choose one of: {', '.join(self._covenant.outcomes)}.",
            )
        await self._take(hit, "closed", person, code)

    async def _take(self, hit: HitId, step: Step, person: str, code: str | None = None) -> None:
        if code is None:
            kind, path = PostingKind.ACKNOWLEDGEMENT, f"/v1/hits/{hit}/acknowledgement"
            body: Message = Acknowledgement(step="contacted" if step == "contacted" else "acknowledged")
        else:
            kind, path, body = PostingKind.OUTCOME, f"/v1/hits/{hit}/outcome", HitOutcome(outcome=code)
        with self._vault.together():
            purpose = self._vault.follow_ups.ask(hit, step).purpose
            posting = NewPosting(kind, path, new_key(), body.to_json(), purpose, person, str(hit))
            number = self._vault.outbox.put(posting, self._clock())
        await self._post.send(number, Tally())
