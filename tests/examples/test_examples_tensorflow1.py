"""The program of TensorFlow 1 gives one curve on both TensorFlows, run by `python -m tensorpack.tf1`."""
import os
import re

import numpy as np
from example_runner import EXAMPLES

from tensorpack.compat import tfv1 as tf

# Mean losses of 20 steps each, on TensorFlow 1.15.5
CURVE = [1.1972, 0.4678, 0.2425, 0.1511]


def test_digits(run_program, tmp_path):
    script = os.path.join(EXAMPLES, "TensorFlow1", "digits.py")
    status, output = run_program("-m", "tensorpack.tf1", script, "--steps=80", "--train_dir", "saved", folder=tmp_path)
    assert status == 0, output[-3000:]
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", output)]
    np.testing.assert_allclose(losses, CURVE, rtol=0.01)
    variables = dict(tf.train.list_variables(str(tmp_path / "saved")))
    assert variables["conv/conv_1/weights"] == [3, 3, 1, 16]
    assert variables["lines/rnn/basic_lstm_cell/kernel"] == [32, 96]
    assert variables["conv/conv_2/BatchNorm/moving_mean"] == [16] and variables["logits/kernel"] == [56, 10]
