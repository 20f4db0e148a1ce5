"""TensorFlow's errors about labels and indices say what they mean, and what was fed."""
import numpy as np
import pytest

from tensorpack import InferenceRunner, ModelDesc, QueueInput, ScalarStats, SimpleTrainer, TrainConfig, launch_train_with_config
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import DataFromList
from tensorpack.predict import OnlinePredictor
from tensorpack.tfutils._session.hooked_session import HookedSession

LABELS = np.array([3, 10], "int32")
FED = r"Fed: label:0 is int32 \(2,\) from 3 to 10\."


def cross_entropy(label):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=tf.zeros([2, 10]))


def variable_rows(label, columns):
    """Zeros, a row for each label, whose shape is not known before a run."""
    return tf.placeholder_with_default(tf.zeros(tf.stack([tf.shape(label)[0], columns])), [None, None])


FUNCTIONS = [
    (cross_entropy, "The label 10 is none of the classes: the last layer has 10 outputs, so labels must be 0 to 9; give the "
                    "model more classes, or count the labels from 0"),
    (lambda label: cross_entropy(label - 4), "The label -1 is none of .*; leave out datapoints without a class"),
    (lambda label: tf.gather(tf.zeros([10, 2]), label), "The index 10 is outside of a table of 10 rows"),
    (lambda label: tf.nn.embedding_lookup(tf.zeros([10, 2]), label), "The index 10 is outside of a table of 10 rows"),
    (lambda label: tf.unsorted_segment_sum(tf.ones([2]), label, 10), "The index 10 is outside of a table of 10 rows"),
    (lambda label: tf.confusion_matrix(label, label, 10), "A label is none of the classes"),
    (lambda label: tf.nn.softmax_cross_entropy_with_logits(labels=tf.cast(label, tf.float32), logits=variable_rows(label, 4)),
     r"logits_size=\[2,4\].*The labels seem to be numbers of classes.*all 4 classes: use tf.nn.sparse_softmax_cross_entropy_"
     r"with_logits, or give it tf.one_hot\(label, 4\)"),
    (lambda label: tf.nn.softmax_cross_entropy_with_logits(labels=variable_rows(label, 3), logits=variable_rows(label, 4)),
     "The last layer has 4 outputs, and the labels have 3 classes"),
    (lambda label: tf.reshape(label, [3]), ""),
]
IDS = ["label", "negative", "gather", "embedding", "segments", "confusion", "sparse", "classes", "shape"]


@pytest.mark.skipif(tf.test.is_built_with_cuda() and tf.test.is_gpu_available(), reason="GPUs give NaN instead")
@pytest.mark.parametrize("function, words", FUNCTIONS, ids=IDS)
@pytest.mark.parametrize("how", ["predictor", "step", "options"])
def test_the_error_tells_what_the_values_mean(function, words, how):
    with tf.Graph().as_default(), tf.Session() as sess:
        label = tf.placeholder(tf.int32, [None], "label")
        output = function(label)
        with pytest.raises(tf.errors.InvalidArgumentError, match="(?s)" + words + ".*" + FED) as info:
            if how == "predictor":
                OnlinePredictor([label], [output], sess=sess)(LABELS)
            else:
                options = tf.RunOptions() if how == "options" else None
                HookedSession(sess).run(output, {label: LABELS}, options=options)
    assert str(info.value).count("Fed:") == 1


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec([2], tf.int32, "label")]

    def build_graph(self, label):
        logits = tf.get_variable("logits", [2, 10])
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=logits), name="cost")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.01)


GOOD, BAD = DataFromList([[LABELS - 3]]), DataFromList([[LABELS]])


@pytest.mark.skipif(tf.test.is_built_with_cuda() and tf.test.is_gpu_available(), reason="GPUs give NaN instead")
@pytest.mark.parametrize("config, is_fed", [
    (lambda: dict(dataflow=BAD), True),
    (lambda: dict(data=QueueInput(BAD)), False),
    (lambda: dict(dataflow=GOOD, callbacks=[InferenceRunner(BAD, ScalarStats("cost"))]), True),
], ids=["fed", "queue", "validation"])
def test_trainings_tell_it(config, is_fed):
    with tf.Graph().as_default(), pytest.raises(tf.errors.InvalidArgumentError, match="The label 10 is none of") as info:
        launch_train_with_config(TrainConfig(model=Model(), monitors=[], max_epoch=1, **config()), SimpleTrainer())
    assert ("Fed: label:0 is int32 (2,) from 3 to 10." in str(info.value)) == is_fed
