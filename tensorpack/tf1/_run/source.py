"""The program's own files: they are compiled anew each time, from source that may be Python 2, and nothing of it is written."""
from __future__ import annotations

import ast
import builtins
import importlib.machinery
import importlib.util
import os
import sys
from types import CodeType
from typing import Any, List, NamedTuple, Optional, Set, Tuple

from . import lost
from .old.process import become_python_2, note_names_of_python_2
from .places import is_of_program
from .python_2 import NotPython2, translated
from .rewriting import HELPER, rewritten
from .rewriting_python_2 import old_meanings_in, with_old_meanings

_told: Set[str] = set()


class Program(NamedTuple):
    """A file of a program, ready to be compiled."""
    tree: ast.Module
    is_python_2: bool
    lost: List[Tuple[int, str]]  # (line, name) of Python 2 in it
    first_line: Optional[int]  # at which it stops to be Python 3
    meanings: List[Tuple[int, str]]  # (line, what) that means something else, or nothing, in Python 3


def read_by_us() -> None:
    """From now on the files of the program are compiled by this module, whoever imports them."""
    setattr(builtins, HELPER, lost)
    loader: Any = importlib.machinery.SourceFileLoader
    get_code = loader.get_code

    def get(self: Any, name: str) -> Optional[CodeType]:
        path = self.get_filename(name)
        return code_to_run(self.get_data(path), path) if is_of_program(path) else get_code(self, name)

    loader.get_code = get


def code_to_run(content: bytes, path: str) -> CodeType:
    """The code of a file of the program that this process runs; if it is Python 2, all of the program is.

    Raises:
        SyntaxError: it is neither Python 3 nor Python 2.
    """
    program = parsed(content, path)
    if program.is_python_2:
        become_python_2()
    elif program.lost:
        note_names_of_python_2()
    return _compiled(program, path)


def code_of(content: bytes, path: str) -> CodeType:
    """The code of a file of a program.

    Raises:
        SyntaxError: it is neither Python 3 nor Python 2.
    """
    return _compiled(parsed(content, path), path)


def _compiled(program: Program, path: str) -> CodeType:
    _tell(program, path)
    return compile(program.tree, path, "exec", dont_inherit=True)


def parsed(content: bytes, path: str) -> Program:
    """The tree of a file, changed so that it runs on today's Python.

    Raises:
        SyntaxError: it is neither Python 3 nor Python 2.
    """
    try:
        tree = ast.parse(content, path)
    except SyntaxError as e:
        return _parsed_as_python_2(content, path, e)
    meanings = old_meanings_in(tree)
    changed = rewritten(tree)
    return Program(changed.tree, False, changed.lost, None, meanings)


def _parsed_as_python_2(content: bytes, path: str, error: SyntaxError) -> Program:
    try:
        text = translated(_decoded(content), path)
        tree = ast.parse(text, path)
        meanings = old_meanings_in(tree)
        changed = rewritten(with_old_meanings(tree), old_division=True)
    except (NotPython2, SyntaxError, UnicodeDecodeError) as e:
        line = getattr(e, "line", None) or getattr(e, "lineno", None)
        if line and (error.lineno or 0) < line <= content.count(b"\n"):  # it got further, but not to the end
            message = "{} (read as Python 2; as Python 3, line {}: {})".format(e.args[0], error.lineno, error.msg)
            raise SyntaxError(message, (path, line, None, _line(content, line))) from None
        raise error from None
    return Program(changed.tree, True, changed.lost, error.lineno, meanings)


def _decoded(content: bytes) -> str:
    try:
        return importlib.util.decode_source(content)
    except (SyntaxError, UnicodeDecodeError):
        return content.decode("latin-1")  # Python 2 took any byte in a comment


def _line(content: bytes, number: int) -> str:
    lines = content.decode("utf-8", "replace").splitlines()
    return lines[number - 1] if number <= len(lines) else ""


def _tell(program: Program, path: str) -> None:
    """Say once what was done to a file."""
    if path in _told:
        return
    _told.add(path)
    beside = os.path.relpath(path)
    name = path if beside.startswith(os.pardir) else beside
    if program.is_python_2:
        say("{}:{}: this file is Python 2; it is translated in memory, and `/` rounds integers down".format(
            name, program.first_line))
    elif program.lost:
        names = sorted({word for _, word in program.lost})
        say("{}:{}: this file uses names of Python 2 ({}); they are provided, and `/` is that of Python 3".format(
            name, program.lost[0][0], ", ".join(names)))


def say(words: str) -> None:
    """One line for the person at the terminal."""
    print("[tensorpack.tf1] " + words, file=sys.stderr)
