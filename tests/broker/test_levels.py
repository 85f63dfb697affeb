# SPDX-License-Identifier: EUPL-1.2
"""What a notice shows is decided by its own level, whatever else is told on the same page."""

from protocol.notices import HitNotice
from tests.fakes.broker_world import POLICE, PROSECUTION, broker_world


async def test_a_level_is_not_raised_by_its_neighbour(database: str) -> None:
    """Told in full of a signal in one case and of its existence in another, an agency is not told whose that one is."""
    async with broker_world(database) as world:
        medium = {"name-year": "n", "sound-month-day": "n"}
        await world.agency(POLICE).push(world.signal(POLICE, {"phone": "p"}), world.signal(POLICE, medium))
        await world.agency(PROSECUTION).push(world.signal(PROSECUTION, {"phone": "p", **medium}))
        page = await world.agency(POLICE).told(2)
        told = {one.level: one.counterpart for one in page.notices if isinstance(one, HitNotice)}
        assert told["contact"] is not None
        assert told["existence"] is None
