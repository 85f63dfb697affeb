# SPDX-License-Identifier: EUPL-1.2
"""The files of an answer to a citizen: pages, JSON, and with the full form a receipt of every entry.

No file's name says anything about the person. All are for the privacy officer alone until he or she hands one out.
Not here: what stands in them (``subject_page.py``, ``subject_json.py``).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from agency_client.subject_checking import CheckedSubject
from agency_client.subject_json import report_json
from agency_client.subject_page import page_of
from agency_client.subject_report import SubjectReport
from edge.files import put_file
from edge.languages import Lang
from protocol.covenant import Covenant
from protocol.receipts import write_receipt
from protocol.tlog_proof import SUFFIX

RECEIPTS: Final = "receipts"
_PRIVATE: Final = 0o600


def report_files(report: SubjectReport, covenant: Covenant, langs: Sequence[Lang]) -> dict[str, bytes]:
    """Return one form as a page a language and as JSON, by the files' names."""
    pages = {f"report.{report.form}.{lang}.html": page_of(report, covenant, lang).encode() for lang in langs}
    document = json.dumps(report_json(report, covenant), ensure_ascii=False, indent=2)
    return {**pages, f"report.{report.form}.json": document.encode() + b"\n"}


def receipt_files(checked: CheckedSubject) -> dict[str, bytes]:
    """Return a receipt of every entry and of the request itself; each opens its entry whole: for the file only."""
    return {
        f"entry-{place}{SUFFIX}": write_receipt(evidence, checked.checkpoint).encode()
        for place, evidence in sorted(checked.evidence.items())
    }


def write_report(report: SubjectReport, covenant: Covenant, langs: Sequence[Lang], folder: Path) -> list[Path]:
    """Write one form as a page a language and as JSON; what was there before is replaced."""
    return _write(report_files(report, covenant, langs), folder)


def write_receipts(checked: CheckedSubject, folder: Path) -> list[Path]:
    """Write the receipts into a folder of their own."""
    return _write(receipt_files(checked), folder / RECEIPTS)


def _write(files: Mapping[str, bytes], folder: Path) -> list[Path]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in files.items():
        put_file(folder / name, content, mode=_PRIVATE)
    return [folder / name for name in files]
