"""Messages of TensorFlow that the page of frequent questions explains are those that it gives."""
import os
import re

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.mark.parametrize("label", [3, -1])
def test_a_label_that_is_no_class_is_told_in_the_words_of_the_page(label):
    with open(os.path.join(ROOT, "docs", "tutorial", "faq.md"), encoding="utf-8") as f:
        heading, = re.findall("^## `(Received a label value .*)`$", f.read(), re.M)
    cost = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=np.zeros([1, 3], "float32"), labels=[label])
    with tf.Session(config=tf.ConfigProto(device_count={"GPU": 0})) as sess, pytest.raises(
            tf.errors.InvalidArgumentError, match=re.escape(heading.replace("value of 3", "value of {}".format(label)))):
        sess.run(cost)
