# SPDX-License-Identifier: EUPL-1.2
"""What the demo's consoles begin with: rows that are found among the thousands of the public data."""

from pathlib import Path
from typing import Any

import yaml

from deploy.demo import data, linkage
from protocol.covenant import Covenant
from tests.fakes.covenants import make_covenant
from tests.fakes.small_world import NOW


def test_what_people_are_sent_to_click_on_is_due_before_the_public_data(tmp_path: Path) -> None:
    """Both are told within minutes; Today shows the first deadlines only, and thousands would stand above."""
    covenant = make_covenant(now=NOW).covenant
    both = (linkage.FIRST, linkage.SECOND)
    seeds = [mapping for agency in both for _, mapping in data.write_seeds(tmp_path, agency)]
    public = [
        data.write_febrl_mapping(
            tmp_path / f"{purpose}.yaml", purpose=purpose, ground=ground, basis="x", identifier=None
        )
        for purpose, ground in linkage.PURPOSES.values()
    ]
    assert max(_hours(one, covenant) for one in seeds) <= min(_hours(one, covenant) for one in public)


def _hours(mapping: Path, covenant: Covenant) -> int:
    constants: dict[str, Any] = yaml.safe_load(mapping.read_text(encoding="utf-8"))["constants"]
    purpose = covenant.purpose(constants["purpose"])
    return purpose.deadline_hours(constants.get("urgency", purpose.urgency))
