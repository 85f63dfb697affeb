# SPDX-License-Identifier: EUPL-1.2
"""The schema that migrations make, held against the tables as written, and against the rules for spreading it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg.sql import SQL
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from broker.migrate import migrate
from broker.postgres.acts import AGREED, BY_INDEX, COMMON
from broker.tables import TAG_PARTITIONS, SignalTable

DISTRIBUTION = {
    "tags": "tag",
    "signals": "id",
    "parts": "signal_id",
    "hits": "first_signal",
    "known_pairs": "first_token",
    "notices": "agency",
    "notice_counters": "agency",
    "follow_ups": "agency",
    "earlier_registrations": "signal_id",
    "muted_tags": "tag",
}


def test_migrations_make_the_tables_as_written(database: str) -> None:
    """After all migrations nothing differs from ``tables.py``, and running them again changes nothing."""
    migrate(database)
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
    with engine.connect() as connection:
        differences = compare_metadata(
            MigrationContext.configure(
                connection,
                opts={"include_object": lambda _o, name, kind, *_: not (kind == "table" and name[:5] == "tags_")},
            ),
            SignalTable.metadata,
        )
    assert differences == []


def test_every_key_holds_its_distribution_column(database: str) -> None:
    """Each primary or unique key of a spread table contains that table's distribution column."""
    with psycopg.connect(database) as connection:
        keys = connection.execute(
            """SELECT t.relname, array_agg(a.attname::text) FROM pg_index i
               JOIN pg_class t ON t.oid = i.indrelid
               JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY(i.indkey)
               WHERE i.indisunique AND t.relnamespace = 'public'::regnamespace GROUP BY t.relname, i.indexrelid"""
        ).fetchall()
    spread = [(table, columns) for table, columns in keys if table in DISTRIBUTION]
    assert {table for table, _ in spread} == set(DISTRIBUTION)
    for table, columns in spread:
        assert DISTRIBUTION[table] in columns, table


def test_no_table_refers_to_another(database: str) -> None:
    """There is no foreign key, and no id that the database makes."""
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM pg_constraint WHERE contype = 'f'").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM pg_class WHERE relkind = 'S'").fetchone() == (0,)


def test_tag_rows_are_partitioned_by_tag(database: str) -> None:
    """Tag rows are spread over hash partitions, and a lookup by tag reads one of them."""
    with psycopg.connect(database) as connection:
        count = connection.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'tags'::regclass").fetchone()
        assert count == (TAG_PARTITIONS,)
        plan = connection.execute(r"EXPLAIN SELECT 1 FROM tags WHERE tag = '\x01'").fetchall()
    assert sum("tags_" in line for (line,) in plan if "Scan" in line and "Bitmap Index" not in line) == 1


ROWS = 200_000
KEYS = 17
BATCH = 60
"""Signals of the batch: a thousand tags, as the design has it."""


@pytest.mark.parametrize("query", [AGREED, COMMON], ids=["who agrees", "what is common"])
def test_matching_reads_tags_by_index(filled: str, query: str) -> None:
    """Tags of a batch, against very many, are matched by looking each up in its partition's index, never by reading a
    whole partition, so the work follows the batch and not the table.
    """
    with psycopg.connect(filled) as connection:
        batch = connection.execute("SELECT DISTINCT signal_id FROM tags ORDER BY 1 LIMIT %s", (BATCH,)).fetchall()
        epoch = connection.execute("SELECT min(epoch) FROM tags").fetchone()
        assert epoch is not None
        values = ([row[0] for row in batch], epoch[0], [] if query is AGREED else 100)
        connection.execute("SET plan_cache_mode = force_custom_plan")
        connection.execute(BY_INDEX)
        answer = connection.execute(SQL("EXPLAIN (FORMAT JSON) " + query), values).fetchone()
    assert answer is not None
    nodes = list(_nodes(answer[0][0]["Plan"]))
    on_tags = [node for node in nodes if node.get("Relation Name", "").startswith("tags_")]
    assert {node["Node Type"] for node in on_tags} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
    looked_up = {node["Relation Name"] for node in on_tags if "tag =" in node.get("Index Cond", "")}
    assert len(looked_up) == TAG_PARTITIONS


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


@pytest.fixture
def filled(database: str) -> str:
    """A database with many tag rows and fresh figures about them; every tag stands on two signals."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            """INSERT INTO tags (tag, signal_id, role, kind, agency, purpose, epoch, case_hash)
               SELECT sha256((i %% %s)::text::bytea), md5((i / %s)::text)::uuid, 'subject', 'phone',
                      'agency-' || i / %s %% 5, 'offender-prevention', 1, i / %s
               FROM generate_series(1, %s) AS i""",
            (ROWS // 2, KEYS, KEYS, KEYS, ROWS),
        )
        connection.execute("ANALYZE tags")
    return database
