"""Run an example's script within the test process: all is real, but the import of TensorFlow is shared."""
import multiprocessing
import os
import runpy
import sys

EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "examples")


def run_example(monkeypatch, folder, script, *args):
    """Run `python script *args` in `folder`, and return the script's global names.

    Args:
        monkeypatch: that of pytest.
        folder: becomes the current directory, e.g. `tmp_path`.
        script: path below `examples`.
        args: strings.

    Raises:
        AssertionError: it exits with another status than 0, or changes how all processes are started.
    """
    path = os.path.join(EXAMPLES, *script.split("/"))
    monkeypatch.setattr(sys, "argv", [path] + list(args))
    monkeypatch.setattr(sys, "path", [os.path.dirname(path)] + sys.path)
    monkeypatch.chdir(folder)
    known, start_method = set(sys.modules), multiprocessing.get_start_method()
    try:
        return runpy.run_path(path, run_name="__main__")
    except SystemExit as e:
        assert not e.code, "{} ended with {}".format(script, e.code)
        return {}
    finally:
        assert multiprocessing.get_start_method() == start_method
        for name in set(sys.modules) - known:  # scripts of another folder may have siblings of the same name
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(EXAMPLES + os.sep):
                del sys.modules[name]
