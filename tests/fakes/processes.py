# SPDX-License-Identifier: EUPL-1.2
"""Real Sluis processes for tests; the demo starts the same ones."""

from deploy.processes import READY_SECONDS, STOP_SECONDS, Process, ProcessError, all_of, free_port, run, start

__all__ = ["READY_SECONDS", "STOP_SECONDS", "Process", "ProcessError", "all_of", "free_port", "run", "start"]
