"""None among the data, mostly an image that `cv2.imread` did not find: wherever it is met, the error asks for it."""
import numpy as np
import pytest

from tensorpack import (
    AugmentImageComponent,
    AugmentImageComponents,
    AugmentImageCoordinates,
    BatchData,
    DataFromList,
    ModelDesc,
    OfflinePredictor,
    OnlinePredictor,
    PredictConfig,
    QueueInput,
    SimpleTrainer,
    TrainConfig,
    imgaug,
    launch_train_with_config,
    tfv1,
)

tf = tfv1
QUESTION = "did cv2.imread find the file"
IMAGE = np.zeros((4, 4, 3), "uint8")
FLIP = [imgaug.Flip(horiz=True)]


def first(flow):
    flow.reset_state()
    return next(iter(flow))


@pytest.mark.parametrize("call", [
    lambda: first(BatchData(DataFromList([[None], [None]]), 2)),
    lambda: first(BatchData(DataFromList([[IMAGE], [None]], shuffle=False), 2)),
    lambda: first(BatchData(DataFromList([[1], [None]], shuffle=False), 2)),
    lambda: first(AugmentImageComponent(DataFromList([[None]]), FLIP)),
    lambda: first(AugmentImageComponents(DataFromList([[None]]), FLIP)),
    lambda: first(AugmentImageCoordinates(DataFromList([[None, np.zeros((1, 2))]]), FLIP)),
    lambda: FLIP[0].augment(None),
], ids=["batch", "batch-of-images", "batch-of-numbers", "augment", "components", "coordinates", "augmentor"])
def test_flows_ask(call):
    with pytest.raises(TypeError, match=QUESTION):
        call()


@pytest.mark.parametrize("value", [None, [None], [1, None], [[1], [None]]], ids=repr)
@pytest.mark.parametrize("shape", [None, (None,), (2,)], ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8", "string"])
def test_predictors_ask_and_name_the_input(value, shape, dtype):
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(dtype, shape, "image")
        predictor = OnlinePredictor([x], [tf.identity(x)], sess=sess)
        with pytest.raises(ValueError, match="input 'image:0'.*" + QUESTION):
            predictor(value)


def test_offline_predictors_ask():
    with OfflinePredictor(PredictConfig(
            tower_func=lambda x: tf.identity(x, "y"), input_signature=[tf.TensorSpec((None, 4, 4, 3), tf.uint8, "image")],
            output_names=["y"])) as predictor, pytest.raises(ValueError, match="input 'image:0'.*" + QUESTION):
        predictor([None])


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec([None, 4, 4, 3], tf.float32, "image"), tf.TensorSpec([None], tf.int32, "label")]

    def build_graph(self, image, label):
        return tf.reduce_mean(image) * tf.get_variable("w", [])

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.01)


@pytest.mark.parametrize("source", ["feed", "queue"])
@pytest.mark.parametrize("datapoint", [[None, [1]], [[None], [1]], [[IMAGE, None], [1, 1]]], ids=["none", "list", "one"])
def test_trainings_ask_and_name_the_input(source, datapoint):
    flow = DataFromList([datapoint])
    data = dict(dataflow=flow) if source == "feed" else dict(data=QueueInput(flow), steps_per_epoch=1)
    with tf.Graph().as_default(), pytest.raises((TypeError, ValueError), match=r"\(input 'image'\).*" + QUESTION):
        launch_train_with_config(TrainConfig(model=Model(), max_epoch=1, monitors=[], **data), SimpleTrainer())
