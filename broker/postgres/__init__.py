# SPDX-License-Identifier: EUPL-1.2
"""The broker's store on PostgreSQL, through psycopg 3: the only SQL that runs while the broker serves.

``store.py`` opens it, ``acts.py`` reads under locks, ``writes.py`` turns facts into rows, ``notices.py`` and
``proofs.py`` read what is told and proven, ``log.py`` keeps the log's own rows.
Not here: the schema (``broker/tables.py``).
"""
