"""What importing `tensorpack.dataflow` gives, and what it must not load. Each check runs in a fresh interpreter."""
import json
import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEAVY = ["tensorflow", "cv2", "zmq", "scipy", "matplotlib", "lmdb", "h5py", "sklearn", "filelock", "google.protobuf",
         "google_crc32c", "pynvml", "pyarrow", "zarr", "datasets", "torch", "jax"]
MODULES = ["adapters", "base", "common", "dataset", "dataset.digits", "dataset.mnist", "format", "image", "imgaug", "parallel",
           "parallel_map", "raw", "remote", "serialize"]


def run(code):
    environment = dict(os.environ, PYTHONPATH=ROOT)
    environment.pop("TENSORPACK_EAGER_IMPORT", None)
    result = subprocess.run([sys.executable, "-c", code], env=environment, cwd=os.sep, capture_output=True,
                            timeout=120)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


REPORT = """
import json, sys
heavy = tuple(name + "." for name in {heavy})
print(json.dumps([m for m in sys.modules if (m + ".").startswith(heavy) or m.startswith("tensorpack.dataflow.dataset.")]))
""".format(heavy=HEAVY)


@pytest.mark.parametrize("use", [
    "from tensorpack.dataflow import *",
    "from tensorpack.dataflow import *; dataset.__all__; dir(dataset)",
], ids=["star import", "list of datasets"])
def test_import_loads_nothing_heavy_and_no_dataset(use):
    assert json.loads(run(use + REPORT)) == []


def test_datasets_of_the_package_load_nothing_heavy():
    loaded = json.loads(run("from tensorpack.dataflow import dataset; dataset.Digits('test'); dataset.Mnist" + REPORT))
    assert {name.split(".")[0] for name in loaded} == {"tensorpack"}


def test_import_prints_nothing():
    assert run("from tensorpack.dataflow import *") == ""


@pytest.mark.parametrize("module", MODULES)
def test_each_module_can_be_imported_first_and_is_an_attribute(module):
    run("import tensorpack.dataflow.{0}; tensorpack.dataflow.{0}".format(module))


def test_star_import_binds_exactly_the_public_names():
    code = """
namespace = {}
exec("from tensorpack.dataflow import *", namespace)
namespace.pop("__builtins__")
import tensorpack.dataflow, types
assert sorted(namespace) == sorted(tensorpack.dataflow.__all__), namespace.keys()
assert len(set(tensorpack.dataflow.__all__)) == len(tensorpack.dataflow.__all__)
assert isinstance(namespace["dataset"], types.ModuleType)
"""
    run(code)


WORKERS = """
import os
from tensorpack.dataflow import DataFromList
from tensorpack.utils import fix_rng_seed
fix_rng_seed(5)
df = DataFromList(list(range(8)))
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        df.reset_state()
        print(list(df), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
df.reset_state()
print(list(df))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_workers_have_distinct_streams_that_a_seed_repeats():
    orders = run(WORKERS).splitlines()
    assert len(set(orders)) == 3
    assert run(WORKERS).splitlines() == orders
