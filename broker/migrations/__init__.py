# SPDX-License-Identifier: EUPL-1.2
"""Alembic's scripts, one a schema change. Not here: running them (``broker/migrate.py``)."""
