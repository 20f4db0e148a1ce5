"""Source of Python 2 as source of Python 3, line by line, in memory."""
from __future__ import annotations

import importlib
import logging
import warnings
from typing import Any, List, Set

# Those that keep the number of lines. Names that `lost.py` knows, such as `reduce`, need none.
_FIXERS = (
    "apply", "basestring", "buffer", "dict", "except", "exec", "execfile", "exitfunc", "filter", "funcattrs", "getcwdu",
    "has_key", "imports", "import", "input", "itertools", "itertools_imports", "long", "map", "metaclass", "methodattrs", "ne",
    "next", "nonzero", "numliterals", "paren", "print", "raise", "raw_input", "renames", "repr", "standarderror", "sys_exc",
    "throw", "tuple_params", "types", "unicode", "xrange", "xreadlines", "zip",
)
_MISSING = ("this program is written in Python 2, which the package fissix translates; install it "
            "(pip install fissix, or tensorpack[tf1])")
_TAB = 8  # columns to which Python 2 takes a tab to go


class NotPython2(Exception):
    """The source is no Python 2 either.

    Attributes:
        line: where it stops to be that; None if unknown.
    """

    def __init__(self, message: str, line: Any) -> None:
        super().__init__(message)
        self.line = line


def translated(source: str, path: str) -> str:
    """The source as Python 3.

    Args:
        path: of the file; tells imports from beside it.

    Raises:
        NotPython2: it is not in Python 2.
        ImportError: neither fissix nor the module lib2to3 is there.
    """
    source = with_spaces(source if source.endswith("\n") else source + "\n")
    package = _translator()
    refactor = importlib.import_module(package + ".refactor")
    logging.getLogger("RefactoringTool").setLevel(logging.ERROR)  # hints for people who change the file
    names = ["{}.fixes.fix_{}".format(package, name) for name in _FIXERS]
    parse_error = importlib.import_module(package + ".pgen2.parse").ParseError
    token_error = importlib.import_module(package + ".pgen2.tokenize").TokenError
    try:
        return str(refactor.RefactoringTool(names).refactor_string(source, path))
    except parse_error as e:
        raise NotPython2(str(e.msg), e.context[1][0]) from e
    except token_error as e:
        raise NotPython2(str(e.args[0]), e.args[1][0]) from e
    except IndentationError as e:
        raise NotPython2(str(e.msg), e.lineno) from e


def _translator() -> str:
    """fissix, or what it continues, which Python has had up to 3.12."""
    for package in ("fissix", "lib2to3"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.import_module(package + ".refactor")
            return package
        except ImportError:
            continue
    raise ImportError(_MISSING, name="fissix")


def with_spaces(source: str) -> str:
    """The source with tabs at the beginning of its lines replaced by spaces, outside of strings of several lines."""
    inside = _lines_inside_strings(source)
    lines: List[str] = []
    for number, line in enumerate(source.splitlines(True), 1):
        body = line.lstrip(" \t\f")
        indent = line[:len(line) - len(body)]
        lines.append(line if number in inside else indent.expandtabs(_TAB).replace("\f", "") + body)
    return "".join(lines)


def _lines_inside_strings(source: str) -> Set[int]:
    tokenizer = importlib.import_module(_translator() + ".pgen2.tokenize")
    inside: Set[int] = set()
    try:
        for token in tokenizer.generate_tokens(iter(source.splitlines(True)).__next__):
            if token[0] == tokenizer.STRING and token[2][0] != token[3][0]:
                inside.update(range(token[2][0] + 1, token[3][0] + 1))
    except (tokenizer.TokenError, IndentationError, StopIteration):
        pass
    return inside
