"""Words that the traceback of an error shows at its end."""
from __future__ import annotations

from .. import logger


def add_note(error: Exception, text: str) -> None:
    """Let the traceback of an error show a text at its end; before Python 3.11, which has no notes, the log has it."""
    if hasattr(error, "add_note"):
        error.add_note(text)
    else:
        logger.error("%s: %s", text, type(error).__name__)
