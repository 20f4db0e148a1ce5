"""Examples whose recurrent cells are those of TensorFlow 1 instead of the library's: the variables are the same."""
import json
import os

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS = "from tensorpack.contrib.rnn import "
MODELS = {
    "Char-RNN/char-rnn.py": "Model(20)",
    "PennTreebank/PTB-LSTM.py": "Model(SIZES['small']._replace(units=8), 20, 2)",
    "CTC-TIMIT/train-timit.py": "Model()",
}
BUILD = """
import json
with tf.Graph().as_default():
    model = {model}
    with TowerContext("", is_training=True):
        model.build_graph(*[tf.placeholder(spec.dtype, spec.shape, spec.name) for spec in model.get_input_signature()])
    print("VARIABLES", json.dumps([
        [v.op.name, v.shape.as_list(), v in tf.trainable_variables()] for v in tf.global_variables() + tf.local_variables()]))
"""


def without_main(example):
    """The source of the example up to its command line."""
    with open(os.path.join(ROOT, "examples", example), encoding="utf-8") as f:
        return f.read().partition('\nif __name__ == "__main__":')[0]


def twin_of(source):
    """The same program with the names of TensorFlow 1: cells of `tf.contrib.rnn`, loops of `tf.nn`."""
    line, = [line for line in source.splitlines() if line.startswith(OURS)]
    names = line[len(OURS):].split(", ")
    cells = [name for name in names if not name.endswith("_rnn")]
    loops = ["{0} = tensorflow.nn.{0}".format(name) for name in names if name.endswith("_rnn")]
    assert cells and loops
    imports = ["import tensorflow", "from tensorflow.contrib.rnn import " + ", ".join(cells)]
    return source.replace(line, "\n".join(imports + loops))


@pytest.mark.parametrize("example", sorted(MODELS))
def test_a_twin_in_names_of_tensorflow_1_has_the_same_variables(run_program, tmp_path, example):
    found = []
    for name, source, command in [("ours.py", without_main(example), []),
                                  ("twin.py", twin_of(without_main(example)), ["-m", "tensorpack.tf1"])]:
        (tmp_path / name).write_text(source + BUILD.format(model=MODELS[example]))
        path = os.pathsep.join([ROOT, os.path.join(ROOT, "examples", os.path.dirname(example))])
        status, output = run_program(*(command + [name]), folder=tmp_path, timeout=300, PYTHONPATH=path)
        assert status == 0, output[-5000:]
        found.append(json.loads(output.partition("VARIABLES ")[2].splitlines()[0]))
    assert found[0] == found[1] and len(found[0]) > 4
