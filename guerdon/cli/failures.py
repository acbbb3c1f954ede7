"""Says in words what the user can put right; what is our own mistake keeps its stack trace."""

from guerdon.domain.errors import GuerdonError
from guerdon.store.faults import DRIVER_ERRORS, fault_of


def explain(error: Exception) -> str | None:
    """Put an error into words, or give None where a stack trace says more."""
    import psycopg

    if isinstance(error, GuerdonError):
        return str(error) or (type(error).__doc__ or error.code).splitlines()[0]
    if isinstance(error, psycopg.OperationalError):
        return f"the database cannot be reached: {_first_line(error)}"
    if isinstance(error, psycopg.Error):
        return f"the database refused: {_first_line(error)}"
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, DRIVER_ERRORS):
        return _explain_driver(error)
    return None


def _explain_driver(error: Exception) -> str | None:
    import asyncpg

    if isinstance(error, asyncpg.UndefinedTableError):
        return "the database has no tables yet; run: guerdon migrate"
    if isinstance(error, asyncpg.UndefinedColumnError):
        return "the database is of another version; run: guerdon migrate"
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return f"the database refused us: {_first_line(error)}"
    if fault_of(error) in ("lost", "busy"):
        return f"the database cannot be reached: {_first_line(error)}"
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
