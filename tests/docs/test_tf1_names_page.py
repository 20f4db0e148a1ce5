"""The list of names that `tensorpack.tf1` provides is that of its packages."""
import os
import sys

import pytest

from tensorpack.compat import VERSION

DOCS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs")


@pytest.mark.skipif(VERSION < (2, 0), reason="some names are TensorFlow's own on 1.15")
def test_the_shipped_list_is_up_to_date(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    import make_tf1_names

    text = make_tf1_names.text()
    for name in ("tf.contrib.slim", "tf.layers", "tf.nn.rnn_cell", "`interp2d`", "`xrange`"):
        assert name in text
    with open(os.path.join(DOCS, "modules", "tf1.md"), encoding="utf-8") as f:
        assert f.read() == text, "out of date: run docs/make_tf1_names.py"
    del sys.modules["make_tf1_names"]
