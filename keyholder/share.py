# SPDX-License-Identifier: EUPL-1.2
"""The seeds that one key-holder holds, all at one epoch, and what follows from them: keys, points, the next epoch.

A key-holder holds the seed of every set that it is a member of. From the seeds of an epoch those of every later epoch
follow, never of an earlier one (``protocol/spec/threshold.md``). Not here: where seeds are kept (``seedfile.py``), how
they come (``ceremony.py``), and which epochs are live (the covenant).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from protocol.errors import Code, RefusedError
from protocol.group import Point, Scalar
from protocol.ids import Epoch, HolderIndex, PurposeId
from protocol.messages import KeyStatement, SetPoint
from protocol.threshold import HolderSet, Seed, Sharing, combined_share, ratchet_by, share_point


@dataclass(frozen=True, slots=True)
class HeldSeeds:
    """Every seed that this key-holder has, all of ``epoch``. Seeds hide themselves in ``repr``."""

    holder: HolderIndex
    sharing: Sharing
    epoch: Epoch
    seeds: Mapping[HolderSet, Seed]

    def __post_init__(self) -> None:
        foreign = set(self.seeds) - set(self.sharing.sets_of(self.holder))
        if foreign:
            raise ValueError("a seed of a set that this key-holder is not in")

    @property
    def missing(self) -> tuple[HolderSet, ...]:
        """The sets whose seed is still to come; empty when the ceremony is complete."""
        return tuple(members for members in self.sharing.sets_of(self.holder) if members not in self.seeds)

    def with_seed(self, members: HolderSet, seed: Seed) -> "HeldSeeds":
        """Return these seeds and one more; a set that already has a seed keeps it (``ValueError``)."""
        if members in self.seeds:
            raise ValueError("that set already has its seed")
        return HeldSeeds(self.holder, self.sharing, self.epoch, {**self.seeds, members: seed})

    def at(self, epoch: Epoch) -> "HeldSeeds":
        """Return the seeds ratcheted forward to ``epoch``.

        Raises ``RefusedError`` (``epoch_closed``) for an earlier epoch: its seeds are gone.
        """
        if epoch < self.epoch:
            raise RefusedError(Code.EPOCH_CLOSED, f"The keys of epoch {epoch} have been destroyed.")
        steps = epoch - self.epoch
        if steps == 0:
            return self
        moved = {members: ratchet_by(seed, steps) for members, seed in self.seeds.items()}
        return HeldSeeds(self.holder, self.sharing, epoch, moved)

    def key(self, purpose: PurposeId, epoch: Epoch, sets: Sequence[HolderSet]) -> Scalar:
        """Return the sum of the shares of ``sets`` for a purpose and epoch: what an evaluation multiplies by."""
        return combined_share(self.at(epoch).seeds, purpose, epoch, sets)

    def points(self, purpose: PurposeId, epoch: Epoch) -> dict[HolderSet, Point]:
        """Return the public point of every share of a purpose and epoch, in the order of the sets."""
        seeds = self.at(epoch).seeds
        return {members: share_point(seeds[members], purpose, epoch) for members in sorted(seeds)}


def statement_of(held: HeldSeeds, purpose: PurposeId, epoch: Epoch) -> KeyStatement:
    """Return what this key-holder says its points are; unsigned."""
    return KeyStatement(
        holder=held.holder,
        threshold=HolderIndex(held.sharing.threshold),
        holders=HolderIndex(held.sharing.holders),
        purpose=purpose,
        epoch=epoch,
        points=tuple(
            SetPoint(members=members, point=point.encoded) for members, point in held.points(purpose, epoch).items()
        ),
    )


def name_of(members: Iterable[HolderIndex]) -> str:
    """Return a set's name in files and tables: ``1-2``."""
    return "-".join(str(member) for member in members)


def members_of(name: str) -> HolderSet:
    """Read what ``name_of`` writes; ``ValueError`` for anything else."""
    members = tuple(HolderIndex(int(part)) for part in name.split("-"))
    if name_of(members) != name or list(members) != sorted(set(members)):
        raise ValueError("not the name of a set")
    return members
