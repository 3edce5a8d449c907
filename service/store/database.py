"""The database of a server: opened when it is first used, every failure of it one kind of refusal."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from service.errors import Unavailable
from service.settings import Settings
from service.store.dialects import WRITES, postgresql_engine, sqlite_engine
from service.store.migrate import migrate

FILE = "adjoint.sqlite"
RETRY_SECONDS = 5


class Database:
    """Short transactions on one database, from any thread.

    Nothing is opened and no file made before the first transaction.  `report`, where it is set, is told why something
    failed; clients are only told that it did, because reasons may name hosts and folders.  One that is `migrated` was
    opened by another process before.
    """

    def __init__(self, settings: Settings, migrated: bool = False) -> None:
        self._settings, self._migrated = settings, migrated
        self._engine: sa.Engine | None = None
        self._lock = Lock()
        self.report: Callable[[str], None] | None = None

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that reads, and sees one state of all tables.  Raises `Unavailable`."""
        with self._refusing(), self._opened().begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that writes, the only one of all processes; undone when the block raises.

        Raises `Unavailable`, also when it does not get its turn.
        """
        with self._refusing(), self._opened().execution_options(**{WRITES: True}).begin() as connection:
            yield connection

    @property
    def made(self) -> bool:
        """Whether there is a database: it was opened, or is there to be opened."""
        settings = self._settings
        if self._engine is not None:
            return True
        if not settings.database_url:
            return (settings.data_dir / FILE).exists()
        made_here = settings.database_url.startswith("sqlite")
        return not made_here or Path(sa.make_url(settings.database_url).database or "").exists()

    def close(self) -> None:
        """Close all connections; the next transaction opens it again."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
            self._engine = None

    def _opened(self) -> sa.Engine:
        if self._engine is None:
            with self._lock:
                if self._engine is None:
                    engine = self._made()
                    try:
                        if not self._migrated:
                            with engine.execution_options(**{WRITES: True}).begin() as connection:
                                migrate(connection)
                    except BaseException:
                        engine.dispose()
                        raise
                    self._engine = engine
                    # Also when it is dropped without having been closed, no connection is left.
                    weakref.finalize(self, engine.dispose)
        return self._engine

    def _made(self) -> sa.Engine:
        settings = self._settings
        if not settings.database_url:
            return sqlite_engine(str(settings.data_dir / FILE), settings.database_seconds)
        if settings.database_url.startswith("sqlite"):
            file = sa.make_url(settings.database_url).database or ""
            return sqlite_engine(file, settings.database_seconds)
        # `postgres://` is what many hosts hand out.
        url = sa.make_url(settings.database_url.replace("postgres://", "postgresql://", 1))
        return postgresql_engine(url, settings.database_seconds)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError, ImportError) as error:
            raise self._unavailable(error) from error
        except Exception as error:
            # Alembic is loaded with the first migration, and so is the class of its errors.
            if type(error).__module__.partition(".")[0] != "alembic":
                raise
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> Unavailable:
        if self.report is not None:
            # SQLAlchemy's own words go on with the statement and its parameters, which are the client's.
            self.report(str(getattr(error, "orig", None) or error))
        detail = "The server cannot read or write its database; its log has the reason."
        return Unavailable(detail, headers={"Retry-After": str(RETRY_SECONDS)})
