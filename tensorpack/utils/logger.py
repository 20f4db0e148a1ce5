"""The library's one logger (`logging.getLogger("tensorpack")`): coloured lines on stdout, plain ones in `log.log`.

`set_logger_dir` names the directory of a run; its `log.log` then receives what the console shows.
"""
from __future__ import annotations

import errno
import glob
import itertools
import logging
import os
import re
import shutil
import sys
from datetime import datetime
from typing import Any, Callable, List, Optional, Union

from .._exports import tell_near_names
from ..utils._text.keywords import keywords_told
from ._console import ConsoleHandler
from ._files.emptied import note_action
from ._files.paths import is_remote, normpath
from ._files.writer_lock import has_other_writer, hold_as_writer, one_at_a_time
from ._text.colour import colored

__all__ = [
    "addFilter",
    "auto_set_dir",
    "critical",
    "debug",
    "error",
    "exception",
    "get_logger_dir",
    "info",
    "setLevel",
    "set_logger_dir",
    "warn",
    "warning",
]

tell_near_names(__name__)

LOG_DIR: Optional[str] = None
_working_dir: Optional[str] = None  # in which a relative LOG_DIR was set
_FILE_HANDLER: Optional[logging.FileHandler] = None

_ANSI_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CHOICES = "k (keep the files), d (delete them), b (back up: rename the directory), n (use a new directory)"


class _Formatter(logging.Formatter):
    """`[MMDD HH:MM:SS @file.py:line] MARK message`, where `paint(text, *termcolor arguments)` colours the parts."""

    def __init__(self, paint: Callable[..., str]):
        super().__init__()
        stamp = paint("[%(asctime)s @%(filename)s:%(lineno)d]", "green")
        error_mark = paint("ERR", "red", attrs=["blink", "underline"])
        marks = {
            logging.DEBUG: paint("DBG", "yellow", attrs=["blink"]),
            logging.INFO: "",
            logging.WARNING: paint("WRN", "red", attrs=["blink"]),
            logging.ERROR: error_mark,
            logging.CRITICAL: error_mark,
        }
        self._formatters = {
            level: logging.Formatter(" ".join(filter(None, [stamp, mark, "%(message)s"])), datefmt="%m%d %H:%M:%S")
            for level, mark in marks.items()
        }

    def format(self, record: logging.LogRecord) -> str:
        return self._formatters.get(record.levelno, self._formatters[logging.INFO]).format(record)


class _PlainFormatter(_Formatter):
    """The same line without colours, also without those that the message brings."""

    def __init__(self) -> None:
        super().__init__(lambda text, *args, **kwargs: text)

    def format(self, record: logging.LogRecord) -> str:
        return _ANSI_ESCAPE.sub("", super().format(record))


def _make_logger() -> logging.Logger:
    result = logging.getLogger("tensorpack")
    result.propagate = False
    result.setLevel(logging.INFO)
    _console.setFormatter(_Formatter(colored))
    result.addHandler(_console)
    return result


_console = ConsoleHandler()
_logger = _make_logger()

# Bound methods, so that the location in a line is the caller's.
info = _logger.info
warning = _logger.warning
warn = _logger.warning
error = _logger.error
critical = _logger.critical
exception = _logger.exception
debug = _logger.debug
setLevel = _logger.setLevel
addFilter = _logger.addFilter


def _terminal_size() -> Optional[os.terminal_size]:
    """Columns and lines of the terminal that shows the log; None if none does, or the level hides what is no warning."""
    return _console.terminal_size() if _console in _logger.handlers and _logger.isEnabledFor(logging.INFO) else None


def _show_only_on_console(text: str) -> None:
    """Log a text that `log.log` and other handlers do not get."""
    caller = sys._getframe(1)
    record = _logger.makeRecord(_logger.name, logging.INFO, caller.f_code.co_filename, caller.f_lineno,
                                _console.encodable(text), (), None)
    if _logger.filter(record):
        _console.handle(record)


def get_logger_dir() -> Optional[str]:
    """The directory given to `set_logger_dir`, or None; a relative one is absolute after `os.chdir`."""
    if LOG_DIR is None or _working_dir in (None, _present_dir()) or is_remote(LOG_DIR):
        return LOG_DIR
    return os.path.join(_working_dir or "", LOG_DIR)


def _present_dir() -> Optional[str]:
    try:
        return os.getcwd()
    except FileNotFoundError:  # it was deleted
        return None


@keywords_told
def set_logger_dir(dirname: Union[str, os.PathLike[str]], action: Optional[str] = None) -> None:
    """Use `dirname` as the directory of this run: create it and log to its `log.log`.

    Args:
        dirname: a local path or a URL; the latter is stored as it is and gets no `log.log`.
        action: what to do with a directory that holds files already (names that start with a dot do not count):
            "k" keeps them, "d" deletes them (unless the command line names one of them, as a checkpoint to load; without the
            `log.log` of a run among them, it does what "b" does), "b" renames the old directory, "n" uses a new directory named
            after this one and the time. None takes the environment variable TENSORPACK_LOGDIR_ACTION, or asks on the terminal;
            without a terminal the files are kept.

    An existing `log.log` is renamed to `log.log.MMDD-HHMMSS`. Raises OSError if the directory cannot be written, the action is
    none of the above (whether or not the directory holds files), or another process writes its `log.log` there and the action
    is "d" or "b" ("k" warns); the directory set before then stays in use.
    """
    global LOG_DIR, _working_dir
    dirname = normpath(os.fspath(dirname))
    action = _checked(action, "action") if action else None
    if action is None:
        _action_of_environment()  # a wrong one is told now, not when the directory holds the files of a run
    if is_remote(dirname):
        _close_log_file()
        LOG_DIR = dirname
        warning("No log.log is written, because the log directory %s is not a local path.", dirname)
        return
    if not action and _holds_files(dirname):
        action = _choose_action(dirname)  # which may ask, and others need not wait for the answer
    with one_at_a_time(_existing_parent(dirname)):
        had_checkpoints = _lists_checkpoints(dirname)
        if _holds_files(dirname):
            dirname = _make_room(dirname, action)
        note_action(dirname, action if had_checkpoints and not _lists_checkpoints(dirname) else None)
        handler = _open_log_file(dirname)
    _close_log_file()
    _attach(handler)
    LOG_DIR, _working_dir = dirname, _present_dir()
    info("Argv: %s", " ".join(sys.argv))


@keywords_told
def auto_set_dir(action: Optional[str] = None, name: Optional[str] = None) -> None:
    """`set_logger_dir("train_log/SCRIPT[:NAME]", action)`, where SCRIPT is the main script without its extension.

    In an interactive session SCRIPT is `interactive`. On Windows the separator is `_`.
    """
    script = getattr(sys.modules["__main__"], "__file__", None) or "interactive"
    basename = os.path.splitext(os.path.basename(script))[0]
    if name:
        basename += ("_" if os.name == "nt" else ":") + name
    set_logger_dir(os.path.join("train_log", basename), action=action)


def _existing_parent(dirname: str) -> str:
    path = os.path.dirname(os.path.abspath(dirname))
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _attach(handler: logging.FileHandler) -> None:
    global _FILE_HANDLER
    _FILE_HANDLER = handler
    _logger.addHandler(handler)


def _close_log_file() -> None:
    """Stop logging to a file; does nothing if no file is open."""
    global _FILE_HANDLER
    if _FILE_HANDLER is not None:
        handler, _FILE_HANDLER = _FILE_HANDLER, None
        _logger.removeHandler(handler)
        handler.close()


def _open_log_file(dirname: str) -> logging.FileHandler:
    try:
        os.makedirs(dirname, exist_ok=True)
        path = os.path.join(dirname, "log.log")
        if os.path.isfile(path):
            backup = _unused_path(path + "." + _timestamp())
            os.rename(path, backup)
            info("The existing log file was renamed to %s", backup)
        handler = logging.FileHandler(path, mode="w", encoding="utf-8")
        stream: Any = handler.stream  # open: nobody asked for a delay
        hold_as_writer(stream)
    except OSError as e:
        raise _os_error(e, "set_logger_dir: the log directory must be writable; got: {}; try another directory", dirname) from e
    handler.setFormatter(_PlainFormatter())
    return handler


def _holds_files(dirname: str) -> bool:
    if not os.path.isdir(dirname):
        return False
    try:
        return any(not name.startswith(".") for name in os.listdir(dirname))
    except OSError as e:
        raise _os_error(e, "set_logger_dir: the log directory must be readable; got: {}; try another directory", dirname) from e


def _make_room(dirname: str, action: Optional[str]) -> str:
    """Apply `action` to a directory that holds files; return the directory to use."""
    action = action or _choose_action(dirname)
    actions = {"k": lambda path: path, "d": _delete, "b": _back_up, "n": _new_directory}
    try:
        _look_for_other_writer(dirname, action)
        return actions[action](dirname)
    except OSError as e:
        message = "set_logger_dir(action={!r}) failed: {{}}; try another action or directory".format(action)
        raise _os_error(e, message, e.filename or dirname) from e


def _checked(action: Any, what: str) -> str:
    """One of the letters."""
    letter = action.strip().lower() if isinstance(action, str) else ""
    if letter not in ("k", "d", "b", "n"):
        raise OSError("set_logger_dir: {} must be one of {}; got {!r}; choose one of these or another directory".format(
            what, _CHOICES, action))
    return letter


def _lists_checkpoints(dirname: str) -> bool:
    return os.path.isfile(os.path.join(dirname, "checkpoint"))


def _look_for_other_writer(dirname: str, action: str) -> None:
    path = os.path.join(dirname, "log.log")
    if action == "n" or not has_other_writer(path):
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        command = file.readline().partition("Argv: ")[2].strip()
    who = "another process{}".format(", started as {!r},".format(command) if command else "")
    if action != "k":
        raise OSError(errno.EBUSY, "{} writes its log there, and so it is neither deleted nor renamed; give each process a "
                      "directory of its own".format(who), dirname)
    warning("%s writes its log in %s, too: checkpoints and statistics of both will be mixed. Give each process a directory of "
            "its own.", who[0].upper() + who[1:], dirname)


def _choose_action(dirname: str) -> str:
    from_environment = _action_of_environment()
    if from_environment:
        return from_environment
    warning("Log directory %s exists and holds files! Use auto_set_dir() or another directory to keep runs apart.", dirname)
    if _can_ask():
        warning("If you are resuming from it, choose to keep it: %s.", _CHOICES)
        try:
            return _checked(_ask(), "the answer")
        except EOFError:
            pass
    warning("There is no terminal to ask what to do, so its files are kept. To choose, pass `action` or set the environment "
            "variable TENSORPACK_LOGDIR_ACTION: %s.", _CHOICES)
    return "k"


def _action_of_environment() -> Optional[str]:
    value = os.environ.get("TENSORPACK_LOGDIR_ACTION", "").strip()
    return _checked(value, "TENSORPACK_LOGDIR_ACTION") if value else None


def _can_ask() -> bool:
    try:
        return sys.stdin is not None and sys.stdin.isatty()
    except ValueError:  # stdin is closed
        return False


def _ask() -> str:
    answer = ""
    while not answer:
        answer = input("Select Action: k (keep) / d (delete) / q (quit):").strip()
    return answer


def _delete(dirname: str) -> str:
    inside = os.path.join(os.path.realpath(dirname), "")  # ends with a separator
    if os.path.join(os.getcwd(), "").startswith(inside):
        raise OSError(errno.EBUSY, "it holds the working directory and so is not deleted", dirname)
    needed = [arg for arg in _paths_on_command_line() if os.path.realpath(arg).startswith(inside)]
    if needed:
        message = "it holds {}, which the command line names, and so is not deleted".format(needed[0])
        raise OSError(errno.EBUSY, message, dirname)
    if not any(name.startswith("log.log") for name in os.listdir(dirname)):  # other things of the user, perhaps the only copy
        warning("%s holds files, but not the log.log of a run, and so it is renamed, not deleted.", dirname)
        return _back_up(dirname)
    shutil.rmtree(dirname, ignore_errors=True)
    if os.path.lexists(dirname):  # what is left may have been in use for a moment; now errors show
        shutil.rmtree(dirname)
    return dirname


def _paths_on_command_line() -> List[str]:
    """Arguments, or their values after `=`, that are files or prefixes of files, such as a checkpoint to load."""
    values = [arg.rpartition("=")[2] for arg in sys.argv[1:]]
    return [value for value in values if value and (os.path.lexists(value) or glob.glob(glob.escape(value) + ".*"))]


def _back_up(dirname: str) -> str:
    backup = _unused_path(dirname + _timestamp())
    os.rename(dirname, backup)
    info("The existing log directory was renamed to %s", backup)
    return dirname


def _new_directory(dirname: str) -> str:
    stem = dirname + _timestamp()
    while True:
        path = _unused_path(stem)
        try:
            os.makedirs(path)
        except FileExistsError:  # another process was faster
            continue
        info("The new log directory is %s", path)
        return path


def _timestamp() -> str:
    return datetime.now().strftime("%m%d-%H%M%S")


def _unused_path(path: str) -> str:
    """`path`, or else the first free one of `path-2`, `path-3`, ..."""
    if not os.path.lexists(path):
        return path
    return next(candidate for candidate in ("{}-{}".format(path, k) for k in itertools.count(2))
                if not os.path.lexists(candidate))


def _os_error(e: OSError, message: str, path: str) -> OSError:
    return OSError(e.errno or errno.EIO, message.format(e.strerror or e), path)
