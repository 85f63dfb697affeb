# SPDX-License-Identifier: EUPL-1.2
"""The files of an answer to a citizen: pages, JSON, and with the full form a receipt of every entry.

No file's name says anything about the person. All are for the privacy officer alone until he or she hands one out.
Not here: what stands in them (``subject_page.py``, ``subject_json.py``).
"""

import json
from collections.abc import Sequence
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


def write_report(report: SubjectReport, covenant: Covenant, langs: Sequence[Lang], folder: Path) -> list[Path]:
    """Write one form as a page a language and as JSON; what was there before is replaced."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = []
    for lang in langs:
        path = folder / f"report.{report.form}.{lang}.html"
        put_file(path, page_of(report, covenant, lang).encode(), mode=_PRIVATE)
        written.append(path)
    path = folder / f"report.{report.form}.json"
    document = json.dumps(report_json(report, covenant), ensure_ascii=False, indent=2)
    put_file(path, document.encode() + b"\n", mode=_PRIVATE)
    return [*written, path]


def write_receipts(checked: CheckedSubject, folder: Path) -> list[Path]:
    """Write a receipt of every entry and of the request itself; each opens its entry whole: for the file only."""
    target = folder / RECEIPTS
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = []
    for place, evidence in sorted(checked.evidence.items()):
        path = target / f"entry-{place}{SUFFIX}"
        put_file(path, write_receipt(evidence, checked.checkpoint).encode(), mode=_PRIVATE)
        written.append(path)
    return written
