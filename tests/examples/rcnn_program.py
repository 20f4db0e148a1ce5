"""The modules of examples/FasterRCNN, imported anew for each configuration, as the configuration is global."""
import contextlib
import importlib
import os
import sys

from example_runner import EXAMPLES

FOLDER = os.path.join(EXAMPLES, "FasterRCNN")


def beside_the_project(*parts):
    """A path in the folder `shared` beside the project, or beside one of the folders that it is in."""
    folder = os.path.dirname(EXAMPLES)
    while True:
        folder, name = os.path.split(folder)
        path = os.path.join(folder, "shared", *parts)
        if os.path.exists(path) or not name:
            return path


GOLDEN = beside_the_project("golden", "rcnn")


class Program:
    """`program.config`, `program.eval` and so on are the modules, imported when they are first asked for."""

    def __getattr__(self, name):
        return importlib.import_module(name)

    def __getitem__(self, name):
        return importlib.import_module(name)


def _forget_modules():
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(FOLDER + os.sep):
            del sys.modules[name]


@contextlib.contextmanager
def rcnn_program(words=(), classes=("a", "b", "c", "d"), is_training=False, name="golden", finalize=True):
    """The program with a data set of these classes, configured by words KEY=VALUE."""
    _forget_modules()
    sys.path.insert(0, FOLDER)
    try:
        program = Program()
        registry = program.dataset.DatasetRegistry
        registry.register_metadata(name, "class_names", ["BG"] + list(classes))
        program.config.config.update_args(["DATA.TRAIN={},".format(name), "DATA.VAL={},".format(name)] + list(words))
        if finalize:
            program.config.finalize_configs(is_training)
        yield program
    finally:
        sys.path.remove(FOLDER)
        _forget_modules()
