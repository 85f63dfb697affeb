# SPDX-License-Identifier: EUPL-1.2
"""Real key-holders for tests: homes made by ``init``'s own code, a whole key ceremony, and processes that run them.

Not here: lying ones (``dishonest_keyholder.py``).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from edge.keyfile import SecretText
from keyholder.ceremony import accept, deal
from keyholder.opening import Opened, open_home_with
from keyholder.settings import Home, HomeFile, make_home
from keyholder.share import HeldSeeds
from protocol.covenant import Covenant, dump_parties, read_party
from protocol.covenant_parts import KeyHolder, Parties, Title
from protocol.ids import Epoch, HolderIndex, PartyId
from tests.fakes.covenants import CovenantKit, make_covenant
from tests.fakes.processes import Process, free_port, start

PASSPHRASE = "vier losse woorden hier"
ENVIRONMENT = {"SLUIS_PASSPHRASE": PASSPHRASE}


@dataclass(frozen=True, slots=True)
class KeyHolders:
    """The homes, seeds included, of all key-holders of a covenant that lies in ``covenant_folder``."""

    folder: Path
    kit: CovenantKit
    covenant_folder: Path
    homes: tuple[Path, ...]

    @property
    def covenant(self) -> Covenant:
        """The covenant that names them."""
        return self.kit.covenant

    def opened(self, index: int) -> Opened:
        """Open the home of key-holder ``index``, counted from 1."""
        return open_home_with(self.homes[index - 1], self.covenant_folder, SecretText(PASSPHRASE))

    def held(self, index: int) -> HeldSeeds:
        """Return the seeds that key-holder ``index`` has on disk."""
        held = self.opened(index).seeds.read()
        assert held is not None
        return held

    def arguments(self, index: int, *extra: str) -> list[str]:
        """Return the command line that runs key-holder ``index`` at its address of the covenant."""
        url = self.covenant.key_holders[index - 1].url
        home = str(self.homes[index - 1])
        port = url.rpartition(":")[2]
        return ["run", "--home", home, "--covenant", str(self.covenant_folder), "--port", port, *extra]

    def start(self, index: int) -> Process:
        """Start key-holder ``index`` as a process of its own; its output lies beside its home."""
        return start(
            ["keyholder", *self.arguments(index)],
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
) -> KeyHolders:
    """Return key-holders with their seeds (of ``epoch``, else the lowest live one) and a covenant that names them."""
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
    made = KeyHolders(folder, _renamed(kit, homes), folder / "covenant", tuple(home.folder for home in homes))
    made.kit.write(made.covenant_folder)
    for number, home in enumerate(homes, start=1):
        made.kit.signers[home.file.id] = made.opened(number).identity.signer
    if ceremony:
        _ceremony(made, now, epoch)
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


def _ceremony(made: KeyHolders, now: datetime, epoch: Epoch | None) -> None:
    at = epoch if epoch is not None else min(made.covenant.live_epochs(now))
    opened = [made.opened(number) for number in range(1, len(made.homes) + 1)]
    held = [HeldSeeds(one.home.file.index, one.home.sharing, at, {}) for one in opened]
    for place, dealer in enumerate(opened):
        dealt = deal(held[place], made.covenant, dealer.identity.signer)
        held[place] = dealt.held
        for package in dealt.packages:
            to = package.place.receiver - 1
            sealing = opened[to].identity.sealing.reveal()
            held[to] = accept(held[to], package, made.covenant, sealing, now).held
    for one, seeds in zip(opened, held, strict=True):
        one.seeds.write(seeds)
