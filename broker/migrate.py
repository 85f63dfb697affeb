# SPDX-License-Identifier: EUPL-1.2
"""Bring a database to the present schema at start, once, also when several brokers start together.

Not here: the changes themselves (``migrations/``).
"""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from broker.binaries import OLDEST
from protocol.errors import Code, ConfigurationError, UnavailableError

_LOCK: Final = 0x51_0001
"""The advisory lock under which a schema is changed; any number that nothing else of ours uses."""


def migrate(url: str) -> None:
    """Make or update the schema of the database at a libpq URL.

    Raises ``UnavailableError`` when it does not answer and ``ConfigurationError`` when PostgreSQL is too old.
    """
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.connect() as connection:
            version = int(str(connection.execute(text("SHOW server_version_num")).scalar_one())) // 10_000
            if version < OLDEST:
                raise ConfigurationError(Code.SETTINGS_INVALID, f"PostgreSQL {version} is older than {OLDEST}.")
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
            connection.commit()
    except OperationalError as error:
        # The driver's text can repeat the address, and with it a password.
        raise UnavailableError(
            Code.UNAVAILABLE, "The database does not answer.", hint="Check --database and that PostgreSQL runs."
        ) from error
