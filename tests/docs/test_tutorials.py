"""The code blocks of each page of the documentation, run one after the other as one program.

A block after `<!-- needs module, module -->` is left out where one of the optional packages is missing.
The pages that the site makes of the examples' READMEs are not among them: their blocks run in the example's folder.
"""
import glob
import importlib.util
import os
import re

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DIRECTORY = os.path.join(ROOT, "docs")
BLOCK = re.compile(r"(?:<!-- needs (.*?) -->\n)?```python\n(.*?)```", re.S)
PROGRAMS = {}  # page -> [(modules that the block needs, code)]
for path in sorted(glob.glob(os.path.join(DIRECTORY, "**", "*.md"), recursive=True)):
    with open(path, encoding="utf-8") as f:
        blocks = BLOCK.findall(f.read())
    if blocks and os.path.join(DIRECTORY, "examples") not in path:
        PROGRAMS[os.path.relpath(path, DIRECTORY)] = blocks


def words(modules):
    return re.findall(r"\w+", modules)


def installed(modules):
    return all(importlib.util.find_spec(name) for name in words(modules))


def test_the_pages_that_teach_have_code():
    pages = glob.glob(os.path.join(DIRECTORY, "tutorial", "**", "*.md"), recursive=True)
    without = {os.path.relpath(path, DIRECTORY) for path in pages} - set(PROGRAMS)
    assert without <= {os.path.join("tutorial", name) for name in ("index.md", "faq.md")}
    assert len(PROGRAMS) > 15


SLOW = [os.path.join("tutorial", "detection.md")]  # trains a detector
CLUSTERS = {"ray", "pyspark"}  # each starts a cluster
# Data without TensorFlow, what newer packages or versions are for, and pages aside from the main path.
OF_TODAY = [os.path.join("tutorial", *name) for name in [
    ("dataflow.md",), ("dataflow-in-other-frameworks.md",), ("efficient-dataflow.md",), ("parallel-dataflow.md",),
    ("untrusted.md",), ("your-images.md",), ("performance-tuning.md",), ("extend", "augmentor.md"), ("extend", "dataflow.md"),
    ("philosophy", "dataflow.md"), ("rnn.md",), ("input-source.md",), ("summary.md",), ("extend", "trainer.md"),
    ("extend", "input-source.md"), ("extend", "callback.md"), ("extend", "model.md")]]


def run_blocks(run_program, tmp_path, blocks):
    (tmp_path / "page.py").write_text("\n".join(blocks), encoding="utf-8")
    status, output = run_program("page.py", folder=tmp_path)
    assert blocks and status == 0, output[-3000:]


@pytest.mark.parametrize("page", [
    pytest.param(page, marks=[pytest.mark.slow] * (page in SLOW) + [pytest.mark.slow_on(1)] * (page in OF_TODAY))
    for page in PROGRAMS])
def test_code_blocks_run(run_program, tmp_path, page):
    run_blocks(run_program, tmp_path, [
        code for modules, code in PROGRAMS[page] if installed(modules) and not CLUSTERS.intersection(words(modules))])


@pytest.mark.slow
@pytest.mark.parametrize("page", [
    page for page in PROGRAMS if any(CLUSTERS.intersection(words(modules)) for modules, _ in PROGRAMS[page])])
def test_code_blocks_with_clusters_run(run_program, tmp_path, page):
    run_blocks(run_program, tmp_path, [code for modules, code in PROGRAMS[page] if installed(modules)])
