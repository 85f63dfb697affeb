# SPDX-License-Identifier: EUPL-1.2
"""A covenant with model agencies: two of every kind and state, so that rules can be tried without real parties.

Not here: any decision; the same ``PolicyEngine`` decides for models and for real agencies.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from protocol.covenant import Agency, Covenant, SigningKey, Title
from protocol.covenant_parts import AgencyKind, AgencyState
from protocol.errors import Code, ConfigurationError
from protocol.ids import Epoch, KeyId, PartyId
from protocol.policy import PolicyEngine

KINDS: Final[tuple[AgencyKind, ...]] = get_args(AgencyKind)
EpochName = Literal["current", "in-grace", "closed", "next"]

_NO_KEY: Final = bytes(32)
"""Models never sign; the form asks for a key."""


def model_engine(covenant: Covenant) -> PolicyEngine:
    """Return an engine with the covenant's own rules in which the only agencies are models."""
    agencies = tuple(
        _model(kind, state, other) for kind in KINDS for state in get_args(AgencyState) for other in (False, True)
    )
    return PolicyEngine(replace(covenant, agencies=agencies))


def model_id(kind: AgencyKind, state: AgencyState = "active", *, other: bool = False) -> PartyId:
    """Return the name of the model agency of a kind and state; ``other`` is a second one of that kind."""
    return PartyId(f"model-{kind}-{state}" + ("-other" if other else ""))


def _model(kind: AgencyKind, state: AgencyState, other: bool) -> Agency:
    name = model_id(kind, state, other=other)
    key = SigningKey(id=KeyId(f"{name}:1"), key=_NO_KEY, valid_from=datetime.fromisoformat("2026-01-01T00:00:00Z"))
    title = Title(nl=kind, en=kind)
    return Agency(id=name, kind=kind, title=title, oin="0" * 20, state=state, signing_keys=(key,))


def moment_with_grace(covenant: Covenant) -> datetime:
    """Return a moment in force at which the previous epoch is in its grace.

    Raises ``ConfigurationError`` when the covenant is in force too briefly to have one.
    """
    epoch = max(covenant.epoch_at(covenant.valid_from) + 1, 2)
    moment = covenant.epoch_start(Epoch(epoch)) + timedelta(hours=1)
    if not covenant.in_force(moment):
        raise ConfigurationError(
            Code.COVENANT_INVALID,
            "The covenant ends before its first turn of epochs, so the rules about epochs cannot be tried.",
            hint="Set validUntil later, or epochDays lower.",
        )
    return moment


def epoch_named(covenant: Covenant, moment: datetime, name: EpochName) -> Epoch:
    """Return the epoch that a case speaks of, counted from the one current at this moment."""
    return Epoch(covenant.epoch_at(moment) + {"current": 0, "in-grace": -1, "closed": -2, "next": 1}[name])
