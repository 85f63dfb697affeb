# SPDX-License-Identifier: EUPL-1.2
"""A change as a sentence that a board member reads, in Dutch or English.

What is as agreed in both versions is not said: a sentence about signals means signals with an agreed entry criterion
and kind of key, of a person who is informed as agreed, unless it says otherwise.
Not here: which changes there are (``changes.py``), the sentence's parts (``sentence_parts.py``).
"""

from board.changes import Change
from board.sentence_parts import TELLERS, Speaker
from board.space import AGENCY, OTHER
from board.wording import ACTS_SAID, LEVELS_SAID, WAYS
from edge.languages import either, listed, say
from protocol.questions import LEVELS, action_of


def sentence(speaker: Speaker, change: Change) -> str:
    """Return the change as one sentence, without the rules behind it."""
    values, lang = change.values, speaker.lang
    kinds = speaker.kinds(values[AGENCY])
    levels = [say(LEVELS_SAID[level], lang) for level in LEVELS if level in values.get("level", ())]
    act = say(ACTS_SAID[action_of(change.action)], lang).format(
        other=either(speaker.kinds(values.get(OTHER, ())), lang),
        level=listed(levels, lang),
        about=either([speaker.purpose_title(name) for name in sorted(values.get("about", ()))], lang),
    )
    way = say(WAYS[change.turn.way, len(kinds) > 1], lang)
    more = [part for part in (tell(speaker, change) for tell in TELLERS) if part]
    return f"{listed(kinds, lang)} {way} {act}{''.join(f', {part}' for part in more)}."
