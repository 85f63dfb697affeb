# SPDX-License-Identifier: EUPL-1.2
"""Refusals in words, in the language of who reads them: the sentences of acts, of the covenant's guards and the broker.

They are made in English where something is refused, since programs read them too. Of what is not known here another
language says what its code means (``edge/code_words.py``), and leaves out the hint. A hint that names a command of the
terminal is never shown: who sits at a screen cannot follow it. Not here: what is wrong with what was filled in
(``issue_words.py``).
"""

import re
from typing import Final, Protocol

from agency_client.console.error_words import known_words, trouble_words
from agency_client.console.languages import N_, Speech
from protocol.errors import Code

REFUSALS: Final = (
    # What is not there.
    N_("There is no such hit."),
    N_("There is no such request."),
    N_("There is no such signal."),
    N_("There is no such signal in this vault."),
    N_("There is no such file."),
    N_("There is no such row."),
    N_("There is no row with this number in quarantine."),
    N_("This hit has no follow-up."),
    N_("No signal has this reference or id."),
    N_("This agency was not told of such a hit."),
    N_("This agency was not told of such a hit, nor whom it is with."),
    N_("This agency has no such request."),
    N_("This agency has no such signal that is live."),
    N_("This agency has no such signal that is live or was withdrawn."),
    N_("The other side has no such thing."),
    N_("This record was not typed here: correct it in the system that it is of."),
    # Hits, and what they release.
    N_("The other agency withdrew its signal; what it released is erased here."),
    N_("The other agency restricted its signal; what it released may not be shown now."),
    N_("You are told when it may be shown again."),
    N_("What this hit releases is not delivered yet."),
    N_("The covenant has no such outcome."),
    # Asking for more, and deciding on it.
    N_("There is nobody to ask about this hit: the other agency is not named, or its signal is gone."),
    N_("The other agency withdrew its signal; what it gave is erased here."),
    N_("The other agency restricted its signal; what it gave may not be shown now."),
    N_("For this purpose two persons decide what is given, and none has approved it yet."),
    N_("Another person than the one who approved it must give it."),
    N_("For this purpose two persons decide, and none approved yet."),
    N_("Another person than the one who approved must give it."),
    N_("For this purpose one person decides."),
    N_("What is asked did not come with the request, so nothing can be given."),
    N_("What was given is not here."),
    N_("The covenant has no such reason to refuse."),
    N_("The covenant has no such topic to ask about."),
    N_("This was asked of your agency, not by it."),
    N_("Your agency asked this itself; the other agency decides."),
    N_("The other agency has no disclosure key in the covenant, so nothing can be sealed to it."),
    N_("Call it; the board can add its key."),
    N_("This agency has no disclosure key, so that nobody can give it anything."),
    N_("The time to decide on this request is over."),
    N_("The time to fetch what was given is over."),
    N_("A signal of this hit has ended; there is nothing to ask about."),
    N_("A signal of this hit has ended; nothing more is given about it."),
    # Own signals.
    N_("This signal does not stand at the broker."),
    N_("This signal does not stand at the broker; there is nothing to review."),
    N_("Nothing was sent. When it is still needed after its end, signal anew, for a new reason."),
    N_("Nothing was sent. Tell the person, or choose an earlier day."),
    # What the covenant says.
    N_("No rule of the covenant allows this."),
    N_("The covenant is not in force at this moment, or its signatures are too old."),
    N_("The agency is suspended in the covenant."),
    N_("This agency is suspended in the covenant."),
    N_("The other agency is suspended in the covenant."),
    N_("Only agencies of the covenant may ask this."),
    N_("This purpose is closed to this kind of agency."),
    N_("This kind of agency does not signal for this purpose."),
    N_("This kind of agency does not ask for this purpose: it is told only of what it signals itself."),
    N_("A signal or question has a kind of key that the purpose does not use."),
    N_("A question needs a reason and a case."),
    N_("The covenant names no law on which this agency may be told of that agency."),
    N_("Your kind of agency does not ask under this purpose."),
    # The covenant's guards that are left.
    N_("This kind of agency makes no pseudonyms for this purpose."),
    N_("This kind of agency plants no canaries for this purpose."),
    N_("The agency whose name a canary bears is suspended in the covenant."),
    N_("The agency whose name a canary bears does not signal for this purpose."),
    N_("This kind of agency is not told of hits for this purpose."),
    N_("The counted purpose is closed to this kind of agency."),
    N_("This kind of agency reads no counts for this purpose."),
    N_("This epoch is not live: make the pseudonyms anew for the current one."),
    N_("A signal needs at least one of the purpose's entry criteria."),
    N_("A signal names an entry criterion that the purpose does not have."),
    N_("The purpose does not give this kind of agency this basis to signal on."),
    N_("A signal may not be kept longer than the purpose's retention."),
    N_("The signal has expired already."),
    N_("Telling the person is put off without a day of review that the purpose allows."),
    N_("An agency is not told of its own signals."),
    N_("The other agency's kind does not signal or ask for this purpose."),
    N_("Reading the log needs one of the four purposes that the law permits."),
    N_("This purpose does not count the signals of that purpose."),
    # Whatever was done.
    N_("Nothing was asked."),
    N_("Nothing was changed."),
    N_("Nothing was sent."),
    N_("Nothing was sent; see the covenant."),
    N_("The broker refused this when it was sent."),
    N_("The log contradicted itself. Both checkpoints are kept as evidence, and nothing is sent or shown."),
    N_("A pack has a first and a last day."),
    N_("Cut the period into several packs; what was read so far stands in the log as exported."),
    N_("There is an account of this name already."),
    N_("The connection ended before the form was whole."),
    N_("A field of the form holds too much, or what cannot be text."),
)
"""Of which the Dutch is in the catalogue."""
FORMED: Final = (
    N_("A signal can be extended at most %(times)s times under this purpose."),
    N_("A signal is extended to a later day, at most %(days)s days from now."),
    N_("Telling the person can be put off by at most %(days)s days, to a day to come."),
    N_("The period has more than %(entries)s entries, which is more than one pack holds."),
)
"""With numbers in them."""
_COMMAND: Final = re.compile(r"`|\bsluis agency\b")
_PLACE: Final = re.compile(r"%\((\w+)\)s")


class Refusal(Protocol):
    """What went wrong, as errors say it."""

    @property
    def code(self) -> Code:
        """Return what kind of thing went wrong."""

    @property
    def detail(self) -> str:
        """Return what went wrong."""

    @property
    def hint(self) -> str | None:
        """Return what to do."""


def detail_said(error: Refusal, speech: Speech) -> str:
    """Return what went wrong in this language: its own sentence, or what its code means where that is not known."""
    for text in FORMED:
        if found := _pattern(text).fullmatch(error.detail):
            numbers = {name: int(number.replace(",", "")) for name, number in found.groupdict().items()}
            return speech.gettext(text) % {name: speech.number(number) for name, number in numbers.items()}
    return trouble_words(error.code, error.detail, speech)


def hint_said(error: Refusal, speech: Speech) -> str:
    """Return what to do; nothing for what is done in a terminal, or not known in this language."""
    if not error.hint or _COMMAND.search(error.hint):
        return ""
    return known_words(error.hint, speech) or ""


def _pattern(text: str) -> re.Pattern[str]:
    parts = _PLACE.split(text)
    return re.compile("".join(f"(?P<{one}>[0-9][0-9,]*)" if n % 2 else re.escape(one) for n, one in enumerate(parts)))
