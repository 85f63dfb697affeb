# SPDX-License-Identifier: EUPL-1.2
"""One person's identifiers in a YAML file: field -> text, or list of texts; every value is text as it is written.

So a BSN keeps its leading zero and a date stays what it was. JSON is YAML too. Not here: which fields there are
(``ask_person.py``).
"""

from collections.abc import Sequence
from typing import Final

import yaml

from protocol.errors import Code, InputError

MAX_FILE: Final = 65_536
"""Characters: twenty values of every kind fit."""


def fields_of_yaml(text: str) -> dict[str, Sequence[str]]:
    """Return the fields. Raises ``InputError`` (``malformed``), which repeats no value."""
    wrong = InputError(
        Code.MALFORMED,
        "This is not one list of fields with texts.",
        hint="A line a field, such as `surname: …` or `birth_date: 2001-01-31`; several values as a list.",
    )
    if len(text) > MAX_FILE:
        raise wrong
    try:
        # The base loader makes texts and nothing else: no numbers, dates or objects.
        found = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError:
        raise wrong from None
    if not isinstance(found, dict):
        raise wrong
    fields = {str(name): value if isinstance(value, list) else [value] for name, value in found.items()}
    if not all(isinstance(one, str) for values in fields.values() for one in values):
        raise wrong
    return dict(fields)
