"""What `make dist` makes: complete, and of use in an empty environment, with TensorFlow and without."""
import glob
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import venv

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WITHOUT_TENSORFLOW = """
from tensorpack import *
df = BatchData(dataset.Digits("train"), 50)
df.reset_state()
print("BATCH", next(iter(df))[0].shape)
try:
    from tensorpack import ModelDesc
except ImportError as e:
    print("ERROR", e)
"""


def package_files(folder):
    """Paths of all that belongs to the package below a folder."""
    found = set()
    for directory, folders, names in os.walk(os.path.join(str(folder), "tensorpack")):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found |= {os.path.relpath(os.path.join(directory, name), str(folder)) for name in names}
    return found


def run(command, cwd, expected=0, timeout=120):
    """The output of a command, which must end with this status."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run([str(part) for part in command], cwd=str(cwd), env=environment, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
    assert ended.returncode == expected, ended.stdout[-3000:]
    return ended.stdout


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy of what the package is built from, since building writes beside it."""
    folder = tmp_path_factory.mktemp("sources")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(os.path.join(ROOT, name), str(folder))
    shutil.copytree(os.path.join(ROOT, "tensorpack"), str(folder / "tensorpack"), ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.skipif(importlib.util.find_spec("setuptools") is None, reason="pip install setuptools")
def test_every_file_of_the_package_is_built(sources, tmp_path):
    run([sys.executable, "setup.py", "-q", "build", "--build-base", tmp_path], sources)
    assert package_files(tmp_path / "lib") == package_files(sources) >= {os.path.join("tensorpack", "py.typed")}


# ---- in environments of their own, which takes minutes and the network: pytest -m slow tests/test_dist.py


@pytest.fixture(scope="module")
def dist(sources, tmp_path_factory):
    """The folder of the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    python = new_environment(tmp_path_factory.mktemp("builder"), "build")
    run([python, "-m", "build", "--outdir", folder, sources], folder, timeout=900)
    return folder


def new_environment(folder, package):
    """The Python of a new environment with this package, and what it needs."""
    venv.create(str(folder), with_pip=True)
    python = os.path.join(str(folder), "bin", "python")
    run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package], folder, timeout=1500)
    return python


def readme(folder):
    """The path of README's program, written to a folder."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        program, = re.findall(r"```python\n(.*?)```", f.read(), re.S)
    (folder / "readme.py").write_text(program, encoding="utf-8")
    return folder / "readme.py"


def installed_files(python):
    path = run([python, "-c", "import tensorpack; print(tensorpack.__file__)"], os.path.dirname(python))
    return package_files(os.path.dirname(os.path.dirname(path.strip())))


@pytest.mark.slow
@pytest.mark.timeout(2400)  # TensorFlow is large, and comes from the network
def test_the_sdist_is_of_use_without_tensorflow(sources, dist, tmp_path):
    python = new_environment(tmp_path / "env", *glob.glob(str(dist / "*.tar.gz")))
    assert installed_files(python) == package_files(sources)
    output = run([python, "-c", WITHOUT_TENSORFLOW], tmp_path)
    assert "BATCH (50, 8, 8)" in output
    assert re.search(r"^ERROR .*ModelDesc needs TensorFlow.*pip install tensorflow", output, re.M), output
    assert "tfv1" in run([python, readme(tmp_path)], tmp_path, expected=1)


@pytest.mark.slow
@pytest.mark.timeout(2400)  # TensorFlow is large, and comes from the network
def test_the_wheel_runs_the_program_of_the_readme(sources, dist, tmp_path):
    wheel, = glob.glob(str(dist / "*.whl"))
    python = new_environment(tmp_path / "env", wheel + "[tf]")
    assert installed_files(python) == package_files(sources)
    output = run([python, readme(tmp_path)], tmp_path, timeout=300)
    assert "validation_error" in output and re.search(r"^\[(\d ){4}\d\]$", output, re.M), output[-2000:]
    tools = [os.path.basename(path) for path in glob.glob(os.path.join(os.path.dirname(python), "tensorpack-*"))]
    assert set(tools) == {"tensorpack-tf1"} | {
        "tensorpack-" + os.path.basename(path)[:-len(".py")].replace("_", "-") for path in glob.glob(
            os.path.join(ROOT, "tensorpack", "_cli", "[a-z]*.py"))}
    for tool in tools:
        assert "usage: " in run([os.path.join(os.path.dirname(python), tool), "--help"], tmp_path)
