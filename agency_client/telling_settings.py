# SPDX-License-Identifier: EUPL-1.2
"""Whom ``sluis agency run`` tells that something waits, and by which way: the part ``tell`` of ``HOME/run.json``.

Passwords never stand in it, only the files they are in. Not here: what is told (``telling.py``).
"""

import ipaddress
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, model_validator

from edge.languages import Lang
from protocol.messages import Message

MOST_RECIPIENTS: Final = 200
"""More people than any agency has coordinators; a list beyond it is a mailing list, and then it is one address."""
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
_FileName = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
_Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]
_Mail = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}$")]
_Url = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]{1,260}(/[A-Za-z0-9._~/-]{0,500})?$")]
ToldRole = Literal["coordinator", "supervisor", "privacy-officer", "operator"]


class SmtpSettings(Message):
    """The mail server that takes what is told."""

    host: _Host
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    """``none`` only to this machine itself."""
    ca_file: _FileName | None = None
    """Certificates to trust instead of the machine's own."""
    username: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    password_file: _FileName | None = None
    sender: _Mail

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.security == "none" and not is_here(self.host):
            raise ValueError("without TLS only this machine's own mail server can be used")
        if (self.username is None) != (self.password_file is None):
            raise ValueError("a user name and the file of its password go together")
        return self


class Recipient(Message):
    """One person, team or system that is told."""

    name: _Name
    """By which health and the log call it; not a person's name."""
    role: ToldRole = "coordinator"
    """What it is told of: that something waits for people with this role."""
    email: _Mail | None = None
    webhook: _Url | None = None
    lang: Lang = "nl"
    at_most_every_minutes: Annotated[int, Field(ge=1, le=10_080)] = 30
    urgent_at_once: bool = True
    """Whether what is urgent does not wait for the minutes above."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.email is None) == (self.webhook is None):
            raise ValueError("a recipient has an email or a webhook, and not both")
        parts = urlsplit(self.webhook or "")
        if parts.scheme == "http" and not is_here(parts.hostname or ""):
            raise ValueError("without TLS only an address of this machine can be told")
        return self


class TellSettings(Message):
    """Whom to tell."""

    smtp: SmtpSettings | None = None
    recipients: Annotated[tuple[Recipient, ...], Field(strict=False, max_length=MOST_RECIPIENTS)] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len({one.name for one in self.recipients}) != len(self.recipients):
            raise ValueError("two recipients have the same name")
        if self.smtp is None and any(one.email for one in self.recipients):
            raise ValueError("an email needs a mail server: smtp")
        return self


def is_here(host: str) -> bool:
    """Say whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
