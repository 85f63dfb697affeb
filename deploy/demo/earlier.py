# SPDX-License-Identifier: EUPL-1.2
"""``python -m deploy.demo.earlier DAYS COMMAND …``: run ``sluis COMMAND`` as if it were so many days ago.

An agreement counts in days and a demo has minutes. The clock goes on from there, and is set back by time-machine
(adamj.eu/tech); waiting times are measured by another clock, and are what they are. Not here: anything of Sluis.
"""

import sys
from datetime import UTC, datetime, timedelta

import time_machine

import sluis


def main() -> None:
    """Set the clock back, and run the command."""
    days = int(sys.argv.pop(1))
    with time_machine.travel(datetime.now(UTC) - timedelta(days=days), tick=True):
        sluis.main()


if __name__ == "__main__":
    main()
