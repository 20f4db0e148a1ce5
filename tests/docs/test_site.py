"""The documentation site: it builds without a warning, and describes every public name."""
import ast
import glob
import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys

import pytest

from tensorpack._legacy._tables import TABLE

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCS = os.path.join(ROOT, "docs")


def described_modules():
    """The modules whose docstrings the API reference takes."""
    found = []
    for path in glob.glob(os.path.join(DOCS, "modules", "*.md")):
        with open(path, encoding="utf-8") as f:
            found += re.findall(r"^\.\. automodule:: (\S+)$", f.read(), re.M)
    return found


def public_packages():
    with open(os.path.join(ROOT, "scripts", "api-modules.txt"), encoding="utf-8") as f:
        return [line.strip() for line in f if line.strip() and not line.startswith("#")]


def test_every_public_name_is_in_the_reference():
    pytest.importorskip("tensorflow")
    modules = [importlib.import_module(name) for name in described_modules() if not name.endswith("contrib.keras")]
    described = {id(getattr(module, name)) for module in modules for name in module.__all__}
    missing = []
    for package in ["tensorpack"] + public_packages():
        if package.endswith("contrib.keras"):
            continue
        module = importlib.import_module(package)
        for name in set(getattr(module, "__all__", ())) - set(TABLE.star.get(package, ())):
            value = getattr(module, name)
            is_described = callable(value) and getattr(value, "__module__", "").startswith("tensorpack")
            if is_described and id(value) not in described:
                missing.append("{}.{}".format(package, name))
    assert not missing


def test_every_page_is_described_once():
    modules = described_modules()
    assert len(modules) == len(set(modules)) > 80


def setting(name):
    """The value of a setting of `docs/conf.py`."""
    with open(os.path.join(DOCS, "conf.py"), encoding="utf-8") as f:
        return ast.literal_eval(re.search(r"^{} = (.*)$".format(name), f.read(), re.M).group(1))


# The pages of source code are four of five, and nothing that anybody has written is on them; nor is it in the theme.
@pytest.mark.parametrize("as_published", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.skipif(not all(importlib.util.find_spec(name) for name in ("sphinx", "myst_parser", "furo")),
                    reason="what builds the site is installed with Python 3.10 and later only")
def test_the_site_builds_without_a_warning(run_program, tmp_path, as_published):
    extensions = [name for name in setting("extensions") if not name.endswith(".viewcode")]
    settings = [] if as_published else ["extensions=" + ",".join(extensions), "html_theme=basic"]
    options = [word for value in settings for word in ("-D", value)]
    status, output = run_program("-m", "sphinx", "-q", "-W", "--keep-going", "-d", tmp_path / "cache", *options, DOCS,
                                 tmp_path / "html", folder=ROOT, TF_CPP_MIN_LOG_LEVEL="3", timeout=400)
    assert status == 0, output[-4000:]
    assert os.path.isdir(str(tmp_path / "html" / "_modules")) == as_published
    front = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    assert "launch_train_with_config" in front and 'src="_images/quickstart.png"' in front


def test_a_tutorial_as_a_notebook_has_its_blocks_as_cells():
    pytest.importorskip("jupytext", reason="jupytext is not installed")
    code = "import runpy; runpy.run_path('docs/conf.py')['_make_notebooks'](None)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)
    paths = glob.glob(os.path.join(DOCS, "notebooks", "tutorial", "**", "*.ipynb"), recursive=True)
    assert len(paths) > 15
    for path in paths:
        with open(path, encoding="utf-8") as f:
            cells = [cell for cell in json.load(f)["cells"] if cell["cell_type"] == "code"]
        with open(os.path.join(DOCS, os.path.relpath(path, os.path.join(DOCS, "notebooks"))[:-len("ipynb")] + "md"),
                  encoding="utf-8") as f:
            blocks = re.findall(r"^```python\n(.*?)^```", f.read(), re.S | re.M)
        assert [line.strip() for cell in cells for line in "".join(cell["source"]).splitlines() if line.strip()] == \
            [line.strip() for block in blocks for line in block.splitlines() if line.strip()], path
