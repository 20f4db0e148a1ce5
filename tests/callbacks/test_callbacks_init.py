"""The table of the package."""
import importlib
import subprocess
import sys

import pytest

import tensorpack.callbacks as callbacks
from tensorpack._legacy._tables import TABLE

OF_TODAY = sorted(set(callbacks.__all__) - set(TABLE.star["tensorpack.callbacks"]))


def test_every_name_of_the_table_is_there():
    assert callbacks.__all__ == sorted(callbacks.__all__)
    for name in OF_TODAY:
        assert getattr(callbacks, name).__name__ in (name, "DumpTensors", "DumpTensorAsImage", "GPUMemoryTracker")
    assert set(callbacks.__all__) <= set(dir(callbacks))


@pytest.mark.parametrize("module", ["base", "early_stop", "graph", "group", "hooks", "misc", "non_finite", "steps",
                                    "summary", "trigger"])
def test_what_a_module_offers_is_in_the_table(module):
    loaded = importlib.import_module("tensorpack.callbacks." + module)
    private = {"StopTraining", "MaintainStepCounter", "raise_background_failure"}
    assert set(loaded.__all__) - private == {name for name in OF_TODAY if getattr(loaded, name, None) is not None
                                             and getattr(loaded, name).__module__ == loaded.__name__}
    assert getattr(callbacks, module) is loaded


def test_importing_the_package_loads_neither_tensorflow_nor_opencv():
    code = "import sys, tensorpack.callbacks; print([m for m in ('tensorflow', 'cv2') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code]).decode().strip() == "[]"
