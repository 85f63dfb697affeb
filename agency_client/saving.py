# SPDX-License-Identifier: EUPL-1.2
"""Save files that another agency sent: under a harmless name, never over another file, readable by the owner only.

Not here: where they came from (``requesting.py``).
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from protocol.disclosure_payload import Attachment
from protocol.errors import Code, ConfigurationError

MAX_NAME: Final = 100
"""Characters of a name that are kept: file systems take 255 bytes."""
_HARMLESS: Final = re.compile(r"[^\w.() -]")
_TRIES: Final = 1_000


def harmless_name(name: str) -> str:
    """Return a file name that can do nothing: no folders, no control characters, not hidden, not empty."""
    last = re.split(r"[/\\]", name)[-1]
    plain = _HARMLESS.sub("_", last).strip(" .")[-MAX_NAME:].strip(" .")
    return plain or "attachment"


def save_files(folder: Path, files: Sequence[Attachment]) -> dict[str, Path]:
    """Write the files into a folder; return name as sent -> where it is now. Raises ``ConfigurationError``."""
    saved: dict[str, Path] = {}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for one in files:
            saved[one.name] = _save(folder, harmless_name(one.name), one.content)
    except OSError as error:
        raise ConfigurationError(
            Code.SETTINGS_INVALID, f"The attachments cannot be saved: {error.strerror}.", hint=f"Into {folder}."
        ) from error
    return saved


def _save(folder: Path, name: str, content: bytes) -> Path:
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in range(_TRIES):
        path = folder / (name if number == 0 else f"{stem}-{number}{suffix}")
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        return path
    raise FileExistsError(0, "there are too many files of this name")
