# SPDX-License-Identifier: EUPL-1.2
"""Real key-holders for tests: homes made by ``init``'s own code, a whole key ceremony, and processes that run them.

Not here: lying ones (``dishonest_keyholder.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from edge.covenant_watch import FOLDER
from edge.keyfile import SecretText
from keyholder.ceremony import accept, deal
from keyholder.opening import Opened, open_enrolled
from keyholder.settings import Home, HomeFile, Identity, make_home, open_home
from keyholder.share import HeldSeeds
from protocol.covenant import Covenant, dump_parties, read_party
from protocol.covenant_parts import KeyHolder, Parties, Title
from protocol.ids import Epoch, HolderIndex, PartyId
from tests.fakes.covenant_repository import SignedCovenants, signed_covenants
from tests.fakes.covenants import CovenantKit, make_covenant
from tests.fakes.processes import Process, free_port, start

PASSPHRASE = "vier losse woorden hier"
ENVIRONMENT = {"SLUIS_PASSPHRASE": PASSPHRASE}


@dataclass(frozen=True, slots=True)
class KeyHolders:
    """The homes, seeds included, of all key-holders of a covenant that a board signed."""

    folder: Path
    kit: CovenantKit
    board: SignedCovenants
    homes: tuple[Path, ...]
    look_every: float = 0.5
    """Seconds between looks for a newer covenant; each takes a twentieth of a core at this pace."""

    @property
    def covenant(self) -> Covenant:
        """The covenant that names them."""
        return self.kit.covenant

    def opened(self, index: int) -> Opened:
        """Open the home of key-holder ``index``, counted from 1."""
        return open_enrolled(self.homes[index - 1], SecretText(PASSPHRASE))

    def held(self, index: int) -> HeldSeeds:
        """Return the seeds that key-holder ``index`` has on disk."""
        held = open_home(self.homes[index - 1]).seed_folder(SecretText(PASSPHRASE)).read()
        assert held is not None
        return held

    def arguments(self, index: int, *extra: str) -> list[str]:
        """Return the command line that runs key-holder ``index`` at its address of the covenant."""
        url = self.covenant.key_holders[index - 1].url
        home = str(self.homes[index - 1])
        port = url.rpartition(":")[2]
        return ["run", "--home", home, "--port", port, *extra]

    def sign(self, files: Mapping[str, bytes]) -> None:
        """Let the board sign this covenant and publish it, and every key-holder enrol under it."""
        if self.board.work.versions("root"):
            self.board.add(files)
            self.board.publish()
        else:
            signed_covenants(self.board.folder, files)
        for home in self.homes:
            self.board.enrol(home / FOLDER)

    def start(self, index: int) -> Process:
        """Start key-holder ``index`` as a process of its own; its output lies beside its home."""
        return start(
            ["keyholder", *self.arguments(index, "--look-every", str(self.look_every))],
            folder=self.folder / "output",
            name=f"keyholder-{index}",
            environment=ENVIRONMENT,
        )

    def start_lying(self, index: int, lie: str) -> Process:
        """Start key-holder ``index`` as one that lies (``dishonest_keyholder.py`` lists how)."""
        return start(
            [*self.arguments(index)[1:], "--lie", lie],
            folder=self.folder / "output",
            name=f"lying-keyholder-{index}",
            environment=ENVIRONMENT,
            module="tests.fakes.dishonest_keyholder",
        )


def make_key_holders(
    folder: Path,
    *,
    now: datetime,
    agencies: int = 5,
    key_holders: int = 3,
    threshold: int = 2,
    broker_url: str = "http://127.0.0.1:8000",
    budget: int | None = None,
    ceremony: bool = True,
    epoch: Epoch | None = None,
    sign: bool = True,
) -> KeyHolders:
    """Return key-holders with their seeds (of ``epoch``, else the lowest live one) and a covenant that names them.

    Without ``sign`` the covenant is not signed yet, so that other parties may come into it first.
    """
    urls = [f"http://127.0.0.1:{free_port()}" for _ in range(key_holders)]
    kit = make_covenant(
        now=now,
        agencies=agencies,
        key_holders=key_holders,
        threshold=threshold,
        broker_url=broker_url,
        holder_urls=urls,
        budget=budget,
    )
    homes = [_home(folder, number, kit, now) for number in range(1, key_holders + 1)]
    board = SignedCovenants(folder / "board")
    made = KeyHolders(folder, _renamed(kit, homes), board, tuple(home.folder for home in homes))
    identities = [home.identity(SecretText(PASSPHRASE)) for home in homes]
    for home, identity in zip(homes, identities, strict=True):
        made.kit.signers[home.file.id] = identity.signer
    if sign:
        made.sign(made.kit.files)
    if ceremony:
        _ceremony(made, homes, identities, now, epoch)
    return made


def _home(folder: Path, number: int, kit: CovenantKit, now: datetime) -> Home:
    file = HomeFile(
        id=PartyId(f"holder-{number}"),
        index=HolderIndex(number),
        holders=kit.covenant.sharing.holders,
        threshold=kit.covenant.sharing.threshold,
        title=Title(nl=f"Sleutelhouder {number}", en=f"Key-holder {number}"),
        url=kit.covenant.key_holders[number - 1].url,
        made_at=max(now, kit.covenant.valid_from),
        key_file_cost="interactive",
    )
    return make_home(folder / f"holder-{number}", file, SecretText(PASSPHRASE))


def _renamed(kit: CovenantKit, homes: list[Home]) -> CovenantKit:
    """Return the kit with the key-holders' real statements in place of the made-up ones."""
    holders: list[KeyHolder] = []
    for home in homes:
        stated = read_party("party.yaml", home.statement_path.read_bytes()).key_holder
        assert stated is not None
        holders.append(stated)
    agreed = kit.covenant
    parties = Parties(agencies=agreed.agencies, key_holders=tuple(holders), broker=agreed.broker, log=agreed.log)
    files = {**kit.files, "parties.yaml": dump_parties(parties).encode()}
    return replace(kit, files=files, covenant=Covenant.parse(files), witness_signers={}, sealing_keys={})


def _ceremony(
    made: KeyHolders, homes: list[Home], identities: list[Identity], now: datetime, epoch: Epoch | None
) -> None:
    at = epoch if epoch is not None else min(made.covenant.live_epochs(now))
    held = [HeldSeeds(home.file.index, home.sharing, at, {}) for home in homes]
    for place, dealer in enumerate(identities):
        dealt = deal(held[place], made.covenant, dealer.signer)
        held[place] = dealt.held
        for package in dealt.packages:
            to = package.place.receiver - 1
            held[to] = accept(held[to], package, made.covenant, identities[to].sealing.reveal(), now).held
    for home, seeds in zip(homes, held, strict=True):
        home.seed_folder(SecretText(PASSPHRASE)).write(seeds)
