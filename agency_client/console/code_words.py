# SPDX-License-Identifier: EUPL-1.2
"""What each code of an error means, in plain words: what a page says when it has no words for the error's own sentence.

Errors say in English what went wrong, as exactly as they can, since programs and logs read them. A page in another
language never shows that; it says this. Not here: sentences that are known word for word (``refusals.py``).
"""

from collections.abc import Mapping
from typing import Final

from agency_client.console.languages import N_, Speech
from protocol.errors import Code

CODES_SAID: Final[Mapping[Code, str]] = {
    Code.MALFORMED: N_("Something in what was given cannot be read or used."),
    Code.TOO_LARGE: N_("This is more than fits at once."),
    Code.INVALID_ELEMENT: N_("What was sent as a pseudonym is none."),
    Code.INVALID_IDENTIFIER: N_("What points at a person is missing, or not written as it should be."),
    Code.UNKNOWN_COLUMN: N_("The columns are not the ones that were agreed on."),
    Code.RECORD_UNUSABLE: N_("The record cannot be used as it is."),
    Code.SIGNATURE_MISSING: N_("A message came without its sender's signature."),
    Code.SIGNATURE_INVALID: N_("The signature of a message does not hold."),
    Code.SIGNATURE_STALE: N_("A message was signed too long ago, or the clocks of both sides differ."),
    Code.SIGNATURE_REPLAYED: N_("A message came a second time."),
    Code.DIGEST_MISMATCH: N_("A message was changed on its way."),
    Code.UNKNOWN_KEY: N_("A message was signed with a key that is not known."),
    Code.TOKEN_MISSING: N_("A system did not say which one it is."),
    Code.TOKEN_INVALID: N_("A system is not, or no longer, one of this agency."),
    Code.LOGIN_REFUSED: N_("Logging in did not succeed."),
    Code.POLICY_REFUSED: N_("This is not allowed."),
    Code.BUDGET_EXHAUSTED: N_("Today's budget is used up; it goes on when that is renewed."),
    Code.LOGIN_PAUSED: N_("There were too many tries. Wait some minutes and try again."),
    Code.TOKEN_PAUSED: N_("A system came with too many wrong tokens and must wait."),
    Code.EPOCH_CLOSED: N_("The time of these pseudonyms is over; they have to be made anew."),
    Code.NOT_FOUND: N_("This is not here, or not any more."),
    Code.CONFLICT: N_("This does not fit with what stands there already."),
    Code.ALREADY_DECIDED: N_("This was decided before."),
    Code.SIGNAL_RESTRICTED: N_(
        "A signal of this hit is restricted while it is checked; this waits until that is lifted."
    ),
    Code.IDEMPOTENCY_CONFLICT: N_("The same request was sent before with another content."),
    Code.IN_FLIGHT: N_("The same request is being worked on; wait a moment."),
    Code.PROOF_INVALID: N_("The answer of a key-holder does not hold and is not used."),
    Code.KEY_STATEMENT_INVALID: N_("What a key-holder says of its key does not hold."),
    Code.KEY_STATEMENT_CONFLICT: N_("The keys of the key-holders are not the ones that were proven before."),
    Code.ENVELOPE_INVALID: N_("Something sealed does not open, or is not what it says."),
    Code.RECEIPT_INVALID: N_("The proof that something stands in the log does not hold."),
    Code.CHECKPOINT_INVALID: N_("The state of the log that was given does not hold."),
    Code.QUORUM_MISSING: N_("Too few key-holders answer or confirm the log."),
    Code.LOG_FORKED: N_("The log contradicted itself."),
    Code.LOG_ROLLED_BACK: N_("The log went back: what stood in it is gone."),
    Code.LOG_INCOMPLETE: N_("A part of the log is missing."),
    Code.LOG_ALTERED: N_("An entry of the log is another one now than before."),
    Code.LOG_BACKDATED: N_("An entry of the log has a time that cannot be right."),
    Code.LOG_DOUBLED: N_("The log tells something twice."),
    Code.ENTRY_WITHHELD: N_("An entry of the log that should be shown was held back."),
    Code.PACK_INVALID: N_("A pack of evidence does not hold."),
    Code.LOG_UNKNOWN: N_("This is another log than ours."),
    Code.ERASURE_UNPROVEN: N_("It is not proven that something was erased."),
    Code.NOTICE_MISSING: N_("A notice that should have come is missing."),
    Code.NOTICE_REPLAYED: N_("A notice came a second time."),
    Code.PROBE_UNANSWERED: N_("A test hit did not come."),
    Code.PROBE_LATE: N_("A test hit came too late."),
    Code.COVENANT_UNTRUSTED: N_("This covenant was not signed by the board, or is not newer than ours."),
    Code.UNAVAILABLE: N_("This cannot be reached now. Try again later."),
    Code.NOT_LOGGED: N_("It does not stand in the log yet; wait a moment."),
    Code.COVENANT_EXPIRED: N_("The covenant is not in force now, or its signatures ran out."),
    Code.COVENANT_INVALID: N_("The covenant cannot be used as it is."),
    Code.SETTINGS_INVALID: N_("A setting is not right. An operator has to look."),
    Code.KEY_FILE_INVALID: N_("A file with keys cannot be used. An operator has to look."),
    Code.WRONG_PASSPHRASE: N_("The passphrase of a file with keys is wrong. An operator has to look."),
    Code.INTERNAL: N_("Something went wrong here. What was not confirmed to you was not done."),
}
"""Every code has its sentence."""
UNKNOWN: Final = N_("Something went wrong that Sluis has no words for yet.")
"""Of a code that another version made."""
_SOURCE: Final = "en"
"""The language in which errors are made."""


def code_said(code: str | None, speech: Speech) -> str:
    """Return what a code means."""
    return speech.gettext(next((words for known, words in CODES_SAID.items() if known == code), UNKNOWN))


def known_words(words: str, speech: Speech) -> str | None:
    """Return an error's own sentence as it may be shown: in English as it came, else only where it is translated."""
    if speech.lang == _SOURCE or not words:
        return words
    said = speech.gettext(words)
    return None if said == words else said


def trouble_words(code: str | None, words: str, speech: Speech) -> str:
    """Return an error in this language: its own sentence where that is known, else what its code means."""
    said = known_words(words, speech)
    return code_said(code, speech) if said is None else said


def rule_words(rule: str, says: str, speech: Speech) -> str:
    """Return why a rule of the covenant refuses. The board writes in English; its rules stand in the covenant."""
    said = known_words(says, speech)
    if said is not None:
        return said
    return speech.gettext("A rule of the covenant does not allow this: %(rule)s.") % {"rule": rule}
