"""Facts about this machine and its software, for reports of problems; each is found out when it is asked for."""
from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import Dict, List

import numpy as np
import psutil
from tabulate import tabulate

from .. import compat
from ..libinfo import __version__

__all__ = ["collect_env_info", "parse_TF_build_info"]

_PACKAGES = (("Horovod", "horovod"), ("cv2", "cv2"), ("msgpack", "msgpack"), ("python-prctl", "prctl"))
_GPU_LIBRARIES = (("CUDA libs", "libcudart"), ("CUDNN libs", "libcudnn"), ("NCCL libs", "libnccl"))
_NOT_FOUND = "not found"


def collect_env_info() -> str:
    """A table of the versions and facts that a report of a problem needs, as text of several lines."""
    rows = {
        "sys.platform": sys.platform,
        "Python": " ".join(sys.version.split()),
        "Tensorpack": __version__,
        "Numpy": np.__version__,
    }
    build = parse_TF_build_info()
    rows.update(build)
    if build["TF CUDA support"] == "True":
        rows.update(_gpu_facts())
    rows["Free RAM"] = "{:.2f}/{:.2f} GB".format(*[amount / 1024.0 ** 3 for amount in (
        psutil.virtual_memory().available, psutil.virtual_memory().total)])
    rows["CPU Count"] = str(psutil.cpu_count())
    rows.update({title: _version_of(module) for title, module in _PACKAGES})
    return tabulate(list(rows.items()), disable_numparse=True)


def parse_TF_build_info() -> Dict[str, str]:
    """How TensorFlow was built: {title in the table: value}, with `TensorFlow` itself as `version/git version @path`."""
    facts = compat.build_facts()
    rows = {
        "TensorFlow": "{}/{} @{}".format(facts["version"], facts["git version"], facts["path"]),
        "TF Compiler Version": facts["compiler"],
    }
    rows.update({"TF {} support".format(name): facts[name] for name in ("CUDA", "MKL", "XLA")})
    if facts["CUDA"] == "True":
        rows["TF built with"] = "CUDA {}, CUDNN {}".format(facts["CUDA version"], facts["CUDNN version"])
    return rows


def _gpu_facts() -> Dict[str, str]:
    gpus = [line.split(", ", 1) for line in _ask_driver("driver_version,name")]
    facts = {"Nvidia Driver": gpus[0][0] if gpus else _NOT_FOUND}
    loaded = sorted({os.path.realpath(mapped.path) for mapped in psutil.Process().memory_maps()})
    for title, library in _GPU_LIBRARIES:
        paths = [path for path in loaded if os.path.basename(path).startswith(library)]
        facts[title] = "\n".join(paths) or "not loaded"
    facts["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "not set")
    names = [gpu[-1] for gpu in gpus]
    for name in sorted(set(names)):
        indices = [str(i) for i, each in enumerate(names) if each == name]
        facts["GPU {}".format(",".join(indices))] = name
    return facts


def _ask_driver(query: str) -> List[str]:
    """The answer of the driver's own tool, one line per GPU; nothing without a driver."""
    try:
        answer = subprocess.run(["nvidia-smi", "--query-gpu=" + query, "--format=csv,noheader"], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return answer.stdout.decode(errors="replace").splitlines()


def _version_of(module: str) -> str:
    """The package's version; it is imported in a process of its own, which it may change or break."""
    if importlib.util.find_spec(module) is None:
        return _NOT_FOUND
    code = "import {0}; print(getattr({0}, '__version__', 'version unknown'))".format(module)
    try:
        result = subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as e:
        return "broken: {}".format(e)
    if result.returncode == 0:
        return result.stdout.decode(errors="replace").strip()
    error = result.stderr.decode(errors="replace").strip().splitlines() or ["exit status {}".format(result.returncode)]
    return "broken: {}".format(error[-1])
