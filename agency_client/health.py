# SPDX-License-Identifier: EUPL-1.2
"""How a client that stays is doing: whom it reaches, what waits, what stopped, as counts, codes and times only.

A snapshot never changes; the daemon's tasks replace it. Nothing in it is about a person. Not here: finding it out
(``daemon.py``), words for it (the console, ``showing_health.py``).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from protocol.encoding import Json, format_time
from protocol.errors import SluisError

BROKER: Final = "broker"
Listening = Literal["stream", "poll", "away"]
"""How notices come: told at once, asked for again and again, or not at all."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Whether another party answers, since when, and what stood in the way last when it does not."""

    name: str
    ok: bool
    since: datetime
    problem: str | None = None
    """In words, English; ``code`` is what screens translate."""
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that does not go on now, and since when."""

    code: str
    words: str
    since: datetime


@dataclass(frozen=True, slots=True)
class CovenantState:
    """Under which covenant the client acts, and whether it could look for a newer one."""

    version: str
    sha256: str
    until: datetime | None
    """When the signatures behind it run out."""
    looked_at: datetime | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the messages that something waits (e-mail, webhook)."""

    waiting: int = 0
    failing: tuple[str, ...] = ()
    """Recipients, by their name in run.json, that could not be told at the last try; it is tried again."""
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConnectorHealth:
    """How one of the ways in from the agency's own systems is doing."""

    name: str
    kind: str
    enabled: bool
    quarantined: int
    """Rows that wait for repair."""
    problem: str | None
    """What stands in its way, in words; None while all is well."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the client stands with the others. Counts and times only."""

    started_at: datetime
    broker: Reached
    key_holders: tuple[Reached, ...] = ()
    listening: Listening = "away"
    read_at: datetime | None = None
    """When the notices were last read to their end."""
    notice_at: datetime | None = None
    """When a notice last came."""
    waiting: int = 0
    """Signals that were not sent yet."""
    requests: int = 0
    """Requests in the outbox."""
    sent_at: datetime | None = None
    """When the outbox was last empty, or emptied."""
    blocked: Trouble | None = None
    """Why something in the outbox still waits."""
    stopped: str | None = None
    """Why nothing is sent or read any more until somebody looks, in words; None while all goes on."""
    stopped_code: str | None = None
    log_size: int | None = None
    """Entries of the log at the last look as its witness."""
    looked_at: datetime | None = None
    """When the log was last looked at."""
    covenant: CovenantState | None = None
    told: Told = Told()
    retained_at: datetime | None = None
    """When what is over was last erased from the vault."""
    retagging: int = 0
    """Signals that still have to get the new epoch's pseudonyms."""
    connectors: tuple[ConnectorHealth, ...] = ()

    @property
    def works(self) -> bool:
        """Whether everything goes on as it should."""
        reached = (self.broker, *self.key_holders)
        away = self.covenant is not None and self.covenant.trouble is not None
        # A connector whose description cannot be read counts too; one that is switched off does not.
        idle = any((one.enabled or one.kind == "unknown") and one.problem is not None for one in self.connectors)
        hindered = self.blocked or self.stopped or away or self.told.failing or idle
        return all(one.ok for one in reached) and not hindered


def trouble_of(error: SluisError, before: Trouble | None, now: datetime) -> Trouble:
    """Return what an error is for people, since when it lasts."""
    code = error.code.value
    return Trouble(code, error.detail, before.since if before is not None and before.code == code else now)


def health_json(health: Health) -> dict[str, Json]:
    """Return a snapshot for programs."""
    covenant = health.covenant
    return {
        "startedAt": format_time(health.started_at),
        "works": health.works,
        "broker": _reached(health.broker),
        "keyHolders": [_reached(one) for one in health.key_holders],
        "listening": health.listening,
        "readAt": _time(health.read_at),
        "noticeAt": _time(health.notice_at),
        "waiting": health.waiting,
        "requests": health.requests,
        "sentAt": _time(health.sent_at),
        "blocked": _trouble(health.blocked),
        "stopped": health.stopped,
        "stoppedCode": health.stopped_code,
        "logSize": health.log_size,
        "lookedAt": _time(health.looked_at),
        "covenant": None
        if covenant is None
        else {
            "version": covenant.version,
            "sha256": covenant.sha256,
            "until": _time(covenant.until),
            "lookedAt": _time(covenant.looked_at),
            "trouble": _trouble(covenant.trouble),
        },
        "told": {
            "waiting": health.told.waiting,
            "failing": list(health.told.failing),
            "lastAt": _time(health.told.last_at),
        },
        "retainedAt": _time(health.retained_at),
        "retagging": health.retagging,
        "connectors": [
            {
                "name": one.name,
                "kind": one.kind,
                "enabled": one.enabled,
                "quarantined": one.quarantined,
                "problem": one.problem,
            }
            for one in health.connectors
        ],
    }


def _reached(one: Reached) -> dict[str, Json]:
    return {"name": one.name, "ok": one.ok, "since": format_time(one.since), "problem": one.problem, "code": one.code}


def _trouble(one: Trouble | None) -> Json:
    return None if one is None else {"code": one.code, "words": one.words, "since": format_time(one.since)}


def _time(at: datetime | None) -> Json:
    return None if at is None else format_time(at)
