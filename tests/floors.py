"""Who may import whom in the library, and who does: this table is the source, the documentation draws it."""
import ast
import functools
import os

ROOT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tensorpack")

# Lower floors only; on the same floor only within one package.
FLOORS = {
    "libinfo": 0, "_exports": 0,
    "utils": 1,
    "dataflow": 2, "compat": 2,
    "tfutils": 3,
    "models": 4, "graph_builder": 4,
    "callbacks": 5,
    "input_source": 6,
    "predict": 7,
    # The one module above its package: a callback that is made of an input source, and input sources are made of callbacks.
    # Its path is public, so it stays in the folder; the lazy table of `callbacks` imports it only for who asks for its names.
    "callbacks.inference_runner": 7,
    "train": 8,
    "contrib": 9,
    "_cli": 9,
    "_legacy": 10,
    "tf1": 11,
    "launch": 11,
    "": 11,
}


def module_name(path):
    relative = os.path.relpath(path, ROOT)[:-len(".py")].replace(os.sep, ".")
    return "" if relative == "__init__" else relative[:-len(".__init__")] if relative.endswith(".__init__") else relative


FILES = {module_name(os.path.join(folder, name)): os.path.join(folder, name)
         for folder, _, names in os.walk(ROOT) for name in names if name.endswith(".py")}


def place(module):
    """(floor, package) of a module."""
    for key in (module, module.split(".")[0]):
        if key in FLOORS:
            return FLOORS[key], key.split(".")[0]
    raise AssertionError("{} stands on no floor: add its package to FLOORS".format(module))


@functools.lru_cache(maxsize=None)
def imports(module, path):
    """(imported module of the library or of others, whether it is relative, whether it is at module level)."""
    return list(_imports(module, path))


def _imports(module, path):
    with open(path, encoding="utf-8") as f:
        tree = ast.parse(f.read())
    top_level = module_level_nodes(tree)
    package = module.split(".") if path.endswith("__init__.py") else module.split(".")[:-1]
    package = [part for part in package if part]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, False, node in top_level
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module, False, node in top_level
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) - node.level + 1] + (node.module.split(".") if node.module else [])
            for alias in node.names:
                candidate = ".".join(base + [alias.name])
                yield candidate if candidate in FILES else ".".join(base), True, node in top_level


def module_level_nodes(tree):
    """All nodes outside of functions and outside of `if TYPE_CHECKING`."""
    nodes, stack = set(), [tree]
    while stack:
        node = stack.pop()
        nodes.add(node)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        stack.extend(ast.iter_child_nodes(node))
    return nodes
