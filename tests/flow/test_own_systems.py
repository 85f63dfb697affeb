# SPDX-License-Identifier: EUPL-1.2
"""Own systems of an agency, with real processes: by HTTP and by a folder in, a hit back, and out again."""

import json
from pathlib import Path

import httpx

from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.people_files import by_phone
from tests.fakes.processes import run, start
from tests.fakes.waiting import until
from tests.fakes.whole_system import System

POLICE, CARE = "police-oost", "care-linde"
PHONES = {number: f"06{10_000_000 + number}" for number in (811, 812)}
FOR = {"purpose": "offender-prevention", "grounds": "exploits-or-recruits", "basis": "legal-duty"}


def test_records_of_own_systems_come_in_and_go_out(system: System, tmp_path: Path) -> None:
    """What is put by HTTP or laid in a folder stands at the broker, its hit comes back, and what goes is withdrawn."""
    push = by_phone(tmp_path / "care.csv", "CS", range(811, 813))
    assert system.read(CARE, "push", str(push), *system.purpose_of(CARE))["accepted"] == 2
    home, folder = system.home(POLICE), tmp_path / "export"
    folder.mkdir()
    (home / "connectors").mkdir()
    (home / "connectors" / "zaken.yaml").write_text(f"kind: folder\nfolder: {folder}\neverySeconds: 1\n")
    (home / "connectors" / "zaken.mapping.yaml").write_text(
        "columns: {id: reference, tel: phones}\nconstants: " + json.dumps(FOR)
    )
    add = ["agency", "systems", "add", "--home", str(home), "crm", "--may", "records", "--may", "hits"]
    made = str(run(add, environment=ENVIRONMENT, seconds=120).stdout)
    headers = {"Authorization": f"Bearer {made.strip()}"}
    line = system.command(POLICE, "run", "--port", "0")
    with (
        start(line, folder=system.folder / "output", name="own-systems", environment=ENVIRONMENT) as process,
        httpx.Client(base_url=f"{process.url}/v1", headers=headers, timeout=60) as http,
    ):
        record = {"fields": {"phones": [PHONES[811]], **FOR}}
        assert http.put("/records/OS-811", json=record).json()["result"] == "new"
        (folder / "a.csv.tmp").write_text(f"id;tel\nOS-812;{PHONES[812]}\n;kapot\n")
        (folder / "a.csv.tmp").rename(folder / "a.csv")

        def state(reference: str) -> str:
            return str(http.get(f"/records/{reference}").json()["signals"][0]["state"])

        until(lambda: state("OS-811") == "accepted")
        until(lambda: (folder / "done" / "a.csv.result.json").exists())
        result = json.loads((folder / "done" / "a.csv.result.json").read_text())
        assert (result["new"], result["quarantined"]) == (1, 1)
        until(lambda: len(http.get("/hits").json()["hits"]) == 1)
        hit = http.get("/hits").json()["hits"][0]
        assert (hit["reference"], hit["agency"]) == ("OS-811", CARE)
        assert http.delete("/records/OS-811").json()["state"] in {"withdrawing", "ended"}
        until(lambda: state("OS-811") == "withdrawn")
        assert http.get("/records/OS-812").status_code == 404, "it is another system's"
        assert http.get("/hits", headers={"Authorization": "Bearer sluis_crm.x"}).status_code == 401
        listed = {one["reference"]: one["state"] for one in system.read(POLICE, "signals")["signals"]}
        assert listed["OS-812"] == "accepted"
        assert process.stop() == 0
    (home / "connectors" / "zaken.yaml").unlink()
    assert system.read(POLICE, "inbox")["findings"] == []
