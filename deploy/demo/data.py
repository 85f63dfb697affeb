# SPDX-License-Identifier: EUPL-1.2
"""The records and mapping files of the story: Dutch agencies' data about people who do not exist.

They are written as people write them: Meijer and Meyer, three ways to write a date, a mistyped citizen service number.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_CARE: Final = """cliëntnummer;voornaam;tussenvoegsel;achternaam;geboortedatum;telefoon;zorg
JZ-26-0481;Daan;;Meijer;14-03-2007;06-12345678;Wacht cliënten op bij de groep, geeft dure cadeaus
"""
_POLICE: Final = """registratie,voornamen,achternaam,geb_datum,gsm,instagram
OOST-26-1187,Daan Willem,Meyer,2007-03-14,+31 6 1234 5678,@daan.meyer07
OOST-26-1190,Kevin,van der Velden,1999-11-02,+31 6 1234 5699,
OOST-26-1201,Rachid,Bouali,2001-05-30,,
"""
_MUNICIPALITY: Final = """kenmerk;voornaam;achternaam;geboortedatum;postcode;huisnummer;bsn
VS-26-0077;Daan;Meijer;14-03-2007;6811 AB;12;
VS-26-0078;Sanne;Oosterhuis;31-02-2004;;;
VS-26-0079;Bram;Wolters;08-09-2000;6811 AC;3;123456789
"""
_PROBATION: Final = """nummer,voornaam,achternaam,geboortedatum
RO-26-0301,Kevin,Veldhuizen,1987-01-15
"""
FILES: Final = {
    "jeugdzorg-zuid": ("clienten.csv", _CARE),
    "politie-oost": ("registraties.csv", _POLICE),
    "gemeente-veldstad": ("meldingen.csv", _MUNICIPALITY),
    "reclassering-oost": ("toezichten.csv", _PROBATION),
}
_COLUMNS: Final = {
    "jeugdzorg-zuid": {
        "cliëntnummer": "reference",
        "voornaam": "given_names",
        "tussenvoegsel": "surname_prefix",
        "achternaam": "surname",
        "geboortedatum": "birth_date",
        "telefoon": "phones",
        "zorg": "content.facts",
    },
    "politie-oost": {
        "registratie": "reference",
        "voornamen": "given_names",
        "achternaam": "surname",
        "geb_datum": "birth_date",
        "gsm": "phones",
        "instagram": "handles.instagram",
    },
    "gemeente-veldstad": {
        "kenmerk": "reference",
        "voornaam": "given_names",
        "achternaam": "surname",
        "geboortedatum": "birth_date",
        "postcode": "postcode",
        "huisnummer": "house_number",
        "bsn": "bsn",
    },
    "reclassering-oost": {
        "nummer": "reference",
        "voornaam": "given_names",
        "achternaam": "surname",
        "geboortedatum": "birth_date",
    },
}
_CONTACTS: Final = {
    "jeugdzorg-zuid": ("Jeugdzorg Zuid, team Veldstad", "gedragswetenschapper", "088 000 00 10", "werkdagen 9-17 uur"),
    "politie-oost": ("Politie, Team Mensenhandel Oost", "rechercheur mensenhandel", "088 000 00 00", "altijd"),
    "gemeente-veldstad": ("Gemeente Veldstad, Veiligheid", "regisseur zorg en veiligheid", "088 000 00 20", "8-18 uur"),
    "reclassering-oost": ("Reclassering Oost", "toezichthouder", "088 000 00 30", "werkdagen 9-17 uur"),
}
_BASES: Final = {
    "jeugdzorg-zuid": "reporting-right",
    "politie-oost": "legal-duty",
    "gemeente-veldstad": "reporting-right",
    "reclassering-oost": "legal-duty",
}
_TOLD: Final = ("content.danger", "content.contact-preference")
_SEED_BASES: Final = {**_BASES, "om-oost": "legal-duty"}
_SEED_CONTACTS: Final = {**_CONTACTS, "om-oost": ("Parket Oost", "officier van justitie", "088 000 00 40", "9-17 uur")}
SEEDS: Final = {
    "jeugdzorg-zuid": (
        (
            "zorgen.csv",
            "offender-prevention",
            "exploits-or-recruits",
            "reference,case_reference,given_names,surname,birth_date,phones,content.danger,content.contact-preference\n"
            "JZ-26-0502,JZ-26-0502,Milan,Scholten,2006-11-02,06 2345 6701,"
            "De partner is mogelijk betrokken,Niet thuis bellen; geen brieven\n",
        ),
        (
            "slachtoffers.csv",
            "victim-protection",
            "signs-of-exploitation",
            "reference,case_reference,given_names,surname,birth_date,phones,content.contact-preference\n"
            "JZ-26-0510,JZ-26-0510,Yara,Postma,2009-04-18,06 2345 6702,Alleen via school\n",
        ),
    ),
    "gemeente-veldstad": (
        (
            "kwetsbaar.csv",
            "victim-protection",
            "runaway-minor",
            "reference,case_reference,given_names,surname,birth_date,phones\n"
            "VS-26-0090,VS-26-0090,Yara,Postma,2009-04-18,06 2345 6702\n",
        ),
    ),
    "politie-oost": (
        (
            "mensenhandel.csv",
            "offender-prevention",
            "exploits-or-recruits",
            "reference,case_reference,given_names,surname,birth_date,phones\n"
            "OOST-26-1340,OOST-26-1340,Milan,Scholten,2006-11-02,06 2345 6701\n"
            "OOST-26-1344,OOST-26-1344,Onbekend,Onbekend,,06 2345 6702\n",
        ),
    ),
    "om-oost": (
        (
            "gedagvaard.csv",
            "probation-advice",
            "summoned-suspect",
            "reference,case_reference,given_names,surname,birth_date,bsn\n"
            "PAR-26-0077,PAR-26-0077,Stijn,Verhagen,1994-02-21,123456782\n",
        ),
    ),
    "reclassering-oost": (),
}
"""What the consoles begin with: file, purpose, ground, and rows under the names of fields. Care and police meet about
one; care and the municipality about a victim, of whom the police know the telephone for another purpose."""
_SEED_URGENCY, _FEBRL_URGENCY = "urgent", "normal"
"""The consoles' rows stand above the thousands of hits of the public data, also where a purpose is urgent by itself."""
FEBRL_COLUMNS: Final = {
    "rec_id": "reference",
    "given_name": "given_names",
    "surname": "surname",
    "street_number": "house_number",
    "postcode": "postcode",
    "date_of_birth": "birth_date",
}


def write_story(folder: Path, agency: str) -> tuple[Path, Path]:
    """Write an agency's file and its mapping; return both paths."""
    name, text = FILES[agency]
    path, mapping = folder / name, folder / f"{name}.mapping.yaml"
    path.write_text(text, encoding="utf-8")
    constants = _signal("offender-prevention", "exploits-or-recruits", _BASES[agency]) | _contact(*_CONTACTS[agency])
    mapping.write_text(_yaml(_COLUMNS[agency], constants), encoding="utf-8")
    return path, mapping


def write_seeds(folder: Path, agency: str) -> list[tuple[Path, Path]]:
    """Write what an agency's console begins with: files and their mappings."""
    written = []
    for name, purpose, ground, text in SEEDS[agency]:
        path, mapping = folder / f"{agency}-{name}", folder / f"{agency}-{name}.mapping.yaml"
        path.write_text(text, encoding="utf-8")
        constants = _signal(purpose, ground, _SEED_BASES[agency]) | _contact(*_SEED_CONTACTS[agency])
        constants |= {"urgency": _SEED_URGENCY}
        columns = {column: column for column in text.partition("\n")[0].split(",")}
        mapping.write_text(_yaml(columns, constants), encoding="utf-8")
        written.append((path, mapping))
    return written


def write_febrl_mapping(path: Path, *, purpose: str, ground: str, basis: str, identifier: str | None) -> Path:
    """Write the mapping of a FEBRL4 file; ``identifier`` names the column that is a document number, if any."""
    columns = FEBRL_COLUMNS | ({identifier: "documents.soc-sec"} if identifier else {})
    constants = (
        _signal(purpose, ground, basis)
        | {"country": "AU", "urgency": _FEBRL_URGENCY}
        | _contact("Proefdienst", "onderzoeker", "n.v.t.", "-")
    )
    path.write_text(_yaml(columns, constants), encoding="utf-8")
    return path


def identifier_values() -> list[str]:
    """Return what names a person in the story's files, alone and joined, as an agency might have sent it by mistake."""
    found = list(_seeded())
    for name, (_, text) in FILES.items():
        separator = ";" if ";" in text else ","
        header, *rows = (line.split(separator) for line in text.strip().splitlines())
        for row in rows:
            cells = {_COLUMNS[name][column]: value.strip() for column, value in zip(header, row, strict=True)}
            # Not the reference: an agency's own case number stands in the log beside the reason why somebody looked.
            found += [value for target, value in cells.items() if value and target != "reference"]
            given, surname = cells.get("given_names", ""), cells.get("surname", "")
            found += [f"{given} {surname}", f"{surname} {given}", f"{given}{surname}", f"{surname}, {given}"]
            for phone in [cells["phones"]] if cells.get("phones") else []:
                national = phone.replace("+31", "0").replace("-", "").replace(" ", "")
                found += [national, "+31" + national[1:], "31" + national[1:]]
            for handle in [cells["handles.instagram"]] if cells.get("handles.instagram") else []:
                found += [handle.lstrip("@"), f"instagram:{handle.lstrip('@')}"]
    return found


def _seeded() -> Iterator[str]:
    for files in SEEDS.values():
        for *_, text in files:
            header, *rows = csv.reader(io.StringIO(text))
            for cells in rows:
                named = dict(zip(header, cells, strict=True))
                given, surname, phone = named["given_names"], named["surname"], named.get("phones", "").replace(" ", "")
                yield from (given, surname, named["birth_date"], f"{given} {surname}", f"{surname} {given}")
                yield from (named[name] for name in named if name in ("bsn", *_TOLD) and named[name])
                if phone:
                    yield from (phone, "+31" + phone[1:], "31" + phone[1:])


def _signal(purpose: str, ground: str, basis: str) -> dict[str, str]:
    return {"purpose": purpose, "grounds": ground, "basis": basis}


def _contact(unit: str, function: str, phone: str, hours: str) -> dict[str, str]:
    return {"contact.unit": unit, "contact.function": function, "contact.phone": phone, "contact.hours": hours}


def _yaml(columns: dict[str, str], constants: dict[str, str]) -> str:
    lines = ["columns:", *(f"  {_quoted(k)}: {_quoted(v)}" for k, v in columns.items())]
    lines += ["constants:", *(f"  {_quoted(k)}: {_quoted(v)}" for k, v in constants.items())]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
