"""Counting GPUs, with a driver's programs and library made for the test."""
import os
import shutil
import subprocess
import sys

import pynvml
import pytest

from tensorpack.libinfo import is_gpu_available
from tensorpack.utils import gpu
from tensorpack.utils.nvml import NVMLContext

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# NVML of a machine with three GPUs; the third one does not tell its utilization.
NVML = """
#include <stdio.h>
#include <string.h>
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned gpu, memory; } rates;
static int initialized = 0, handles[3];
int nvmlInitWithFlags(unsigned flags) { initialized++; return 0; }
int nvmlShutdown() { return initialized-- == 1 ? 0 : 1; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = 3; return initialized ? 0 : 1; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { *d = &handles[i]; handles[i] = i; return 0; }
int nvmlDeviceGetMemoryInfo(int *d, memory *m) {
    m->total = 1ull << 34; m->used = 1000 + *d; m->free = m->total - m->used; return 0;
}
int nvmlDeviceGetUtilizationRates(int *d, rates *r) { if (*d == 2) return 3; r->gpu = 50 + *d; r->memory = 7; return 0; }
int nvmlDeviceGetName(int *d, char *name, unsigned n) { snprintf(name, n, "GPU model %d", *d); return 0; }
const char *nvmlErrorString(int code) { return code == 3 ? "Not Supported" : "Uninitialized"; }
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """A folder with a `libnvidia-ml.so.1`."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "nvml.c").write_text(NVML)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(folder / "libnvidia-ml.so.1"), str(folder / "nvml.c")], check=True)
    return str(folder)


def run_python(code, **environment):
    environment = dict(os.environ, PYTHONPATH=ROOT, **environment)
    environment = {name: value for name, value in environment.items() if value is not None}
    run = subprocess.run([sys.executable, "-c", code], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                         text=True, timeout=120)
    return run.stdout.strip(), run.stderr


COUNT = "from tensorpack.utils.gpu import get_num_gpu; print(get_num_gpu())"


@pytest.mark.parametrize("visible,expected", [
    ("", "0"), ("-1", "0"), ("0,2", "2"), ("GPU-1a, GPU-2b", "2"), ("1,-1,0", "1"), (None, "3"),
    ("MIG-1,MIG-2,MIG-3,MIG-4", "4")])
def test_gpus_are_counted_by_the_environment_and_the_driver(driver, visible, expected):
    # an empty PATH: whatever nvidia-smi this machine has is not asked
    assert run_python(COUNT, LD_LIBRARY_PATH=driver, CUDA_VISIBLE_DEVICES=visible, PATH="/nowhere")[0] == expected


def test_more_gpus_than_there_are_is_an_error(driver):
    out, err = run_python(COUNT, LD_LIBRARY_PATH=driver, CUDA_VISIBLE_DEVICES="0,1,2,3", PATH="/nowhere")
    assert not out
    assert "ValueError: get_num_gpu: CUDA_VISIBLE_DEVICES must name GPUs that exist; got '0,1,2,3', but there are 3" in err


def fake_smi(folder, script):
    path = folder / "nvidia-smi"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return "{}:/bin:/usr/bin".format(folder)


def test_gpus_are_counted_by_nvidia_smi(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", fake_smi(tmp_path, "echo 'GPU 0: Model (UUID: GPU-1)'; echo '  MIG 1g'; echo 'GPU 1: Model'"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpu.get_num_gpu() == gpu.get_nr_gpu() == 2


@pytest.mark.parametrize("script", ["exit 9", "exec sleep 60"], ids=["fails", "hangs"])
def test_an_nvidia_smi_in_trouble_is_passed_over(tmp_path, monkeypatch, log_records, script):
    monkeypatch.setattr(gpu, "_SMI_TIMEOUT", 0.5)
    monkeypatch.setattr(gpu, "_count_by_nvml", lambda: 7)
    monkeypatch.setenv("PATH", fake_smi(tmp_path, script))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpu.get_num_gpu() == 7
    assert any("nvidia-smi failed" in r.getMessage() for r in log_records if r.levelname == "WARNING")


@pytest.mark.parametrize("visible", ["0,1", None], ids=["named", "unset"])
def test_without_a_driver_there_are_no_gpus(monkeypatch, visible, log_records):
    monkeypatch.setattr(gpu, "_count_by_nvml", lambda: None)
    monkeypatch.setattr(gpu, "_count_by_smi", lambda: None)
    monkeypatch.setattr(gpu, "_count_by_tensorflow", lambda: 0)
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu.get_num_gpu() == 0
    assert any("no NVIDIA driver" in r.getMessage() for r in log_records) == (visible is not None)


def test_change_gpu_restores_the_environment_also_after_an_error(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    with pytest.raises(KeyError):
        with gpu.change_gpu(-1):
            assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
            raise KeyError
    with gpu.change_gpu("0,1"):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "5"


def test_the_driver_is_asked_about_each_gpu(driver):
    out, err = run_python("""
from tensorpack.utils.nvml import NVMLContext, NvmlException
with NVMLContext() as context:
    first, second, third = context.devices()
    print(context.num_devices(), first.name(), second.memory(), second.utilization())
    for attempt in (third.utilization, lambda: context.device(3)):
        try:
            attempt()
        except (NvmlException, ValueError) as e:
            print(type(e).__name__, getattr(e, 'error_code', None), e)
with NVMLContext() as context:
    print(context.device(1).name())
""", LD_LIBRARY_PATH=driver)
    lines = out.splitlines()
    assert lines[0] == "3 GPU model 0 {} {}".format({"total": 2 ** 34, "free": 2 ** 34 - 1001, "used": 1001},
                                                    {"gpu": 51, "memory": 7}), err
    assert lines[1] == "NvmlException 3 NVML error 3: nvmlDeviceGetUtilizationRates failed: Not Supported"
    assert lines[2].startswith("ValueError None NVMLContext.device: the number of a GPU must be from 0 to 2; got 3")
    assert lines[3] == "GPU model 1"


def test_no_driver_is_an_os_error(monkeypatch):
    def refuse(name):
        raise OSError(name + " is not there")

    monkeypatch.setattr(pynvml, "nvmlLib", None)
    monkeypatch.setattr(pynvml, "CDLL", refuse)
    with pytest.raises(OSError, match="NVMLContext: there must be a driver of NVIDIA; got .*Library Not Found"), NVMLContext():
        pass


def test_is_gpu_available_agrees_with_compat():
    from tensorpack import compat

    assert is_gpu_available() == is_gpu_available(cuda_only=True) == compat.has_gpu()
