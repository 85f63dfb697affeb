# SPDX-License-Identifier: EUPL-1.2
"""Read a covenant from a folder: every file in it, bounded, and nothing from outside it.

Not here: what the files mean (``protocol/covenant.py``).
"""

import os
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from protocol.covenant import Covenant
from protocol.errors import Code, ConfigurationError

MAX_FILE: Final = 6 * 1024 * 1024
"""Bytes of one file: the parties of the whole country fit in it."""
MAX_TOTAL: Final = 16 * 1024 * 1024
MAX_FILES: Final = 2_000
"""Files: twenty purposes with a hundred decision cases each."""
MAX_DEPTH: Final = 8


def load_covenant(path: Path) -> Covenant:
    """Return the covenant in this folder. Raises ``ConfigurationError`` (``covenant_invalid``)."""
    return Covenant.parse(read_folder(path))


def read_folder(path: Path) -> Mapping[str, bytes]:
    """Return the folder's files by their path in it, with ``/``, in order of name.

    Names that start with a dot or end with ``~`` (an editor's) are left out. Refused, as ``ConfigurationError``
    (``covenant_invalid``): a link that leaves the folder or leads to a folder, anything that is neither file nor
    folder, and more or larger files than the limits.
    """
    root = path.resolve()
    if not root.is_dir():
        raise _refused("The covenant is not a folder.", hint=f"Looked at {path}.")
    found: dict[str, bytes] = {}
    total = 0
    for file in _files(root, root, 0):
        name = file.relative_to(root).as_posix()
        if len(found) == MAX_FILES:
            raise _refused(f"The covenant has more than {MAX_FILES} files.")
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE + 1)
        total += len(content)
        if len(content) > MAX_FILE or total > MAX_TOTAL:
            raise _refused(f"The covenant is too large at {name}.", hint=f"At most {MAX_FILE} bytes a file.")
        found[name] = content
    if not found:
        raise _refused("The covenant's folder is empty.", hint=f"Looked at {path}.")
    return dict(sorted(found.items()))


def _files(folder: Path, root: Path, depth: int) -> list[Path]:
    if depth > MAX_DEPTH:
        raise _refused(f"The covenant has more than {MAX_DEPTH} folders in one another.")
    files: list[Path] = []
    with os.scandir(folder) as entries:
        listed = list(entries)
    for entry in listed:
        if entry.name.startswith(".") or entry.name.endswith("~"):
            continue
        shown = Path(entry.path).relative_to(root).as_posix()
        if not entry.name.isprintable() or unicodedata.normalize("NFC", entry.name) != entry.name:
            raise _refused("A file of the covenant has a name that machines write differently.")
        if entry.is_symlink() and (entry.is_dir() or root not in Path(entry.path).resolve().parents):
            raise _refused(f"The link {shown} leads out of the covenant's folder, or to a folder.")
        if entry.is_dir(follow_symlinks=False):
            files += _files(Path(entry.path), root, depth + 1)
        elif entry.is_file():
            files.append(Path(entry.path))
        else:
            raise _refused(f"{shown} is neither a file nor a folder.")
    return files


def _refused(detail: str, *, hint: str | None = None) -> ConfigurationError:
    return ConfigurationError(Code.COVENANT_INVALID, detail, hint=hint)
