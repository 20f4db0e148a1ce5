"""A library with the functions of NVML, of a machine with three GPUs; the environment says how they behave."""
import ctypes
import shutil
import subprocess

import pynvml
import pytest

# FAKE_NVML=fine | mig (tells nothing) | hang (from the start) | fail-later, hang-later (from the third answer on)
SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
typedef struct { unsigned gpu, memory; } rates;
static int handles[3], asked;
static int is(const char *mode) { const char *m = getenv("FAKE_NVML"); return m && !strcmp(m, mode); }
int nvmlInitWithFlags(unsigned flags) { asked = 0; return 0; }
int nvmlShutdown() { return 0; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = 3; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { *d = &handles[i]; handles[i] = i; return 0; }
int nvmlDeviceGetUtilizationRates(int *d, rates *r) {
    asked++;
    if (is("mig")) return 3;
    if (is("hang") || (is("hang-later") && asked > 2)) sleep(4);
    if (is("fail-later") && asked > 2) return 15;
    r->gpu = 50 + *d; r->memory = 7; return 0;
}
const char *nvmlErrorString(int code) { return code == 3 ? "Not Supported" : "GPU is lost"; }
"""


def build(folder):
    """The path of the compiled library."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    (folder / "nvml.c").write_text(SOURCE)
    path = str(folder / "libnvidia-ml.so.1")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", path, str(folder / "nvml.c")], check=True)
    return path


def install(monkeypatch, path):
    """Let pynvml find the library at `path` as that of the driver; there is none if `path` does not exist."""
    monkeypatch.setattr(pynvml, "nvmlLib", None)  # else it keeps what it found before
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    monkeypatch.setattr(pynvml, "CDLL", lambda name: ctypes.CDLL(path))
