"""Which engines read a file, and which of them are installed."""
from __future__ import annotations

from importlib import import_module
from typing import Any, List, Optional, Sequence, Type

from .engine import Engine
from .file_kind import file_kind, in_words
from .signature import check_content, read_signature

# Name -> (module, class). They are imported on use, as one of them imports TensorFlow.
_ENGINES = {
    "onnxruntime": ("onnx_runtime", "OnnxRuntimeEngine"),
    "openvino": ("openvino", "OpenVinoEngine"),
    "litert": ("litert", "LiteRTEngine"),
    "tensorflow": ("tensorflow", "TensorFlowEngine"),
    "opencv": ("opencv", "OpenCVEngine"),
}
# Kind of file -> engines that read it, the fastest first (benchmarks/engines.py).
_READERS = {
    "onnx": ("onnxruntime", "openvino", "opencv"),
    "frozen": ("openvino", "tensorflow", "opencv"),
    "savedmodel": ("openvino", "tensorflow"),
    "tflite": ("litert", "openvino"),
}
# Kind of file -> the engine for which the format was made.
OWN_ENGINE = {"onnx": "onnxruntime", "frozen": "tensorflow", "savedmodel": "tensorflow", "tflite": "litert"}
NAMES = sorted(_ENGINES)


def engine_class(name: Any, who: str = "engine") -> Type[Engine]:
    """The engine of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in NAMES:
        raise ValueError("{}: engine must be one of {}; got {!r}".format(who, ", ".join(map(repr, NAMES)), name))
    module, attribute = _ENGINES[name]
    found: Type[Engine] = getattr(import_module("." + module, __package__), attribute)
    return found


def readers(path: str) -> Sequence[str]:
    """Names of the engines that read the file, the fastest first, installed or not.

    Raises:
        FileNotFoundError, ValueError: it is no exported model.
    """
    return _READERS[file_kind(path)]


def installed_readers(path: str) -> List[str]:
    """As `readers`, those that are installed.

    Raises:
        ImportError: none is.
    """
    names = readers(path)
    found = [name for name in names if engine_class(name).is_installed()]
    if not found:
        raise ImportError("{} needs one of the engines {}, and none is installed; pip install {}".format(
            path, ", ".join(map(repr, names)), engine_class(names[0]).pip))
    return found


def open_engine(path: str, name: str, threads: Optional[int] = None, who: str = "engine") -> Engine:
    """The engine of that name with the model loaded, called as the JSON file beside the model says.

    Raises:
        FileNotFoundError, ValueError: it is no exported model, damaged, not what the JSON file describes, or
            nothing for this engine.
        ImportError: the engine is not installed.
        RuntimeError: it cannot be used in this process.
    """
    chosen = engine_class(name, who)
    kind = file_kind(path)
    if kind not in chosen.formats:
        raise ValueError("{}: {} does not read {}; got {}; try one of the engines {}".format(
            who, chosen.title, in_words(kind), path, ", ".join(map(repr, _READERS[kind]))))
    obstacle = chosen.obstacle()
    if obstacle is not None:
        raise RuntimeError("{}: {}".format(who, obstacle))
    signature = read_signature(path)
    check_content(path, signature)
    return chosen(path, signature, threads)
