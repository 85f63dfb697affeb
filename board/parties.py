# SPDX-License-Identifier: EUPL-1.2
"""Add a party's statement to a covenant's parties, or replace it; the same statement twice changes nothing.

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


def add_party(parties: Parties, statement: PartyStatement, *, replace: bool = False) -> Parties:
    """Return the parties with this one added; the same parties when it is there already, word for word.

    Raises ``ConflictError`` (``conflict``) when another statement of the same party is there, unless ``replace`` says
    that the new one comes in its place; and always for a broker of another name. Whether an agency is suspended stays
    as it is.
    """
    if statement.agency is not None:
        states = {agency.id: agency.state for agency in parties.agencies}
        new = statement.agency.model_copy(update={"state": states.get(statement.agency.id, statement.agency.state)})
        return parties.model_copy(update={"agencies": _listed(parties.agencies, new, replace)})
    if statement.key_holder is not None:
        holders = _listed(parties.key_holders, statement.key_holder, replace)
        return parties.model_copy(update={"key_holders": tuple(sorted(holders, key=lambda holder: holder.index))})
    there = parties.broker
    if there is not None and there.id != name_of(statement):
        raise ConflictError(
            Code.CONFLICT,
            f"The covenant already has another broker, {there.id}.",
            hint="If the parties agreed to the change, remove broker and log from parties.yaml, and run this again.",
        )
    if there is not None and (there, parties.log) != (statement.broker, statement.log) and not replace:
        raise _conflict(there.id)
    return parties.model_copy(update={"broker": statement.broker, "log": statement.log})


def name_of(statement: PartyStatement) -> str:
    """Return the name of the party that a statement is about."""
    party = statement.agency or statement.key_holder or statement.broker
    return party.id if party is not None else ""


def rewrite(text: str, parties: Parties) -> str:
    """Return ``parties.yaml`` with these parties under the comment that the file begins with."""
    head = _HEAD.match(text)
    return (head[0] if head else "") + dump_parties(parties)


def changed(before: Parties, after: Parties, name: str) -> list[str]:
    """Return which fields of a party's statement differ, as they stand in the file."""
    old, new = (_fields(parties, name) for parties in (before, after))
    return sorted(field for field in {*old, *new} if old.get(field) != new.get(field))


def _fields(parties: Parties, name: str) -> dict[str, object]:
    if parties.broker is not None and parties.broker.id == name:
        return {**parties.broker.model_dump(by_alias=True), "log": parties.log}
    listed: tuple[Agency | KeyHolder, ...] = (*parties.agencies, *parties.key_holders)
    return next((one.model_dump(by_alias=True) for one in listed if one.id == name), {})


def _listed(there: tuple[_Listed, ...], new: _Listed, replace: bool) -> tuple[_Listed, ...]:
    old = next((party for party in there if party.id == new.id), None)
    if old is None:
        return (*there, new)
    if old != new and not replace:
        raise _conflict(old.id)
    return tuple(new if party is old else party for party in there)


def _conflict(party: str) -> ConflictError:
    return ConflictError(
        Code.CONFLICT,
        f"The covenant already has another statement of {party}.",
        hint="If the parties agreed to the change, and you compared the keys, run this again with --replace.",
    )
