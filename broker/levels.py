# SPDX-License-Identifier: EUPL-1.2
"""What each level lets an agency see of another's signal. Not here: who is told at which level (the covenant)."""

from collections.abc import Mapping
from typing import Final

from protocol.messages import Level, PartName

RELEASED: Final[Mapping[Level, tuple[PartName, ...]]] = {
    "existence": (),
    "agency": (),
    "contact": ("contact",),
    "content": ("contact", "content"),
}
"""The sealed parts that go along, and the wraps that open them."""
NAMED: Final[frozenset[Level]] = frozenset({"agency", "contact", "content"})
"""The levels at which an agency hears which other it is, and of which signal."""
