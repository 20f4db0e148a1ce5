"""The two libraries, each in processes of its own that execute one program after the other."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Dict, List, Optional

from . import KINDS

BENCHMARKS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PACKAGES = [
    "tensorpack==0.11",
    "tensorflow==1.15.5",
    "numpy==1.18.5",
    "protobuf==3.20.3",
    "h5py==2.10.0",
    "lmdb==1.8.1",
    "scipy",
    "opencv-python-headless==4.10.0.84",
    "msgpack==1.0.5",
    "msgpack-numpy==0.4.8",
    "pyzmq",
    "termcolor<3",
    "filelock",
    "google-crc32c",
    "nvidia-ml-py",
]
_LIMIT, _FIRST_LIMIT = 12, 90  # seconds for one program, and for one with the import of TensorFlow
_WITH_CONTEXTS = ("layers", "gradients", "training", "towers", "resuming")


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
        self._left: Dict[str, int] = {}

    def run(self, program: Dict[str, Any]) -> Any:
        """The result of a program; an error "hang" or "death" if there is none."""
        if self._left.get(program["kind"], 0) <= 0:
            self.close()
            self._left = {program["kind"]: KINDS[program["kind"]]}
        self._left[program["kind"]] -= 1
        limit = _LIMIT if self._process else _FIRST_LIMIT
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(program).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            line = process.stdout.readline() if selector.select(limit) else None
        if line and line.startswith(b"@"):
            if b'"error"' in line and program["kind"] in _WITH_CONTEXTS:
                self.close()  # 0.11 does not leave a context that has failed
            return json.loads(line[1:])
        self.close()
        return {"error": "hang" if line is None else "death", "text": ""}

    def _start(self) -> subprocess.Popen:
        # a session of its own, so that workers of a program that hangs end with it
        self._process = subprocess.Popen(
            [self._python, "-m", "_differential.runner", self._folder],
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(self._path)),
        )
        return self._process

    def close(self) -> None:
        """End the process, and its workers."""
        process, self._process = self._process, None
        self._left = {}
        if process is not None:
            try:
                os.killpg(process.pid, 9)
            except ProcessLookupError:
                pass
            process.communicate()

    def remove(self) -> None:
        """End the process and delete its files."""
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def both(python: str, root: str) -> List[Side]:
    """The original and this library."""
    return [Side(python, None), Side(python, root)]


def default_python() -> str:
    """A Python 3.7 of pyenv, or this one."""
    versions = os.path.expanduser("~/.pyenv/versions")
    found = sorted(name for name in (os.listdir(versions) if os.path.isdir(versions) else []) if name.startswith("3.7."))
    return os.path.join(versions, found[-1], "bin", "python") if found else sys.executable
