# SPDX-License-Identifier: EUPL-1.2
"""A whole covenant with keys for tests: the repository's own policies, and as many parties as asked.

Keys are made from the parties' names, so that a test gives the same bytes every time. Not here: any rule; those are the
real ones of ``policies/``.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from nacl.public import PrivateKey

from protocol.checkpoint import LogSigner, WitnessSigner
from protocol.covenant import Covenant, dump_parties
from protocol.covenant_parts import Agency, AgencyKind, Broker, KeyHolder, Log, Parties, SigningKey, Title
from protocol.hpke import OpeningKey, OpeningKeys
from protocol.ids import HolderIndex, KeyId, PartyId
from protocol.signing import Signer

POLICIES = Path(__file__).resolve().parents[2] / "policies"
ORIGIN = "sluis.test/log"
FIRST: tuple[tuple[str, AgencyKind, str], ...] = (
    ("police-oost", "police", "Politie Oost"),
    ("prosecution-oost", "public-prosecution", "Openbaar Ministerie Oost"),
    ("probation-oost", "probation", "Reclassering Oost"),
    ("care-linde", "care", "Jeugdzorg De Linde"),
    ("municipality-dalen", "municipality", "Gemeente Dalen"),
)
"""The five agencies of most tests; the sixth is ``police-oost-2``, and so on."""


@dataclass(frozen=True, slots=True)
class CovenantKit:
    """A covenant, the files it was read from, and the private keys that no real covenant ever has."""

    files: dict[str, bytes]
    covenant: Covenant
    signers: dict[PartyId, Signer]
    """Of every agency and key-holder."""
    witness_signers: dict[PartyId, WitnessSigner]
    sealing_keys: dict[PartyId, PrivateKey]
    log_signer: LogSigner
    agency_witnesses: dict[PartyId, WitnessSigner] = field(default_factory=dict)
    disclosure_keys: dict[PartyId, OpeningKey | OpeningKeys] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Write the files as a covenant folder and return it."""
        for name, content in self.files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
        return path


def seed_of(name: str) -> bytes:
    """Return 32 bytes for a name; for tests only, since anybody can make them."""
    return hashlib.sha256(b"tests/fakes/covenants " + name.encode()).digest()


def _opening_key(kept: dict[PartyId, OpeningKey | OpeningKeys], party: PartyId) -> OpeningKey:
    key = kept[party] = OpeningKey(seed_of(f"{party} disclosure"))
    return key


def policy_files() -> dict[str, bytes]:
    """Return the repository's own covenant folder: its rules, and no parties."""
    return {str(path.relative_to(POLICIES)): path.read_bytes() for path in POLICIES.rglob("*") if path.is_file()}


def make_covenant(
    *,
    now: datetime,
    agencies: int = 5,
    key_holders: int = 3,
    threshold: int = 2,
    broker_url: str = "http://127.0.0.1:8000",
    holder_urls: Sequence[str] | None = None,
    budget: int | None = None,
    also: Sequence[tuple[str, AgencyKind, str]] = (),
    change: Callable[[dict[str, bytes]], None] = lambda _: None,
) -> CovenantKit:
    """Return a complete covenant in force at ``now``, with all its private keys; ``budget`` replaces each purpose's.

    ``also`` names more agencies, as in ``FIRST``; ``change`` may alter the files before they are read.
    """
    urls = holder_urls or [f"http://127.0.0.1:{8101 + place}" for place in range(key_holders)]
    signers: dict[PartyId, Signer] = {}
    witnesses: dict[PartyId, WitnessSigner] = {}
    sealing: dict[PartyId, PrivateKey] = {}
    own: dict[PartyId, WitnessSigner] = {}
    opening: dict[PartyId, OpeningKey | OpeningKeys] = {}

    def key_of(party: str) -> tuple[SigningKey, ...]:
        signer = signers[PartyId(party)] = Signer(KeyId(f"{party}:1"), seed_of(f"{party} signing"))
        return (SigningKey(id=signer.key_id, key=signer.public_key, valid_from=now - timedelta(days=30)),)

    def agency(place: int) -> Agency:
        name, kind, title = FIRST[place % len(FIRST)] if place < agencies else also[place - agencies]
        again = place // len(FIRST) + 1 if place < agencies else 1
        party = name if again == 1 else f"{name}-{again}"
        titles = Title(nl=title, en=title)
        witness = own[PartyId(party)] = WitnessSigner(party, seed_of(f"{party} witness"))
        return Agency(
            id=PartyId(party),
            kind=kind,
            title=titles,
            oin=f"{place + 1:020}",
            signing_keys=key_of(party),
            witness=witness.key.vkey,
            disclosure_key=_opening_key(opening, PartyId(party)).public.encoded,
        )

    def holder(place: int) -> KeyHolder:
        party = PartyId(f"holder-{place + 1}")
        witnesses[party] = WitnessSigner(f"{ORIGIN}/{party}", seed_of(f"{party} witness"))
        sealing[party] = PrivateKey(seed_of(f"{party} sealing"))
        return KeyHolder(
            id=party,
            index=HolderIndex(place + 1),
            title=Title(nl=f"Sleutelhouder {place + 1}", en=f"Key-holder {place + 1}"),
            url=urls[place],
            signing_keys=key_of(party),
            sealing_key=bytes(sealing[party].public_key),
            witness=witnesses[party].key.vkey,
        )

    log_signer = LogSigner(ORIGIN, seed_of("log"))
    parties = Parties(
        agencies=tuple(agency(place) for place in range(agencies + len(also))),
        key_holders=tuple(holder(place) for place in range(key_holders)),
        broker=Broker(id=PartyId("broker"), title=Title(nl="Makelaar", en="Broker"), url=broker_url),
        log=Log(key=log_signer.key.vkey),
    )
    files = policy_files()
    files["parties.yaml"] = dump_parties(parties).encode()
    start = now - timedelta(days=30)
    terms = files["covenant.yaml"].decode()
    for key, value in {
        "validFrom": f"{max(start, datetime(2026, 1, 1, tzinfo=now.tzinfo)):%Y-%m-%dT%H:%M:%SZ}",
        "validUntil": f"{now + timedelta(days=365):%Y-%m-%dT%H:%M:%SZ}",
        "keyHolding": f"{{threshold: {threshold}, holders: {key_holders}}}",
        "witnessQuorum": str(key_holders // 2 + 1),
    }.items():
        terms = re.sub(rf"^{key}:.*$", f"{key}: {value}", terms, flags=re.MULTILINE)
    files["covenant.yaml"] = terms.encode()
    if budget is not None:
        for path in [path for path in files if re.match(r"purposes/.*\.yaml$", path)]:
            text = files[path].decode()
            files[path] = re.sub(r"^budgetPerDay:.*$", f"budgetPerDay: {budget}", text, flags=re.MULTILINE).encode()
    change(files)
    return CovenantKit(files, Covenant.parse(files), signers, witnesses, sealing, log_signer, own, opening)


def amended(kit: CovenantKit, version: str, changes: Mapping[str, tuple[str, str]] | None = None) -> CovenantKit:
    """Return the same parties under another version: in each named file one text is replaced by another."""
    files = dict(kit.files)
    files["covenant.yaml"] = re.sub(rb"(?m)^version:.*$", f'version: "{version}"'.encode(), files["covenant.yaml"])
    for name, (old, new) in (changes or {}).items():
        assert old in files[name].decode(), f"{name} does not say {old!r}"
        files[name] = files[name].replace(old.encode(), new.encode())
    return replace(kit, files=files, covenant=Covenant.parse(files))
