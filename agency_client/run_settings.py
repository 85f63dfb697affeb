# SPDX-License-Identifier: EUPL-1.2
"""``HOME/run.json``: how ``sluis agency run`` listens and whom it may tell that something waits.

Everything in it has a default, so that the file may be absent. Secrets never stand in it, only where they are. Not
here: the connectors' own files (``connectors/``).
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from agency_client.people.oidc_settings import OidcSettings
from agency_client.telling_settings import TellSettings
from protocol.errors import Code, ConfigurationError, InputError
from protocol.messages import Message, parse

RUN_SETTINGS: Final = "run.json"
_MAX_FILE: Final = 65_536
"""Bytes: some hundred lines of settings; a larger file is another file."""
_FileName = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
_Zone = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]+(/[A-Za-z_+-]+){0,2}$")]
_Origin = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$")]


class TlsSettings(Message):
    """Where this server's certificate and key are, when no proxy in front of it has them."""

    certificate: _FileName
    key: _FileName


class RunSettings(Message):
    """What the file says; each field has a sensible default."""

    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:-]{1,253}$")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8450
    """0 takes a free one."""
    public_url: _Origin | None = None
    """How people's browsers reach the console; needed behind a proxy, and in messages that say that something waits."""
    tls: TlsSettings | None = None
    time_zone: _Zone = "Europe/Amsterdam"
    """In which times are shown to people."""
    tell: TellSettings | None = None
    """Whom to tell by e-mail or webhook that something waits."""
    oidc: OidcSettings | None = None
    """The agency's own identity provider, by which its people log in."""
    local_accounts: bool = True
    """Whether accounts of ``sluis agency people`` log in; off where the provider is the only way in."""
    second_factor: Literal["required", "optional"] = "required"
    """Of local accounts. ``optional`` is for demonstrations: a password alone then opens everything."""


def read_run_settings(home: Path) -> RunSettings:
    """Read the settings of a home; the defaults when there is no file. Raises ``ConfigurationError``."""
    path = home / RUN_SETTINGS
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return RunSettings()
    try:
        if len(raw) > _MAX_FILE:
            raise InputError(Code.TOO_LARGE, "The file is too large.")
        return parse(RunSettings, raw)
    except InputError as error:
        places = ", ".join(issue.location for issue in error.issues) or "the file as a whole"
        raise ConfigurationError(
            Code.SETTINGS_INVALID,
            f"{RUN_SETTINGS} does not have the agreed form: see {places}.",
            hint="docs/operate-agency.md lists every setting.",
        ) from None
