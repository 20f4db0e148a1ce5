"""Where a shared library lies on disk."""
from __future__ import annotations

import ctypes.util
import os
import re
import subprocess
import tempfile
from typing import List, Optional


def find_library_full_path(name: str) -> Optional[str]:
    """Full path of the shared library `name` (e.g. `"cudart"` for `libcudart.so`), or None if it is not found.

    A library that this process has loaded comes first, then what the linker, the loader's cache and `ctypes` know.
    """
    pattern = re.compile(r"(?:^|[\s/])(/?[^()\s]*lib{}\.[^()\s]*)".format(re.escape(name)))
    for search in (_loaded_libraries, _linker_trace, _loader_cache):
        for line in search(name):
            for candidate in pattern.findall(line):
                if os.path.isabs(candidate) and os.path.isfile(candidate):
                    return os.path.realpath(candidate)
    return ctypes.util.find_library(name)


def _loaded_libraries(name: str) -> List[str]:
    try:
        with open("/proc/self/maps") as f:
            return f.read().splitlines()
    except OSError:
        return []


def _linker_trace(name: str) -> List[str]:
    directories = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    with tempfile.TemporaryDirectory() as tmp:
        options = ["-t", "-o", os.path.join(tmp, "out"), "-l" + name]
        return _output_lines(["ld"] + options + ["-L" + d for d in directories if d])


def _loader_cache(name: str) -> List[str]:
    return _output_lines(["ldconfig", "-p"])


def _output_lines(command: List[str]) -> List[str]:
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return result.stdout.decode("utf-8", "replace").splitlines()
