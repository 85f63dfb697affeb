# SPDX-License-Identifier: EUPL-1.2
"""Seeds on disk: found again, and gone when they should be."""

import os
from pathlib import Path

import pytest

from edge.keyfile import Profile, SecretText
from keyholder.seedfile import SeedFolder
from keyholder.share import HeldSeeds
from protocol.errors import Code, ConfigurationError
from protocol.ids import Epoch, HolderIndex
from protocol.threshold import Seed, Sharing

SHARING = Sharing(2, 3)
FIRST = HolderIndex(1)
PASSPHRASE = SecretText("vier losse woorden hier")


def held(epoch: int, fill: int = 7) -> HeldSeeds:
    """Return the first key-holder's seeds."""
    return HeldSeeds(
        FIRST, SHARING, Epoch(epoch), {members: Seed(bytes([fill]) * 32) for members in SHARING.sets_of(FIRST)}
    )


def folder_at(path: Path, holder: HolderIndex = FIRST, passphrase: SecretText = PASSPHRASE) -> SeedFolder:
    """Return the folder below ``path``."""
    return SeedFolder(path / "seeds", holder, SHARING, passphrase, Profile.INTERACTIVE)


def test_no_seeds_before_the_ceremony(tmp_path: Path) -> None:
    """A home without seeds says so."""
    assert folder_at(tmp_path).read() is None


def test_seeds_are_found_again(tmp_path: Path) -> None:
    """What was written is read, with its epoch, and only its owner can open the file."""
    folder_at(tmp_path).write(held(3))
    assert folder_at(tmp_path).read() == held(3)
    (file,) = (tmp_path / "seeds").iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_the_newest_epoch_counts(tmp_path: Path) -> None:
    """Of two files, as a crash in the middle of a ratchet leaves them, the later epoch's is read."""
    folder_at(tmp_path).write(held(3))
    folder_at(tmp_path).write(held(10, fill=8))
    assert folder_at(tmp_path).read() == held(10, fill=8)


def test_destroyed_files_are_overwritten_and_gone(tmp_path: Path) -> None:
    """Everything but the seeds to keep is overwritten with zeros, also what an interrupted write left, and unlinked."""
    folder = folder_at(tmp_path)
    folder.write(held(3))
    leftover = tmp_path / "seeds" / ".seeds-0000000003.key.1.new"
    leftover.write_bytes(b"half a key file")
    inodes = [path.open("rb") for path in (tmp_path / "seeds").iterdir()]
    folder.write(held(4))
    folder.destroy_others(Epoch(4))
    assert [path.name for path in (tmp_path / "seeds").iterdir()] == ["seeds-0000000004.key"]
    for stream in inodes:
        content = stream.read()
        assert content == bytes(len(content))
        assert content
        stream.close()


def test_a_replaced_file_is_overwritten_too(tmp_path: Path) -> None:
    """When a seed is added, the file without it is not left on the disk."""
    folder = folder_at(tmp_path)
    folder.write(held(3))
    with (tmp_path / "seeds" / "seeds-0000000003.key").open("rb") as before:
        folder.write(held(3, fill=9))
        content = before.read()
    assert content == bytes(len(content))
    assert folder.read() == held(3, fill=9)


def test_a_second_name_of_the_kept_file_costs_no_seeds(tmp_path: Path) -> None:
    """A crash between giving the old file a second name and writing the new one loses nothing at the next clean-up."""
    folder = folder_at(tmp_path)
    folder.write(held(3))
    kept = tmp_path / "seeds" / "seeds-0000000003.key"
    os.link(kept, kept.with_suffix(".before"))
    folder.destroy_others(Epoch(3))
    assert folder.read() == held(3)
    assert list((tmp_path / "seeds").iterdir()) == [kept]


def test_nothing_is_destroyed_without_seeds_to_keep(tmp_path: Path) -> None:
    """Asking to keep an epoch that is not there destroys nothing."""
    folder = folder_at(tmp_path)
    folder.write(held(3))
    with pytest.raises(ValueError, match="not on the disk"):
        folder.destroy_others(Epoch(4))
    assert folder.read() == held(3)


def test_another_key_holders_seeds_are_refused(tmp_path: Path) -> None:
    """A seed file that was copied from another key-holder is refused."""
    folder_at(tmp_path).write(held(3))
    with pytest.raises(ConfigurationError) as caught:
        folder_at(tmp_path, HolderIndex(2)).read()
    assert caught.value.code is Code.KEY_FILE_INVALID


def test_a_wrong_passphrase_opens_and_destroys_nothing(tmp_path: Path) -> None:
    """With a wrong passphrase the seeds stay closed, and stay."""
    folder_at(tmp_path).write(held(3))
    with pytest.raises(ConfigurationError) as caught:
        folder_at(tmp_path, passphrase=SecretText("een ander woord of vier")).read()
    assert caught.value.code is Code.WRONG_PASSPHRASE
    assert folder_at(tmp_path).read() == held(3)
