"""What an exception of the driver means for the work under way."""

from typing import Literal

import asyncpg

# Everything the driver and the network raise; what else is raised is our own mistake.
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, EOFError)

Fault = Literal["collision", "lost", "constraint", "busy", "other"]

_COLLISIONS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    OSError,
    EOFError,
)
_BUSY = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError)


def fault_of(error: BaseException) -> Fault:
    """Say what happened: a collision with a rival (try again), a lost connection, a constraint
    that held, a time-out, or something else. All but a loss at COMMIT changed nothing."""
    if isinstance(error, _COLLISIONS):
        return "collision"
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return "constraint"
    if isinstance(error, _BUSY):
        return "busy"
    return "lost" if isinstance(error, _LOST) else "other"


def constraint_of(error: BaseException) -> str | None:
    """Name the constraint that refused a write."""
    name: str | None = getattr(error, "constraint_name", None)
    return name
