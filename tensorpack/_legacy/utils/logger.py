"""Functions of the logger."""
from __future__ import annotations

import logging
import os
from typing import Any, Optional

from ...utils import logger
from ...utils._types import wraps


def disable_logger() -> None:
    """Log nothing from here on."""
    getlogger().disabled = True


def getlogger() -> logging.Logger:
    """The `logging.Logger` of the library."""
    return logging.getLogger("tensorpack")


def get_time_str() -> str:
    """The time as MMDD-HHMMSS."""
    return logger._timestamp()


def warn_dependency(name: str, dependencies: str) -> None:
    """Log that something is not available for want of a package."""
    logger.warning("%s needs %s, which cannot be imported.", name, dependencies)


def adapt_logger(module: Any) -> None:
    """`auto_set_dir` takes a bool that says whether to delete what is there, and LOG_FILE is the path of the log."""
    today = module.auto_set_dir

    @wraps(today)
    def auto_set_dir(action: Optional[str] = None, name: Any = None, **kwargs: Any) -> None:
        for old in ("overwrite", "overwrite_setting"):
            if old in kwargs:
                name = kwargs.pop(old)
        if isinstance(name, bool):
            from .._spelling import warn_once  # not before: it imports the logger

            warn_once("auto_set_dir(overwrite={})".format(name), "auto_set_dir('d'), which deletes the files of an earlier run")
            action, name = "d" if name and action is None else action, None
        today(action, name, **kwargs)

    others = module.__dict__["__getattr__"]

    def __getattr__(attribute: str) -> Any:
        if attribute != "LOG_FILE":
            return others(attribute)
        return module.LOG_DIR and os.path.join(module.LOG_DIR, "log.log")

    module.auto_set_dir = auto_set_dir
    module.__getattr__ = __getattr__
