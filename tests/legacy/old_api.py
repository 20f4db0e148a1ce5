"""The list of everything that lived between 0.1.5 and 0.10 and is gone or different, and how an entry of it is resolved."""
import importlib
import inspect
import json
import os
import re

from tensorpack._legacy import spellings
from tensorpack._legacy._tables import TABLE

SPELLINGS = spellings()
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = next((path for path in (os.path.join(ROOT, *up, "shared", "contract", "old_api.json") for up in (("..",), ("..", "..")))
             if os.path.isfile(path)), "")

# Parts of paths that tell the subjects of the data half: what the rest is, is the core.
_DATA = re.compile(r"tensorpack\.(RL|dataflow|models(?!\.model_desc)|utils|user_ops|"
                   r"tfutils(?!\.(sessinit|summary|varmanip)))\b")
_DATA_CLASSES = re.compile(
    r"(Conv2D|FullyConnected|MaxPooling|AvgPooling|Batch|Dropout|InstanceNorm|LayerNorm|BNReLU|Layer|layer_|"
    r"MultiProcess|MultiThread(Map|Prefetch|Runner)|Prefetch|Threaded|Repeated|LMDB|CaffeLMDB|LocallyShuffle|PrintData|DataFrom|"
    r"TestDataSpeed|ProxyDataFlow|ILSVRC|Augmentor|ImageAug|CropTransform|ResizeTransform|RandomCrop|GaussianNoise|ScaleGradient|"
    r"CheckGradient|NewSessionCreator|apply_grad|auto_set_dir|dump_dataflow|get_data_format|send_dataflow|under_name|logger\.)")


def entries(half):
    """Those of the half 'core' or 'data'; a star import belongs to the half that the table of its name says."""
    with open(PATH, encoding="utf-8") as f:
        every = json.load(f)
    return [entry for entry in every if half_of(entry) == half]


def half_of(entry):
    name = entry["name"]
    if " -> " in name:
        package, name = re.match(r"from (\S+) import \* -> (\S+)", name).groups()
        if package not in ("tensorpack", "tensorpack.models"):
            return "data" if _DATA.match(package) and name not in ("InputDesc", "InputVar", "ModelDesc") else "core"
        return "data" if name in star_names_of_data() else "core"
    return "data" if _DATA.match(name) or _DATA_CLASSES.match(name) else "core"


def star_names_of_data():
    """Names of the root that are also those of a package, or a module, of the data half."""
    with open(PATH, encoding="utf-8") as f:
        names = [entry["name"] for entry in json.load(f) if entry["kind"] == "name"]
    ours = ("callbacks", "input_source", "predict", "train", "graph_builder")
    of_core = {name.rpartition(".")[2].rpartition(" ")[2] for name in names
               if re.match(r"(from )?tensorpack\.({})\b".format("|".join(ours)), name)}
    of_core |= {"InputDesc", "InputVar", "ModelFromMetaGraph", "ModelDesc", "ParamRestore", "NewSession", "TryResumeTraining",
                "create_summary", "summary_moving_average", "trainv1"}
    found = {re.match(r"from \S+ import \* -> (\S+)", name).group(1) for name in names if " -> " in name}
    return found - of_core


def is_internal(entry):
    """What the contract calls internal, and names that a star import has leaked: not provided, by design."""
    today = entry["today"]
    if entry.get("star") and today == "internal":
        return True
    return today in ("leaked import", "internal") or today.startswith("internal of ")


def is_of_today(name):
    """Whether today's release has it by that very name, without any table."""
    if " -> " in name:
        package, name = re.match(r"from (\S+) import \* -> (\S+)", name).groups()
        return name in importlib.import_module(package).__all__ and name not in TABLE.star.get(package, ())
    module, _, attribute = name.rpartition(".")
    if not module.startswith("tensorpack."):
        return bool(module) and hasattr(_find(module), attribute)
    return module not in TABLE.modules and attribute not in TABLE.names.get(module, ()) \
        and hasattr(importlib.import_module(module), attribute)


def problem(entry):
    """Why an entry does not resolve; None if it does."""
    if is_internal(entry):
        return None
    return _CHECKS[entry["kind"]](entry)


def _name(entry):
    if entry.get("star"):
        package, name = re.match(r"from (\S+) import \* -> (\S+)", entry["name"]).groups()
        module = importlib.import_module(package)
        if name not in module.__all__:
            return "not bound by a star import"
    else:
        package, _, name = entry["name"].rpartition(".")
        if not package:
            return None if entry["name"] in SPELLINGS else "not among the spellings"
        module = importlib.import_module(package)
    try:
        value = getattr(module, name)
    except AttributeError as e:
        return str(e)
    if entry["today"].endswith("(not emulated)") or entry["today"].startswith("not emulated"):
        return _is_refused(value)
    return None


def _is_refused(value):
    try:
        value()
    except NotImplementedError as e:
        return None if "instead: " in str(e) else "the error names no new way: {}".format(e)
    return "is no error when it is used"


def _module(entry):
    importlib.import_module(entry["name"])


_PACKAGES = ["tensorpack"] + ["tensorpack." + path for path in """
    callbacks train.interface graph_builder graph_builder.training tfutils.varmanip tfutils.tower tfutils.summary
    callbacks.inference_runner tfutils.sesscreate tfutils.gradproc tfutils.optimizer tfutils.scope_utils utils.logger utils.viz
    utils.argtools dataflow.imgaug dataflow.dataset dataflow.parallel_map contrib.keras""".split()]


def _find(name):
    """The class or function of that name, which is public in one of the packages."""
    for package in _PACKAGES:
        value = getattr(importlib.import_module(package), name, None)
        if value is not None:
            return value
    raise AssertionError("no {} in any package".format(name))


def _keyword(entry):
    """In the tables, which another test holds against today's signatures; or taken by today's signature."""
    if entry["name"] in SPELLINGS:
        return None
    match = re.match(r"(\w+)\((\w+)\)$", entry["name"])
    if match is None:
        return "not among the spellings"
    parameters = inspect.signature(_find(match.group(1))).parameters
    return None if match.group(2) in parameters else "neither in a table nor in {}".format(list(parameters))


def _method(entry):
    if re.match(r"\w+\.\w+$", entry["name"]) is None:
        return None if entry["name"] in SPELLINGS else "not among the spellings"
    cls, name = entry["name"].split(".")
    if entry["today"].startswith("not emulated"):
        return None if "not provided" in SPELLINGS.get(entry["name"], "") else "not said to be gone"
    return None if hasattr(_find(cls), name) else "{} has no such method".format(cls)


def _said(entry):
    return None if entry["name"] in SPELLINGS else "not among the spellings"


_CHECKS = {"name": _name, "module": _module, "keyword": _keyword, "method": _method, "attribute": _said, "environment": _said,
           "file": _said, "checkpoint": _said, "default": _said}
