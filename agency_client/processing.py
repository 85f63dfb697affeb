# SPDX-License-Identifier: EUPL-1.2
"""Whom a request of the outbox concerns, for the agency's log of processing: a line for each signal.

Not here: writing (``edge/ldv.py``). Spec: ``protocol/spec/ldv.md``.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from agency_client.settlers import SETTLERS
from agency_client.vault.outbox import PUSHES, Posting, PostingKind
from protocol.commitments import tag_digest
from protocol.encoding import unb64url
from protocol.ldv import DataSubject, Work

WORK_OF: Final[Mapping[PostingKind, Work]] = {
    PostingKind.PUSH: Work.PUSH,
    PostingKind.RETAG: Work.RETAGGING,
    **{kind: settler.work for kind, settler in SETTLERS.items()},
}


def subjects_of(posting: Posting) -> Iterator[tuple[Work, DataSubject]]:
    """Yield whom a request concerns, each with the name of his or her line; read only when somebody asks."""
    if posting.kind not in PUSHES:
        if posting.about:
            yield WORK_OF[posting.kind], DataSubject(SETTLERS[posting.kind].about, posting.about)
        return
    for signal in json.loads(posting.body)["signals"]:
        yield Work.SIGNAL, digest_of(unb64url(signal["keys"][0]["tag"]))


def digest_of(tag: bytes) -> DataSubject:
    """Return the data subject that a pseudonym stands for, as the broker's log names it."""
    return DataSubject("urn:sluis:tag-digest", tag_digest(tag).hex())
