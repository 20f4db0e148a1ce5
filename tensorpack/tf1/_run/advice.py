"""What to do about errors whose cause is that the program is for another TensorFlow, another Python or other packages."""
from __future__ import annotations

import ast
from typing import Any, Callable, List, Optional, Tuple

from .._tensorflow._instead import known_instead
from .lost import MODULES
from .old.advice import advice_on_python_2
from .program import main_path

# Names that TensorFlow 1 programs do not use
_OF_TENSORFLOW_2 = {"GradientTape", "numpy", "set_seed", "run_functions_eagerly", "executing_eagerly_outside_functions",
                    "list_physical_devices", "set_memory_growth"}


def advice_on(error: BaseException) -> Optional[str]:
    """A sentence, or None where the error says it all."""
    for rule in _RULES:
        sentence = rule(error)
        if sentence:
            return sentence
    return None


def _not_provided(error: Any) -> Optional[str]:
    if type(error).__name__ != "NotProvided":
        return None
    return str(error).split(": ", 1)[-1]


def _syntax(error: BaseException) -> Optional[str]:
    if not isinstance(error, SyntaxError):
        return None
    return "this is neither Python 3 nor Python 2: {}".format(error.msg)


def _missing_package(error: BaseException) -> Optional[str]:
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    if error.name.startswith("tensorflow."):
        name = "tf" + error.name[len("tensorflow"):]
        instead = known_instead(name)
        if instead:
            return "{} is not provided; {}".format(name, instead)
        return "no TensorFlow 1 has the module {}; see its spelling".format(error.name)
    package = error.name.split(".")[0]
    if package == "fissix":
        return str(error)
    if package in MODULES:
        return "the module {} is of Python 2; today it is {}".format(package, MODULES[package])
    return "the program needs the package {}, which is not installed (pip install {})".format(package, package)


def _eager(error: BaseException) -> Optional[str]:
    words = str(error)
    called_numpy = isinstance(error, AttributeError) and "'numpy'" in words
    eager = called_numpy or "executing eagerly" in words or "eager execution" in words.lower() or "eager mode" in words.lower()
    if not eager:
        return None
    return _for_tensorflow_2() or (
        "the program asks for values where there is a graph, as eager TensorFlow does; a program of TensorFlow 1 gets them by "
        "`session.run(tensor)`, and one for TensorFlow 2 is run with plain `python`")


def _of_tensorflow_2(error: BaseException) -> Optional[str]:
    return _for_tensorflow_2() if isinstance(error, (AttributeError, TypeError, ValueError, NotImplementedError)) else None


def _for_tensorflow_2() -> Optional[str]:
    """Says that the main file is for TensorFlow 2, if it has names of that and none that only version 1 has."""
    path = main_path()
    found = _names_of_tensorflow_2(path) if path else []
    if not found:
        return None
    line, name = found[0]
    return "the program is written for TensorFlow 2 ({} in line {}): run it with plain `python {}`".format(name, line, path)


def _names_of_tensorflow_2(path: str) -> List[Tuple[int, str]]:
    try:
        with open(path, "rb") as f:
            tree = ast.parse(f.read())
    except (OSError, SyntaxError):
        return []
    names = [(node.lineno, node.attr) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    if any(name in ("Session", "placeholder", "get_variable", "contrib", "global_variables_initializer") for _, name in names):
        return []
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return sorted((func.lineno, func.attr) for func in calls if func.attr in _OF_TENSORFLOW_2)


_RULES: List[Callable[[BaseException], Optional[str]]] = [
    _not_provided, _syntax, _missing_package, advice_on_python_2, _eager, _of_tensorflow_2]
