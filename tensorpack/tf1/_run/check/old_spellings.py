"""Old spellings of tensorpack in a file that no path of a module names: star imports, keywords, methods."""
from __future__ import annotations

import ast
import re
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Pattern, Set, Tuple

_STAR = re.compile(r"^from ([\w.]+) import \* -> (\w+)$")
_KEYWORD = re.compile(r"^(?:\w+\.)*(\w+)\((\w+)\)$")
_METHOD = re.compile(r"^([A-Z]\w+)\.(\w+)$")

_Key = Tuple[str, str]


class Spellings(NamedTuple):
    """The table of old spellings by what is seen in source."""
    star: Dict[_Key, str]  # (package, name)
    keywords: Dict[_Key, str]  # (function or class, keyword)
    methods: Dict[_Key, str]  # (class, method)


def by_what_is_seen(spellings: Mapping[str, str]) -> Spellings:
    """Sort the table of `_legacy`, old spelling -> today's, into kinds; values are the old spellings."""
    def kind(pattern: Pattern[str]) -> Dict[_Key, str]:
        matches = [(pattern.match(old), old) for old in spellings]
        return {(match.group(1), match.group(2)): old for match, old in matches if match}

    return Spellings(kind(_STAR), kind(_KEYWORD), kind(_METHOD))


def old_uses(tree: ast.Module, known: Spellings) -> List[Tuple[str, int]]:
    """(old spelling, line) of each use in a file; keywords count in calls of functions that are called so."""
    starred = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"}
    found: Set[Tuple[str, int]] = set()
    if any(_mentions_tensorpack(node) for node in ast.walk(tree)):
        for node in ast.walk(tree):
            found.update(_uses_at(node, known, starred))
    return sorted(found, key=lambda use: (use[1], use[0]))


def _mentions_tensorpack(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] == "tensorpack"
    return isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "tensorpack" for alias in node.names)


def _uses_at(node: ast.AST, known: Spellings, starred: Set[Optional[str]]) -> Iterator[Tuple[str, int]]:
    if isinstance(node, ast.Name):
        for package in starred:
            if (package, node.id) in known.star:
                yield known.star[(str(package), node.id)], node.lineno
    elif isinstance(node, ast.Call):
        for keyword in node.keywords:
            key = (_last_name(node.func), keyword.arg or "")
            if key in known.keywords:
                yield known.keywords[key], node.lineno
        if _last_name(node.func) == "argscope":  # argscope(Conv2D, nl=...)
            yield from _of_argscope(node, known)
    elif isinstance(node, ast.ClassDef):
        for base in node.bases:
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and (_last_name(base), member.name) in known.methods:
                    yield known.methods[(_last_name(base), member.name)], member.lineno


def _of_argscope(node: ast.Call, known: Spellings) -> Iterator[Tuple[str, int]]:
    for layer in [each for argument in node.args for each in ast.walk(argument)]:
        for keyword in node.keywords:
            key = (_last_name(layer), keyword.arg or "")
            if key in known.keywords:
                yield known.keywords[key], node.lineno


def _last_name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
