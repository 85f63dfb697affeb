# SPDX-License-Identifier: EUPL-1.2
"""Where a database's password comes from: a file of its own, or a variable of this program's environment.

Not here: what is done with it (``sql.py``).
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.keyfile import SecretText
from protocol.errors import Code, ConfigurationError

MAX_PASSWORD: Final = 4_096
"""Bytes: a token of a database service is a few hundred."""


@dataclass(frozen=True, slots=True)
class PasswordFrom:
    """Reads passwords, at every look anew, so that a changed one needs no restart."""

    environment: Mapping[str, str] = field(repr=False)

    def read(self, folder: Path, file: str | None, variable: str | None) -> SecretText | None:
        """Return the password, or None when none is named. Raises ``ConfigurationError``, which never repeats it."""
        if variable is not None:
            if variable not in self.environment:
                raise ConfigurationError(Code.SETTINGS_INVALID, f"There is no variable {variable}.")
            return SecretText(self.environment[variable])
        return None if file is None else _from_file(folder / file)


def machine_passwords() -> PasswordFrom:
    """Return this machine's."""
    return PasswordFrom(os.environ)


def _from_file(path: Path) -> SecretText:
    wrong = f"The password file {path.name} is not there, or cannot be read."
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(MAX_PASSWORD + 1)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigurationError(
                Code.SETTINGS_INVALID, "Other users can read the password file.", hint=f"chmod 600 {path}"
            )
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(Code.SETTINGS_INVALID, wrong) from None
    if not text or len(raw) > MAX_PASSWORD:
        raise ConfigurationError(Code.SETTINGS_INVALID, f"The password file {path.name} has no password.")
    return SecretText(text)
