# SPDX-License-Identifier: EUPL-1.2
"""A whole system to measure: a broker with its private PostgreSQL, three key-holders, two agencies; all real processes.

The broker starts its PostgreSQL as it does at an operator's; we find it by the file that PostgreSQL itself writes.
Not here: what is measured; each subject has its own module.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
import psycopg

from agency_client.settings import open_home
from agency_client.submit import UUID_RANDOM, signal_id
from broker.cluster import SUPERUSER
from edge.keyfile import SecretText
from edge.transport import SignedClient
from protocol.covenant import Covenant
from protocol.envelope import PartContext, part_digest, signal_statement
from protocol.ids import KeyKind, PartyId, PurposeId
from protocol.keys import opens_parts
from protocol.messages import Informed, PushRequest, SealedPart, Signal, SignalKey, utc
from protocol.signing import Signer
from tests.bench.peaks import forget_high_water
from tests.fakes.keyholders import PASSPHRASE
from tests.fakes.whole_system import AGENCIES, System, whole_system

PURPOSE: Final = PurposeId("offender-prevention")
AGENCY, OTHER = (PartyId(name) for name, *_ in AGENCIES)
BUDGET: Final = 10_000_000
"""Elements a day: the covenant's own budget would end the run, and is tested elsewhere."""
_BASES: Final = {PartyId(name): basis for name, _, _, basis in AGENCIES}
_PART_BYTES: Final = 296
"""A sealed contact card: 256 bytes after padding, nonce and tag."""
_WRAP_BYTES: Final = 72


@dataclass(frozen=True, slots=True)
class World:
    """A running system, and the agencies' signing keys."""

    system: System
    covenant: Covenant
    signers: dict[PartyId, Signer]

    @property
    def postgres(self) -> Sequence[str]:
        """The lines of PostgreSQL's own ``postmaster.pid``: first its process id, fifth the folder of its socket."""
        return (self.system.folder / "broker" / "postgres" / "data" / "postmaster.pid").read_text().splitlines()

    def database(self, name: str = "sluis") -> str:
        """Return the libpq URL of a database in the broker's PostgreSQL."""
        return f"postgresql://{SUPERUSER}@/{name}?host={quote(self.postgres[4], safe='')}"

    def postgres_version(self) -> str:
        """Return what PostgreSQL says it is."""
        with psycopg.connect(self.database()) as connection:
            return str(connection.execute("SHOW server_version").fetchall()[0][0])

    def client(self, party: PartyId, http: httpx.AsyncClient) -> SignedClient:
        """Return an agency's signed calls to the broker."""
        return SignedClient(self.system.url, self.signers[party], now, http)

    def make_signals(self, party: PartyId, tags: Sequence[Sequence[tuple[str, bytes]]]) -> PushRequest:
        """Return a push with one signal for each list of (kind, tag): sealed parts are random, signatures real.

        The broker cannot tell random bytes from pseudonyms or sealed parts, so this costs it what real ones do.
        """
        moment = now()
        epoch = self.covenant.epoch_at(moment)
        signer = self.signers[party]

        def one(keys: Sequence[tuple[str, bytes]]) -> Signal:
            found = signal_id(moment, os.urandom(UUID_RANDOM))
            parts = tuple(SealedPart(name=n, ciphertext=os.urandom(_PART_BYTES)) for n in ("contact", "content"))
            digests = {part.name: part_digest(part) for part in parts}
            return Signal(
                id=found,
                purpose=PURPOSE,
                epoch=epoch,
                grounds=("exploits-or-recruits",),
                basis=_BASES[party],
                case_token=hashlib.sha256(found.bytes).digest(),
                keys=tuple(
                    SignalKey(
                        kind=KeyKind(kind),
                        role="subject",
                        tag=tag,
                        wraps={n: os.urandom(_WRAP_BYTES) for n in digests} if opens_parts(KeyKind(kind)) else {},
                    )
                    for kind, tag in keys
                ),
                parts=parts,
                expires_at=utc(moment + timedelta(days=30)),
                informed=Informed(status="not-required"),
                key_id=signer.key_id,
                signature=signer.sign(signal_statement(PartContext(found, party, PURPOSE, epoch), digests)),
            )

        return PushRequest(signals=tuple(one(keys) for keys in tags))


@contextmanager
def running() -> Iterator[World]:
    """Make and start everything in a temporary folder; stop and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="sluis-bench-") as name:
        folder = Path(name)
        # Open to pass through: as root, the private PostgreSQL runs as another user below it.
        folder.chmod(0o711)
        with whole_system(folder, budget=BUDGET) as system:
            passphrase = SecretText(PASSPHRASE)
            homes = {PartyId(agency): open_home(system.home(agency)) for agency, *_ in AGENCIES}
            for server in system.running.values():
                # Opening its key file took each of them much memory for a moment, on purpose.
                forget_high_water(server.pid)
            agreed = Covenant.parse(system.files)
            yield World(
                system, agreed, {party: home.identity(passphrase).sender.signer for party, home in homes.items()}
            )


def now() -> datetime:
    """Return the machine's time."""
    return datetime.now(UTC)
