"""The code blocks of each page of the documentation, run one after the other as one program.

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
DIRECTORY = os.path.join(ROOT, "docs")
BLOCK = re.compile(r"(?:<!-- needs (.*?) -->\n)?```python\n(.*?)```", re.S)
PROGRAMS = {}  # page -> [(modules that the block needs, code)]
for path in sorted(glob.glob(os.path.join(DIRECTORY, "**", "*.md"), recursive=True)):
    with open(path, encoding="utf-8") as f:
        blocks = BLOCK.findall(f.read())
    if blocks:
        PROGRAMS[os.path.relpath(path, DIRECTORY)] = blocks


def installed(modules):
    return all(importlib.util.find_spec(name) for name in re.findall(r"\w+", modules))


def test_the_pages_that_teach_have_code():
    pages = glob.glob(os.path.join(DIRECTORY, "tutorial", "**", "*.md"), recursive=True)
    without = {os.path.relpath(path, DIRECTORY) for path in pages} - set(PROGRAMS)
    assert without <= {os.path.join("tutorial", name) for name in ("index.md", "faq.md")}
    assert len(PROGRAMS) > 15


@pytest.mark.parametrize("page", PROGRAMS)
def test_code_blocks_run(tmp_path, page):
    blocks = [code for modules, code in PROGRAMS[page] if installed(modules)]
    (tmp_path / "page.py").write_text("\n".join(blocks), encoding="utf-8")
    run = subprocess.run([sys.executable, "page.py"], cwd=str(tmp_path), env=dict(os.environ, PYTHONPATH=ROOT),
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert blocks and run.returncode == 0, run.stdout[-3000:]
