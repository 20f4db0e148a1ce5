"""The two libraries, each in a process of its own that executes one program after the other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Dict, List, Optional

BENCHMARKS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PACKAGES = [
    "tensorpack==0.11",
    "tensorflow==1.15.5",
    "numpy==1.18.5",
    "protobuf==3.20.3",
    "h5py==2.10.0",
    "lmdb==1.8.1",
    "scipy",
    "opencv-python-headless==5.0.0.93",
    "msgpack==1.0.5",
    "msgpack-numpy==0.4.8",
    "pyzmq",
    "termcolor<3",
    "filelock",
    "google-crc32c",
    "nvidia-ml-py",
]


def environment(folder: str, python: str) -> str:
    """The interpreter of an environment below `folder` with the original and what both need; made if missing."""
    target = os.path.join(folder, "bin", "python")
    if not os.path.exists(target):
        subprocess.check_call([python, "-m", "venv", folder])
        subprocess.check_call([target, "-m", "pip", "install", "--quiet", "--upgrade", "pip", "wheel", "setuptools<60"])
        subprocess.check_call([target, "-m", "pip", "install", "--quiet"] + _PACKAGES)
    return target


class Side:
    """Executes programs with one library.

    Args:
        python: interpreter of the environment that both sides share.
        path: folder that has the package `tensorpack`; None for the one that is installed there.
    """

    def __init__(self, python: str, path: Optional[str]):
        self._python = python
        self._path = [BENCHMARKS] + ([path] if path else [])
        self._folder = tempfile.mkdtemp(prefix="differential-")
        self._process: Optional[subprocess.Popen] = None

    def run(self, program: Dict[str, Any]) -> Any:
        """The result of a program, as `_differential.runner` says."""
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(program).encode() + b"\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def _start(self) -> subprocess.Popen:
        self._process = subprocess.Popen(
            [self._python, "-m", "_differential.runner", self._folder],
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(self._path)),
        )
        return self._process

    def remove(self) -> None:
        """End the process and delete its files."""
        if self._process is not None:
            self._process.communicate()  # it ends with its input
        shutil.rmtree(self._folder, ignore_errors=True)


def both(python: str, root: str) -> List[Side]:
    """The original and this library."""
    return [Side(python, None), Side(python, root)]


def default_python() -> str:
    """A Python 3.7 of pyenv, or this one."""
    versions = os.path.expanduser("~/.pyenv/versions")
    found = sorted(name for name in (os.listdir(versions) if os.path.isdir(versions) else []) if name.startswith("3.7."))
    return os.path.join(versions, found[-1], "bin", "python") if found else sys.executable
