# SPDX-License-Identifier: EUPL-1.2
"""Tell people and systems of the agency that something waits for them in the console, and never what.

What came is read from the vault, where a crash leaves it, so nothing is forgotten; what was begun is written down
before it goes out, so nothing is told twice in a row. Not here: when (``telling_rules.py``), the ways
(``telling_mail.py``, ``telling_webhook.py``).
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from agency_client.health import Told
from agency_client.reading import News
from agency_client.running import Running
from agency_client.telling_mail import UncertainError, mail_of, send_mail
from agency_client.telling_rules import ASKS_NOTHING, due, role_of
from agency_client.telling_settings import Recipient, TellSettings, ToldRole
from agency_client.telling_webhook import send_webhook
from agency_client.telling_words import words_for
from agency_client.vault.telling import Offer
from edge.bells import Bell
from protocol.errors import Code, ConfigurationError, SluisError, UnavailableError

LOOK_SECONDS: Final = 15.0
"""How often what is due is looked at; news brings it forward."""
_PAGE: Final = 500
_FOR_FINDINGS: Final[tuple[ToldRole, ...]] = ("operator", "privacy-officer")


@dataclass(slots=True)
class TellTask:
    """Tells the recipients of one agency. ``url`` is the console's own public address."""

    running: Running
    settings: TellSettings
    url: str
    bell: Bell = field(default_factory=Bell)

    async def came(self, news: News) -> None:
        """Look at what was read just now, also where it was asked for again."""
        vault = self.running.session.vault
        until = await asyncio.to_thread(vault.telling.until)
        if until is not None:
            probes = await asyncio.to_thread(vault.probes.signals)
            again = [
                (role_of(one.notice.type), getattr(one.notice, "urgency", None) == "urgent")
                for one in news.verified
                if one.notice.seq <= until
                and one.notice.type not in ASKS_NOTHING
                and getattr(one.notice, "my_signal", None) not in probes
            ]
            await self._want(again, None)
        self.bell.ring()

    async def once(self) -> float:
        """Tell who is to be told now. Returns after how many seconds to look again."""
        if not self.settings.recipients:
            return LOOK_SECONDS
        await self._look()
        names = [one.name for one in self.settings.recipients]
        shelf, now = self.running.session.vault.telling, self.running.clock()
        pending = await asyncio.to_thread(shelf.pending, names)
        mail_away = False
        for recipient in self.settings.recipients:
            known = pending.get(recipient.name)
            moment = None if known is None else due(known, recipient)
            # A mail server that is away is not asked for each of two hundred.
            if moment is not None and moment <= now and not (mail_away and recipient.email is not None):
                told = await self._tell(recipient)
                mail_away = mail_away or (not told and recipient.email is not None)
        await self._note(names)
        return LOOK_SECONDS

    async def _look(self) -> None:
        shelf = self.running.session.vault.telling
        until = await asyncio.to_thread(shelf.until)
        if until is None:
            await asyncio.to_thread(shelf.begin)
            await asyncio.to_thread(shelf.new_finding)
            return
        while True:
            found, upto = await asyncio.to_thread(shelf.news, until, _PAGE)
            if upto == until:
                break
            await self._want([(role_of(one.type), one.urgent) for one in found], upto)
            until = upto
        if await asyncio.to_thread(shelf.new_finding):
            await self._want([(role, True) for role in _FOR_FINDINGS], None)

    async def _want(self, news: list[tuple[ToldRole, bool]], until: int | None) -> None:
        wanted = [
            (recipient.name, any(urgent for role, urgent in news if role == recipient.role))
            for recipient in self.settings.recipients
            if any(role == recipient.role for role, _ in news)
        ]
        if wanted or until is not None:
            now = self.running.clock()
            await asyncio.to_thread(self.running.session.vault.telling.want, wanted, until, now)

    async def _tell(self, recipient: Recipient) -> bool:
        shelf, clock = self.running.session.vault.telling, self.running.clock
        offer = await asyncio.to_thread(shelf.offer, recipient.name, clock())
        try:
            await self._send(recipient, offer, clock())
        except SluisError as error:
            # A webhook that did not answer in time may have taken it all the same.
            may_be_out = isinstance(error, UncertainError) or (
                recipient.webhook is not None and isinstance(error, UnavailableError)
            )
            await asyncio.to_thread(shelf.failed, recipient.name, clock(), may_be_out=may_be_out)
            return False
        await asyncio.to_thread(shelf.told, recipient.name, offer, clock())
        return True

    async def _send(self, recipient: Recipient, offer: Offer, now: datetime) -> None:
        words = words_for(recipient.lang, self.url)
        if recipient.email is not None and self.settings.smtp is not None:
            message = mail_of(self.settings.smtp, recipient.email, words, offer.key, now)
            await asyncio.to_thread(send_mail, self.settings.smtp, message)
            return
        session = self.running.session
        signer = session.identity.sender.signer
        await send_webhook(recipient, words, self.url, offer.key, signer, session.clock)

    async def _note(self, names: list[str]) -> None:
        pending = await asyncio.to_thread(self.running.session.vault.telling.pending, names)
        waiting = sum(one.wanted_at is not None for one in pending.values())
        last = max((one.told_at for one in pending.values() if one.told_at is not None), default=None)
        failing = tuple(sorted(name for name, one in pending.items() if one.failures))
        self.running.note(told=Told(waiting, failing, last))


def require_told(settings: TellSettings | None, public_url: str | None) -> TellSettings | None:
    """Pass when all is there to tell people where to look. Raises ``ConfigurationError``."""
    if settings is not None and settings.recipients and public_url is None:
        raise ConfigurationError(
            Code.SETTINGS_INVALID,
            "run.json says whom to tell, and not where they can look.",
            hint="Give publicUrl: the console's address in their browsers.",
        )
    return settings
