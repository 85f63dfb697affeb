# SPDX-License-Identifier: EUPL-1.2
"""Add a party's statement to a covenant's parties: nothing is replaced, and the same statement twice changes nothing.

Not here: the folder (``cli.py``), and whether the parties wanted this one; that is the covenant board's decision.
"""

import re
from typing import TypeVar

from protocol.covenant import Covenant, Parties, PartyStatement, dump_parties
from protocol.covenant_parts import Agency, KeyHolder
from protocol.errors import Code, ConflictError

_Listed = TypeVar("_Listed", bound=Agency | KeyHolder)
_HEAD = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*")


def parties_of(covenant: Covenant) -> Parties:
    """Return the parties that a covenant names."""
    return Parties(
        agencies=covenant.agencies,
        key_holders=covenant.key_holders,
        broker=covenant.named_broker,
        log=covenant.named_log,
    )


def add_party(parties: Parties, statement: PartyStatement) -> Parties:
    """Return the parties with this one added; the same parties when it is there already, word for word.

    Raises ``ConflictError`` (``conflict``) when another statement of the same party, or another broker, is there.
    """
    if statement.agency is not None:
        return parties.model_copy(update={"agencies": _listed(parties.agencies, statement.agency)})
    if statement.key_holder is not None:
        holders = _listed(parties.key_holders, statement.key_holder)
        return parties.model_copy(update={"key_holders": tuple(sorted(holders, key=lambda holder: holder.index))})
    if parties.broker is not None and (parties.broker, parties.log) != (statement.broker, statement.log):
        raise _conflict(parties.broker.id)
    return parties.model_copy(update={"broker": statement.broker, "log": statement.log})


def name_of(statement: PartyStatement) -> str:
    """Return the name of the party that a statement is about."""
    party = statement.agency or statement.key_holder or statement.broker
    return party.id if party is not None else ""


def rewrite(text: str, parties: Parties) -> str:
    """Return ``parties.yaml`` with these parties under the comment that the file begins with."""
    head = _HEAD.match(text)
    return (head[0] if head else "") + dump_parties(parties)


def _listed(there: tuple[_Listed, ...], new: _Listed) -> tuple[_Listed, ...]:
    for party in there:
        if party.id == new.id:
            if party == new:
                return there
            raise _conflict(party.id)
    return (*there, new)


def _conflict(party: str) -> ConflictError:
    return ConflictError(
        Code.CONFLICT,
        f"The covenant already has another statement of {party}.",
        hint="If the parties agreed to the change, edit or remove the old entry in parties.yaml, and run this again.",
    )
