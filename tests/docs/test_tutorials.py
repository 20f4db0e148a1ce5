"""The code blocks of each tutorial, run one after the other as one program.

A block after `<!-- needs module, module -->` is left out where one of the optional packages is missing.
"""
import glob
import importlib.util
import os
import re
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DIRECTORY = os.path.join(ROOT, "docs", "tutorial")
TUTORIALS = sorted(glob.glob(os.path.join(DIRECTORY, "**", "*.md"), recursive=True))
BLOCK = re.compile(r"(?:<!-- needs (.*?) -->\n)?```python\n(.*?)```", re.S)


def installed(modules):
    return all(importlib.util.find_spec(name) for name in re.findall(r"\w+", modules))


def test_there_are_tutorials():
    assert TUTORIALS


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: os.path.relpath(path, DIRECTORY))
def test_code_blocks_run(tmp_path, path):
    with open(path, encoding="utf-8") as f:
        blocks = [code for modules, code in BLOCK.findall(f.read()) if installed(modules)]
    (tmp_path / "tutorial.py").write_text("\n".join(blocks), encoding="utf-8")
    run = subprocess.run([sys.executable, "tutorial.py"], cwd=str(tmp_path), env=dict(os.environ, PYTHONPATH=ROOT),
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert blocks and run.returncode == 0, run.stdout[-3000:]
