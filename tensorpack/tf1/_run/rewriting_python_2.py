"""The syntax tree of translated code, changed where values would mean something else than in Python 2; see `old.values`."""
from __future__ import annotations

import ast
from typing import Any, List, Set, Tuple

from .old.names import CODECS, METHODS, MODULES_OF_STR
from .rewriting import at_place_of, bound_names, call_instead, call_of

# Builtins that give no bytes, or only those that they have been given
_WITHOUT_BYTES = frozenset("""
    abs all any bool dict divmod enumerate float frozenset hasattr id int isinstance issubclass iter len list map open ord print
    range set sorted str sum super tuple type xrange zip
""".split())
_SHOWING = ("print", "str", "unicode")
_OF_ATTRIBUTES = ("delattr", "getattr", "hasattr", "setattr")
# Methods and functions that today take a str and no bytes, or give bytes for bytes, of a str, a pattern, a file or a module
_WITH_STR = frozenset("""
    abspath commonpath commonprefix count dump dumps endswith filter find findall finditer fnmatch fullmatch glob iglob index
    listdir lstrip match normpath partition realpath relpath replace rfind rindex rpartition rsplit rstrip samefile search split
    startswith strftime strip strptime sub subn walk write writelines
""".split())


def with_old_meanings(tree: ast.Module) -> ast.Module:
    """Change a tree that is translated from Python 2: bytes it is given are text, its classes have their old methods."""
    changed: ast.Module = ast.fix_missing_locations(_Rewriter(bound_names(tree), _imported_with_str(tree)).visit(tree))
    return changed


def old_meanings_in(tree: ast.Module) -> List[Tuple[int, str]]:
    """(line, what) of methods and codecs that Python 3 does not know, where the class has not those of today as well."""
    found: List[Tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            own = {member.name: member.lineno for member in node.body if isinstance(member, ast.FunctionDef)}
            own.update((target.id, member.lineno) for member in node.body if isinstance(member, ast.Assign)
                       for target in member.targets if isinstance(target, ast.Name))
            found.extend((own[old], old) for old in sorted(METHODS.keys() & own.keys()) if METHODS[old][0] not in own)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("encode", "decode"):
            codec = codec_in(node.args[0]) if node.args else None
            if codec:
                found.append((node.lineno, ".{}({!r})".format(node.func.attr, codec)))
    return sorted(found)


class _Rewriter(ast.NodeTransformer):
    def __init__(self, bound: Set[str], imported_with_str: Set[str]) -> None:
        self._bound, self._imported_with_str = bound, imported_with_str

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return at_place_of(node, call_of("Text", node)) if isinstance(node.value, bytes) else node

    def visit_Bytes(self, node: Any) -> ast.AST:  # Python 3.7
        return at_place_of(node, call_of("Text", node))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        is_old = node.id == "round" and "round" not in self._bound
        return at_place_of(node, _helper("rounded")) if is_old else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        is_field = node.attr == "value" and isinstance(node.value, ast.Attribute) and node.value.attr == "bytes_list"
        return at_place_of(node, call_of("bytes_values", node)) if is_field and isinstance(node.ctx, ast.Load) else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        return at_place_of(node, call_of("given", node)) if isinstance(node.ctx, ast.Load) else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        value: Any = node.value
        node.value = self._call(value) if isinstance(value, ast.Call) else self.visit(value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        is_plain = isinstance(node.func, ast.Name) and node.func.id in _WITHOUT_BYTES - self._bound
        changed = self._call(node)
        return changed if is_plain else at_place_of(node, call_of("given", changed))

    def _call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        for keyword in node.keywords:
            if keyword.arg is None:
                keyword.value = at_place_of(keyword.value, call_of("keywords", keyword.value))
        if isinstance(node.func, ast.Attribute):
            return _of_method(node, node.func)
        if isinstance(node.func, ast.Name):
            if node.func.id in _SHOWING:
                node.args = [_given(each) for each in node.args]
            if node.func.id in _OF_ATTRIBUTES and len(node.args) > 1:
                return call_instead(node, "of_attribute", node.func)
            if node.func.id in self._imported_with_str and node.args:
                return call_instead(node, "imported_with_str", node.func)
            return _of_function(node, node.func.id)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        node.iter = at_place_of(node.iter, call_of("each", node.iter))
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        node.iter = at_place_of(node.iter, call_of("each", node.iter))
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if all(isinstance(operation, (ast.Is, ast.IsNot)) for operation in node.ops):
            return node
        node.left, node.comparators = _given(node.left), [_given(each) for each in node.comparators]
        if len(node.ops) > 1 or not isinstance(node.ops[0], (ast.In, ast.NotIn)):
            return node
        found = at_place_of(node, call_of("contains", node.left, node.comparators[0]))
        return found if isinstance(node.ops[0], ast.In) else at_place_of(node, ast.UnaryOp(ast.Not(), found))

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mod):
            node.right = _given(node.right)
            if isinstance(node.right, ast.Tuple):
                node.right.elts = [_given(each) for each in node.right.elts]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        if any(isinstance(member, ast.FunctionDef) and member.name in METHODS for member in node.body):
            node.decorator_list.append(at_place_of(node, _helper("with_old_methods")))
        return node


def _imported_with_str(tree: ast.Module) -> Set[str]:
    """The names under which a program has functions of `_WITH_STR` from their modules, `from os.path import join`."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module in MODULES_OF_STR)
    return {alias.asname or alias.name for node in imports for alias in node.names if alias.name in _WITH_STR | {"join"}}


def _helper(name: str) -> ast.expr:
    return call_of(name).func


def _given(node: ast.expr) -> ast.expr:
    """What a name or an attribute holds, which calls and subscripts have not been asked for."""
    return at_place_of(node, call_of("given", node)) if isinstance(node, (ast.Name, ast.Attribute)) else node


def _of_method(node: ast.Call, function: ast.Attribute) -> ast.Call:
    if function.attr in ("encode", "decode") and node.args and codec_in(node.args[0]):
        return call_instead(node, "converted", function.value, ast.Constant(function.attr))
    if function.attr == "decode":
        return call_instead(node, "decoded", function.value)
    owner = function.value
    if function.attr == "join" and node.args and (not isinstance(owner, ast.Attribute) or owner.attr == "path"):
        return call_instead(node, "joined", owner)
    if function.attr in _WITH_STR and node.args:
        return call_instead(node, "with_str", owner, ast.Constant(function.attr))
    if function.attr == "format":
        node.args = [_given(each) for each in node.args]
    return _of_function(node, function.attr)


def _of_function(node: ast.Call, name: str) -> ast.Call:
    if name in ("sort", "sorted"):
        _order_by_key(node)
    return node


def _order_by_key(node: ast.Call) -> None:
    for keyword in node.keywords:
        if keyword.arg == "cmp":
            keyword.arg, keyword.value = "key", at_place_of(keyword.value, call_of("ordered_by", keyword.value))
    last = node.args[-1] if node.args else None
    if isinstance(last, ast.Lambda) and len(last.args.args) == 2:
        node.keywords.append(ast.keyword("key", at_place_of(last, call_of("ordered_by", node.args.pop()))))


def codec_in(node: ast.AST) -> Any:
    """The name of a codec that Python 3 has for bytes only, if that is what is written there."""
    name = getattr(node, "value", getattr(node, "s", None))
    return name if isinstance(name, str) and name in CODECS else None
