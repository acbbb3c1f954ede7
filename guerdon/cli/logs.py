"""What the long-running processes log: one line an event, as JSON or for a person's eyes."""

import logging
import sys

import structlog
from structlog.typing import Processor

from guerdon.config import Config


def set_up_logs(config: Config) -> None:
    """Send our log and that of the libraries to the error output, in one form."""
    level = logging.getLevelNamesMapping()[config.log_level.upper()]
    is_json = config.log_format == "json" or (
        config.log_format == "auto" and not sys.stderr.isatty()
    )
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if is_json:
        before.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: Processor
    if is_json:
        last = structlog.processors.JSONRenderer()
    else:
        # Its usual tracebacks show the local variables of every call, and a key among them.
        plain = structlog.dev.plain_traceback
        last = structlog.dev.ConsoleRenderer(exception_formatter=plain)
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Every start and stop of a connection's server is said by ourselves, once.
    logging.getLogger("uvicorn").setLevel(max(level, logging.WARNING))
    # A line for every call to a platform, with its whole address, is nobody's information.
    for library in ("httpx", "httpcore"):
        logging.getLogger(library).setLevel(max(level, logging.WARNING))
