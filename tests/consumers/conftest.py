"""Exports for all tests of this folder, and the programs that read them."""
import json
import os
import sys
import urllib.request

import numpy as np
import pytest
from consumer_programs import (
    PATIENCE,
    environment,
    needs,
    raise_if_error,
    run_programs,
    run_with_tensorflow,
    wait_for_address,
)
from exported_models import MODELS, Export, export, old_exports
from forked_helpers import engine_server, fork_helpers  # noqa: F401
from forked_programs import Program

HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture(scope="session")
def exports(tmp_path_factory, fork_helpers):  # noqa: F811
    """{name: Export}: the models exported by this TensorFlow, and one by each of the others."""
    folder = tmp_path_factory.mktemp("exported")
    found = {name: Export(path) for name, path in old_exports().items()}
    with pytest.MonkeyPatch.context() as monkeypatch:
        fork_helpers(monkeypatch)
        found.update({model: export(model, str(folder / model)) for model in MODELS})
    return found


@pytest.fixture(scope="session")
def run_eagerly(exports, run_program, tmp_path_factory):
    """A function from (name of an export, key) to {output: array}, computed by TensorFlow without the library."""
    folder = tmp_path_factory.mktemp("eager")
    return read_outputs(run_with_tensorflow(run_program, commands_for("eager_program.py", exports), folder), folder)


@pytest.fixture(scope="session")
def run_libraries(exports, tmp_path_factory):
    """A function from (name of an export, key) to {output: array}, computed by libraries other than TensorFlow."""
    folder, commands = tmp_path_factory.mktemp("libraries"), commands_for("model_readers.py", exports)
    return read_outputs(run_programs({name: [sys.executable] + command for name, command in commands.items()}, folder), folder)


def commands_for(program, exports):
    """Each export has its own process: in one, TF 1.15 takes variables of the same name in two models for one variable."""
    return {name: [os.path.join(HERE, program), name + ".npz", export.directory] for name, export in exports.items()}


def read_outputs(printed, folder):
    def outputs(name, key):
        raise_if_error(printed[name])
        with np.load(str(folder / (name + ".npz"))) as f:
            found = {each.split("/", 1)[1]: f[each] for each in f.files if each.startswith(key + "/")}
        assert "error" not in found, str(found["error"])
        return found

    return outputs


@pytest.fixture(scope="session")
def saved_model_cli(exports, run_program, tmp_path_factory):
    """A folder in which the tool has run with each model, and {name: what it printed}; `show` is the name of one more run."""
    folder = tmp_path_factory.mktemp("cli")
    tool = os.path.join(os.path.dirname(sys.executable), "saved_model_cli")
    commands = {"show": [tool, "show", "--dir", exports["resnet"].path("saved", "1"), "--all"]}
    for name in MODELS:
        np.save(str(folder / (name + ".npy")), exports[name].image)
        (folder / name / "fc1").mkdir(parents=True)  # the tool makes no folder for a key with a slash
        commands[name] = [tool, "run", "--dir", exports[name].path("saved", "1"), "--tag_set", "serve", "--signature_def",
                          "serving_default", "--inputs", "image={}.npy".format(name), "--outdir", name]
    return folder, run_with_tensorflow(run_program, commands, folder)


@pytest.fixture(scope="session")
def ask_server(exports, program_server, tmp_path_factory):
    """A function that posts JSON to a simple-tensorflow-serving that serves all exports, and returns its JSON."""
    needs("simple_tensorflow_serving", "--no-deps simple-tensorflow-serving==0.8.2")
    needs("flask_cors", "flask flask-cors")
    folder = tmp_path_factory.mktemp("server")
    models = [{"name": name, "base_path": each.path("saved"), "platform": "tensorflow"} for name, each in exports.items()]
    (folder / "models.json").write_text(json.dumps({"model_config_list": models}))
    arguments = ["--host", "127.0.0.1", "--port", "0", "--model_config_file", "models.json"]
    (folder / "log").touch()  # it is read before the server has opened it
    server = Program(program_server, [os.path.join(HERE, "serving_program.py")] + arguments, folder, folder / "log",
                     **dict(environment(), PYTHONPATH=""))
    try:
        address = wait_for_address(server, folder / "log")

        def ask(question):
            request = urllib.request.Request(address, json.dumps(question).encode(), {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.loads(answer.read().decode())

        yield ask
    finally:
        server.kill()
