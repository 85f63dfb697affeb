# SPDX-License-Identifier: EUPL-1.2
"""A touched canary in plain words: by whom, when, for which purpose. Only from verified notices, for a supervisor.

Not here: the words of ordinary hits (``wording.py``).
"""

from dataclasses import replace

from agency_client.vault.hits import HitState, KeptHit
from agency_client.wording import Words, title_of
from protocol.covenant import Covenant
from protocol.ids import PartyId, PurposeId
from protocol.notices import QueriedNotice

_SURE = "about nobody: whoever has these data has them from where they were put, or tries them out"


def pushed_words(words: Words, kept: KeptHit, reference: str, cover: PartyId, covenant: Covenant) -> Words:
    """Return in words that somebody signalled about a canary; there is nothing to follow up with a person."""
    notice = kept.notice
    other = None if notice.counterpart is None else notice.counterpart.agency
    text = (
        f"Canary touched: {title_of(other, covenant)} signalled about the person of {reference} on "
        f"{notice.at:%a %d %b %H:%M} UTC, for {_purpose(notice.purpose, covenant)}{_rest(cover, covenant)}"
    )
    if kept.state is HitState.WITHDRAWN:
        text += " Its signal is gone since."
    return replace(words, sentence=text, sure=_SURE, twin=False, deadline=None)


def asked_sentence(notice: QueriedNotice, reference: str, cover: PartyId, covenant: Covenant) -> str:
    """Return in words that somebody asked about a canary."""
    return (
        f"Canary touched: {title_of(notice.asker, covenant)} asked about the person of {reference} on "
        f"{notice.at:%a %d %b %H:%M} UTC, for {_purpose(notice.purpose, covenant)}{_rest(cover, covenant)}"
    )


def _rest(cover: PartyId, covenant: Covenant) -> str:
    return f". It saw an ordinary signal of {title_of(cover, covenant)}; nobody else is told."


def _purpose(name: PurposeId, covenant: Covenant) -> str:
    purpose = covenant.purposes.get(name)
    return name if purpose is None else purpose.title.en
