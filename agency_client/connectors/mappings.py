# SPDX-License-Identifier: EUPL-1.2
"""The mapping of a system that uses the local API: a file as connectors have one, or Sluis's own names of fields.

Not here: the connectors' own (``descriptions.py``).
"""

from dataclasses import replace
from pathlib import Path

from agency_client.connectors.descriptions import FOLDER, MAPPING_SUFFIX
from agency_client.mapping import MANY_FIELDS, PREFIX_FIELD, SIGNAL_FIELDS, SINGLE_FIELDS, Mapping
from agency_client.mapping import MAX_FILE as MAX_MAPPING
from protocol.errors import Code, ConfigurationError
from protocol.handles import PLATFORMS

_DOCUMENTS = ("passport", "id-card", "driving-licence", "soc-sec")
_CONTACT = ("unit", "name", "function", "phone", "email", "when", "reference")
_CONTENT = ("danger", "contact-preference", "note")


def mapping_of_system(home: Path, system: str) -> Mapping:
    """Return ``connectors/SYSTEM.mapping.yaml``, or that every field goes by Sluis's own name.

    Raises ``ConfigurationError`` when the file cannot be used.
    """
    path = home / FOLDER / f"{system}{MAPPING_SUFFIX}"
    try:
        with path.open("rb") as file:
            return Mapping.from_yaml(file.read(MAX_MAPPING + 1).decode())
    except FileNotFoundError:
        return OWN_NAMES
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(Code.SETTINGS_INVALID, f"The mapping file {path.name} cannot be read.") from None


def referenced(mapping: Mapping, reference: str) -> Mapping:
    """Return the mapping with the record's reference given apart, as in an address, and not by a column."""
    columns = tuple((column, target) for column, target in mapping.columns if target != "reference")
    return replace(mapping, columns=columns).with_constants(reference=reference)


def _own_names() -> Mapping:
    names = [
        *sorted(SIGNAL_FIELDS - {"reference"}),
        *sorted(SINGLE_FIELDS),
        PREFIX_FIELD,
        *sorted(MANY_FIELDS),
        *(f"handles.{platform}" for platform in sorted(PLATFORMS)),
        *(f"documents.{kind}" for kind in _DOCUMENTS),
        *(f"contact.{name}" for name in _CONTACT),
        *(f"content.{name}" for name in _CONTENT),
    ]
    return Mapping(tuple((name, name) for name in names))


OWN_NAMES = _own_names()
"""Every field by its own name (``docs/guide-agency.md`` lists them), for systems without a mapping file."""
