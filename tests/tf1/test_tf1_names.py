"""Every lost name that programs were found to use can be imported and used by its path in TensorFlow 1."""
import json
import os

import pytest

from tensorpack.compat import VERSION

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "tf1")
WAYS = {"imported", "imported_parent", "attribute"}
LOST_SINCE = "absent in 1.15.5"

# Written by each name: how it can be reached, and the names of its arguments
PROGRAM = """
    import importlib
    import inspect
    import json
    import sys

    import tensorflow as tf

    def imported(path):
        # as `from a.b import c`, or `import a.b.c` for a module
        module, _, name = path.rpartition(".")
        exec("from {} import {} as found".format(module, name), globals())
        return found

    def imported_parent(path):
        module, _, name = path.rpartition(".")
        return getattr(imported(module), name)

    def attribute(path):
        value = tf
        for part in path.split(".")[1:]:
            value = getattr(value, part)
        return value

    def arguments(value):
        function = value.__init__ if inspect.isclass(value) else value
        return [p for p in inspect.signature(function).parameters if p != "self"]

    report = {}
    for name in json.load(open(sys.argv[1])):
        path = "tensorflow" + name[len("tf"):]
        row = report[name] = {}
        for way in (imported, imported_parent, attribute):
            try:
                value = way(path)
                row[way.__name__] = "module" if inspect.ismodule(value) else type(value).__name__
                if callable(value):
                    row["arguments"] = arguments(value)
            except Exception as e:
                row[way.__name__] = "{}: {}".format(type(e).__name__, e)
    json.dump(report, open(sys.argv[2], "w"))
"""


def names():
    with open(os.path.join(DATA, "names.json")) as f:
        return json.load(f)


@pytest.fixture(scope="module")
def report(run_program, tmp_path_factory):
    """Name -> how the program could reach it."""
    from program_files import write

    folder = tmp_path_factory.mktemp("names")
    write(folder, {"program.py": PROGRAM, "names.json": json.dumps([row["name"] for row in names()])})
    status, output = run_program("-m", "tensorpack.tf1", "program.py", "names.json", "report.json", folder=folder, timeout=200)
    assert status == 0, output[-3000:]
    return json.loads((folder / "report.json").read_text())


@pytest.mark.parametrize("row", [row for row in names() if row["kind"] != LOST_SINCE], ids=lambda row: row["name"])
def test_a_lost_name_is_there(report, row):
    found = report[row["name"]]
    ways = {way: found[way] for way in (("imported", "attribute") if VERSION >= (2, 0) else sorted(WAYS))}
    if VERSION < (2, 0) or ".python" in row["name"] or ".core." in row["name"]:  # TensorFlow 1.15 has some by one way only
        ways = {way: kind for way, kind in ways.items() if "Error" not in kind}
    assert ways and not [kind for kind in ways.values() if "Error" in kind or kind in ("MissingModule", "NoneType")], found
    # `...python.ops.arg_scope` is a module to `import`, and a function to `from ... import`
    assert ("module" in ways.values()) == (row["kind"] == "module" and not row["name"].endswith("python.ops.arg_scope"))
    if row["kind"] == "function" and VERSION >= (2, 0):
        expected = [part.split("=")[0].strip() for part in split_arguments(row["signature"])]
        assert [name.lstrip("*") for name in found["arguments"]] == [name.lstrip("*") for name in expected]


def split_arguments(signature):
    """The arguments in the text of a signature."""
    parts, depth, text = [], 0, ""
    for letter in signature.strip()[1:-1]:
        depth += letter in "([{<"
        depth -= letter in ")]}>"
        if letter == "," and depth == 0:
            parts.append(text)
            text = ""
        else:
            text += letter
    return [part for part in parts + [text] if part.strip()]


@pytest.mark.skipif(VERSION < (2, 0), reason="TensorFlow 1.15 says it in its own words")
@pytest.mark.parametrize("name", [row["name"] for row in names() if row["kind"] == LOST_SINCE])
def test_a_name_that_tensorflow_1_15_lacks_says_what_to_use(report, name):
    if name.startswith("tf.compat.v2."):  # TensorFlow's own
        assert report[name]["attribute"].startswith("AttributeError: ")
        return
    assert report[name]["attribute"].startswith("NotProvided: "), report[name]
    assert "had it: " in report[name]["attribute"] or "of TensorFlow 0.x: " in report[name]["attribute"]
