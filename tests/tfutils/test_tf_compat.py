"""What importing the library does to TensorFlow."""
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

NOTHING_IS_PATCHED = """
import pkgutil, sys
import tensorflow
def public(module):
    return {name: value for name, value in vars(module).items() if not name.startswith("_")}
watched = [tensorflow, tensorflow.compat.v1] + [
    getattr(tensorflow.compat.v1, name) for name in ("nn", "train", "test", "keras", "losses", "random")]
had_layers = hasattr(tensorflow, "layers")
before = [public(module) for module in watched]
import tensorpack
skipped = []
for found in pkgutil.walk_packages(tensorpack.__path__, "tensorpack.", onerror=skipped.append):
    if not found.name.endswith("__main__"):
        try:
            __import__(found.name)
        except ImportError:
            skipped.append(found.name)  # an optional package
for module, names in zip(watched, before):
    now = public(module)
    changed = [name for name in names if now.get(name) is not names[name]]
    added = [name for name in now if name not in names and type(now[name]).__name__ not in ("module", "LazyLoader")]
    print("CHANGED", module.__name__, changed, "ADDED", [n for n in added if not n.startswith("contrib")])
print("LAYERS", hasattr(tensorflow, "layers") == had_layers, len(skipped) < 40)
"""


def test_importing_all_modules_leaves_the_names_of_tensorflow_alone(run_program):
    status, output = run_program("-c", NOTHING_IS_PATCHED, folder=ROOT)
    lines = [line for line in output.splitlines() if line.startswith(("CHANGED", "LAYERS"))]
    assert status == 0 and len(lines) == 9, output[-3000:]
    assert lines.pop() == "LAYERS True True"
    assert [line for line in lines if " [] ADDED []" not in line] == []
