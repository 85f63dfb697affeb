# SPDX-License-Identifier: EUPL-1.2
"""Read the notices in order, believe what can be verified, and keep a finding for what cannot.

A gap stops the reading: what comes after it may depend on what is held back. A notice that does not hold is passed
over, so that nobody can keep the rest from us, and asked for again every time; so is a hit whose parts did not come.
A counterpart that withdraws takes its parts away at once, and its withdrawal reaches us when it is proven;
parts that stay away longer than ``DELIVERY_GRACE``, while all there is was read and no withdrawal came, are a finding.
Not here: what must hold (``inbox.py``).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from agency_client.awaiting import awaited_of, is_met
from agency_client.doors import BrokerDoor
from agency_client.inbox import Mine, Reader, content_of, signal_of
from agency_client.probe_answers import Answers
from agency_client.states import SignalState
from agency_client.trail import Trail
from agency_client.vault import Vault
from agency_client.vault.outbox import carried_out
from agency_client.vault.signals import Kept, KeptKey
from agency_client.verified import VerifiedLifted, VerifiedNotice, VerifiedRestricted, VerifiedWithdrawal
from edge.ldv import UNLOGGED, Works
from protocol.checkpoint import CosignedCheckpoint
from protocol.disclosures import DisclosureNotice
from protocol.encoding import parse_time
from protocol.errors import Code, VerificationError
from protocol.ids import PurposeId, SignalId
from protocol.ldv import DataSubject, Work
from protocol.messages import Evidence
from protocol.notices import AcknowledgedNotice, ErasedNotice, LateNotice, Notice, NoticePage, OverdueNotice

PAGE: Final = 100
"""Notices asked for at once."""
RETRIED: Final = 20
"""Numbers whose notice did not hold that are asked for again in one reading."""

EXPIRED: Final = "expired"
"""Why a signal ends by itself: nobody changed anything, so nobody waits for an answer."""
DELIVERY_GRACE: Final = timedelta(minutes=10)
"""How long a withdrawal may take from the broker's commit to its proof: seconds, unless witnesses restart just then."""


@dataclass(slots=True)
class News:
    """What one reading brought."""

    verified: list[VerifiedNotice] = field(default_factory=list)
    failures: list[VerificationError] = field(default_factory=list)


class Reading:
    """Reads one agency's notices into its vault."""

    def __init__(
        self,
        vault: Vault,
        broker: BrokerDoor,
        trail: Trail,
        reader: Reader,
        clock: Callable[[], datetime],
        works: Works = UNLOGGED,
    ) -> None:
        self._vault = vault
        self._broker = broker
        self._trail = trail
        self._reader = reader
        self._clock = clock
        self._works = works
        self._turn = asyncio.Lock()
        """One page at a time: the stream, a long poll and a person who asks anew may bring the same one."""
        self._known: dict[SignalId, tuple[Kept, tuple[KeptKey, ...]]] = {}

    async def read(self, wait: float = 0.0) -> News:
        """Read all notices there are; waits at most ``wait`` seconds for the first when there is none.

        Raises what stops the client as a whole: ``log_forked``, ``log_rolled_back``, ``quorum_missing``,
        ``unavailable``.
        What is wrong with one notice is a failure in the result, and a finding in the vault.
        """
        self._trail.require_unstopped()
        news = News()
        async with self._turn:
            await self._retry(news)
        while await self._page(await self._broker.notices(self._vault.hits.last_seq(), PAGE, wait), news):
            wait = 0.0
        await self._ask_lifted(news)
        self._miss(news)
        answers = Answers(self._vault, self._reader.covenant, self._clock)
        if not news.failures:
            answers.note_read()
        answers.assess()
        self._trail.report_if_frozen()
        return news

    def _miss(self, news: News) -> None:
        for seq, since in self._vault.hits.undelivered():
            if self._clock() - since > DELIVERY_GRACE:
                detail = f"What notice {seq} releases was not delivered, and no withdrawal says why."
                hint = "It is asked for again. If it stays away, tell the board: something is held back."
                self._fail(VerificationError(Code.NOTICE_MISSING, detail, hint=hint), seq, news)

    def last_seq(self) -> int:
        """Return the number of the last notice that was read: from where to go on."""
        return self._vault.hits.last_seq()

    def stream(self, after: int) -> AbstractAsyncContextManager[AsyncIterator[NoticePage]]:
        """Open the stream of pages behind a number; each is then to be taken."""
        return self._broker.notice_stream(after)

    async def take(self, page: NoticePage) -> News:
        """Take a page that came by itself, exactly as one that was asked for. Raises as ``read``."""
        self._trail.require_unstopped()
        news = News()
        await self._page(page, news)
        await self._ask_lifted(news)
        return news

    async def _ask_lifted(self, news: News) -> None:
        """Ask for what may be shown again, at once."""
        if any(isinstance(one, VerifiedLifted) for one in news.verified):
            async with self._turn:
                await self._retry(news)

    async def _page(self, page: NoticePage, news: News) -> bool:
        if not page.notices:
            return False
        async with self._turn:
            return await self._take_page(page, news)

    async def _take_page(self, page: NoticePage, news: News) -> bool:
        before = len(news.verified)
        cosigned = await self._admit(page)
        self._write_down(page)
        # One write to the disk a page: a kill within it means that the page is read again.
        with self._vault.together():
            # Nobody else writes meanwhile, so what is looked up once holds for the page.
            last = self._vault.hits.last_seq()
            self._known = self._vault.signals.with_keys(_signals(page.notices))
            for notice in page.notices:
                if not self._take(notice, last, cosigned, news):
                    return False
                last = max(last, notice.seq)
        # Only what was verified leads to the next page: a broker that makes notices up would keep us reading for ever.
        return len(news.verified) > before

    def _write_down(self, page: NoticePage) -> None:
        """Write in the log of processing whom the notices concern, before they are kept."""
        signals = [signal for notice in page.notices if (signal := signal_of(notice)) is not None]
        known = self._vault.signals.with_keys(signals)
        purposes = [known[signal][0].purpose if signal in known else None for signal in signals]
        for purpose in dict.fromkeys(purposes):
            with self._works.do(Work.NOTICES, purpose) as work:
                work.subjects = [
                    (Work.NOTICE, DataSubject("urn:sluis:signal", str(signal)))
                    for signal, its in zip(signals, purposes, strict=True)
                    if its == purpose
                ]

    async def _admit(self, page: NoticePage) -> CosignedCheckpoint:
        if page.checkpoint is None:
            raise VerificationError(
                Code.QUORUM_MISSING, "The broker gave notices without a checkpoint.", hint="Nothing of them is shown."
            )
        # Looked up here, where it may take its time: later a write to the vault is open.
        await asyncio.to_thread(self._reader.versions.fetch, [one for notice in page.notices for one in _shown(notice)])
        return await self._trail.admit(page.checkpoint)

    def _take(self, notice: Notice, last: int, cosigned: CosignedCheckpoint, news: News) -> bool:
        """Take one notice after the one numbered ``last``; returns whether the next may be looked at."""
        content = content_of(notice)
        if notice.seq <= last:
            if self._vault.hits.digest_matches(notice.seq, content) is False and not isinstance(notice, ErasedNotice):
                self._fail(_replayed(notice.seq), notice.seq, news)
            return True
        if notice.seq > last + 1:
            detail = f"Notice {last + 1} is missing: the broker gave {notice.seq} after {last}."
            hint = "Numbers have no gaps, so something is held back. Tell the board."
            self._fail(VerificationError(Code.NOTICE_MISSING, detail, hint=hint), last + 1, news)
            return False
        try:
            self._keep(notice, content, cosigned, news)
        except VerificationError as error:
            self._fail(error, notice.seq, news)
            self._vault.hits.put_refused(notice, content)
        return True

    def _keep(self, notice: Notice, content: bytes, cosigned: CosignedCheckpoint, news: News) -> None:
        verified = self._reader.verify(notice, cosigned, self._mine(notice))
        self._vault.hits.put(verified, content, self._clock())
        if isinstance(verified, VerifiedWithdrawal | VerifiedRestricted) and verified.notice.reason != EXPIRED:
            # In the transaction that erased or hid it: neither is on the disk without the other.
            self._vault.outbox.put(carried_out(verified.notice, self._purpose_of(notice)), self._clock())
        news.verified.append(verified)

    def _purpose_of(self, notice: Notice) -> PurposeId | None:
        signal = signal_of(notice)
        found = None if signal is None else self._known.get(signal)
        return None if found is None else found[0].purpose

    def _mine(self, notice: Notice) -> Mine | None:
        signal = signal_of(notice)
        found = None if signal is None else self._known.get(signal)
        if found is None:
            return None
        mine = Mine(*found, self._ended(found[0]))
        if isinstance(notice, DisclosureNotice):
            return replace(mine, asked=self._vault.disclosures.find(notice.disclosure_id))
        if isinstance(notice, AcknowledgedNotice):
            place = notice.evidence.index
            return replace(mine, changed=self._vault.changes.made_before(notice.my_signal, notice.change, place))
        if isinstance(notice, LateNotice):
            return replace(mine, follow_up=self._vault.follow_ups.of(notice.hit_id))
        return self._waiting(mine, notice.seq) if isinstance(notice, OverdueNotice) else mine

    def _waiting(self, mine: Mine, seq: int) -> Mine:
        kept, covenant = mine.signal, self._reader.covenant
        awaited = awaited_of(covenant, self._reader.agency, kept.purpose)
        # Of a counterpart that was told later, nothing was known then.
        before = [hit for hit in self._vault.hits.of_signal(kept.id) if hit.notice.seq < seq]
        met = awaited is not None and is_met(before, awaited, covenant)
        return replace(mine, registered_at=self._vault.evidence.registered([kept.id]).get(kept.id), met=met)

    def _ended(self, signal: Kept) -> bool:
        now = self._clock()
        return (
            signal.state is SignalState.WITHDRAWN
            or parse_time(signal.expires_at) <= now
            or (signal.epoch is not None and signal.epoch < min(self._reader.covenant.live_epochs(now)))
            or self._vault.hits.taken_back(signal.id)
        )

    async def _retry(self, news: News) -> None:
        undelivered = [seq for seq, _ in self._vault.hits.undelivered()]
        for seq in [*self._vault.hits.refused()[:RETRIED], *undelivered[:RETRIED]]:
            page = await self._broker.notices(seq - 1, 1, 0.0)
            for notice in page.notices[:1]:
                if notice.seq != seq:
                    continue
                self._known = self._vault.signals.with_keys(_signals([notice]))
                cosigned, content = await self._admit(page), content_of(notice)
                known = isinstance(notice, ErasedNotice) or self._vault.hits.digest_matches(seq, content)
                if seq in undelivered and not known:
                    self._fail(_replayed(seq), seq, news)
                    continue
                try:
                    with self._vault.together():
                        self._keep(notice, content, cosigned, news)
                except VerificationError as error:
                    self._fail(error, seq, news)

    def _fail(self, error: VerificationError, seq: int, news: News) -> None:
        news.failures.append(error)
        self._vault.evidence.report(error.code, f"notice {seq}", error.detail, self._clock())


def _replayed(seq: int) -> VerificationError:
    return VerificationError(Code.NOTICE_REPLAYED, f"Notice {seq} was given again with other content.")


def _signals(notices: Iterable[Notice]) -> list[SignalId]:
    return [signal for notice in notices if (signal := signal_of(notice)) is not None]


def _shown(notice: Notice) -> list[Evidence]:
    if isinstance(notice, ErasedNotice):
        return [notice.marker, *([notice.evidence] if notice.evidence is not None else [])]
    return [notice.evidence, notice.act] if isinstance(notice, DisclosureNotice) else [notice.evidence]
