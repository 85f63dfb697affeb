# SPDX-License-Identifier: EUPL-1.2
"""The key-holders' published keys, used only when all of them agree and the log proves that they said so.

A purpose and epoch have one key for ever: once proven it is kept, and another one later is a conflict, not an update.
Not here: evaluating with it (``evaluation.py``).
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

from agency_client.doors import BrokerDoor
from agency_client.signed_versions import SignedVersions
from agency_client.trail import Trail, prove
from agency_client.vault.evidence import EvidenceShelf
from protocol.checkpoint import CosignedCheckpoint
from protocol.commitments import message_digest
from protocol.covenant import Covenant
from protocol.errors import Code, UnavailableError, VerificationError
from protocol.events import KeyStatementPublished
from protocol.ids import Epoch, PurposeId
from protocol.messages import KeyStatement, KeyStatements, KeyStatementsAnswer, LoggedKeyStatement, parse
from protocol.signing import KeyDirectory, verify_key_statement
from protocol.threshold import KeySet, agree


class PublishedKeys:
    """Gives the verified key of a purpose and epoch, from the vault or from the broker."""

    def __init__(
        self,
        shelf: EvidenceShelf,
        broker: BrokerDoor,
        trail: Trail,
        versions: SignedVersions,
        covenant: Covenant,
        clock: Callable[[], datetime],
    ) -> None:
        self._shelf = shelf
        self._broker = broker
        self._trail = trail
        self._versions = versions
        self._covenant = covenant
        self._directory: KeyDirectory = covenant.key_directory()
        self._clock = clock

    async def get(self, purpose: PurposeId, epoch: Epoch) -> KeySet:
        """Return the key; fetches and proves it the first time.

        Raises ``VerificationError`` (``key_statement_invalid``, ``key_statement_conflict``, ``receipt_invalid``, and
        what the trail raises) and ``UnavailableError`` (``not_logged``) while the log does not have it.
        """
        kept = self._shelf.key_statements(purpose, epoch)
        if kept is not None:
            return self._agree(parse(KeyStatements, kept), purpose, epoch)
        return await self.refresh(purpose, epoch)

    async def refresh(self, purpose: PurposeId, epoch: Epoch) -> KeySet:
        """Fetch and prove the key, and compare it with the one kept, if there is one."""
        answer = await self._broker.key_statements(purpose, epoch)
        if answer.checkpoint is None or len(answer.statements) < self._covenant.sharing.holders:
            raise UnavailableError(
                Code.NOT_LOGGED,
                f"The log does not have the key statements of {purpose} for epoch {epoch} yet.",
                hint="The broker fetches them from all key-holders. Try again in a minute.",
            )
        return await self._take(answer, answer.checkpoint, purpose, epoch)

    async def _take(self, answer: KeyStatementsAnswer, note: str, purpose: PurposeId, epoch: Epoch) -> KeySet:
        cosigned = await self._trail.admit(note)
        await asyncio.to_thread(self._versions.fetch, [logged.evidence for logged in answer.statements])
        for logged in answer.statements:
            event = _require_logged(logged, cosigned)
            try:
                self._versions.require(event)
            except VerificationError as error:
                self._shelf.report(error.code, f"key statement of {purpose}", error.detail, self._clock())
                raise
        found = KeyStatements(statements=tuple(logged.signed for logged in answer.statements))
        keys = self._agree(found, purpose, epoch)
        kept = self._shelf.key_statements(purpose, epoch)
        if kept is not None and self._agree(parse(KeyStatements, kept), purpose, epoch).points != keys.points:
            raise VerificationError(
                Code.KEY_STATEMENT_CONFLICT, "The key-holders' keys are not the ones that were proven before."
            )
        self._shelf.put_key_statements(purpose, epoch, found.to_json())
        return keys

    def _agree(self, found: KeyStatements, purpose: PurposeId, epoch: Epoch) -> KeySet:
        now = self._clock()
        stated: list[KeyStatement] = [verify_key_statement(self._directory, signed, now) for signed in found.statements]
        return agree(stated, self._covenant.sharing, purpose, epoch)


def _require_logged(logged: LoggedKeyStatement, cosigned: CosignedCheckpoint) -> KeyStatementPublished:
    event = prove(logged.evidence, cosigned).event
    statement = logged.signed.statement
    if (
        not isinstance(event, KeyStatementPublished)
        or (event.holder, event.epoch, event.act.purpose) != (statement.holder, statement.epoch, statement.purpose)
        or event.statement_digest != message_digest(statement)
    ):
        raise VerificationError(Code.KEY_STATEMENT_INVALID, "The log has another key statement than the broker gives.")
    return event
