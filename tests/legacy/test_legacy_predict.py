"""Prediction by its old arguments, and predictors that are called with one list."""
import numpy as np
import pytest

import tensorpack
from tensorpack import (
    InputDesc,
    ModelDesc,
    MultiThreadAsyncPredictor,
    MultiTowerOfflinePredictor,
    OfflinePredictor,
    OnlinePredictor,
    PredictConfig,
    tfv1,
)


def model(**shapes):
    """One that gives the sums of all its inputs, and their shapes."""
    class Sums(ModelDesc):
        def _get_inputs(self):
            return [InputDesc(tfv1.float32, shape, name) for name, shape in shapes.items()]

        def _build_graph(self, inputs):
            tfv1.stack([tfv1.reduce_sum(x) for x in inputs], name="sums")
            tfv1.shape(inputs[0], name="shape")

    return Sums()


def predictor(**shapes):
    return OfflinePredictor(PredictConfig(model=model(**shapes), output_names=["sums", "shape"]))


IMAGE = np.ones((2, 3), "float32")


@pytest.mark.parametrize("shapes, argument, shape", [
    ({"x": [None, 2, 3]}, [IMAGE], [1, 2, 3]),  # a batch of one
    ({"x": [None, 2, 3]}, [IMAGE, IMAGE], [2, 2, 3]),
    ({"x": [None, 2, 3]}, [[IMAGE]], [1, 2, 3]),  # a datapoint of one component
    ({"x": [None, 2, 3]}, [IMAGE[np.newaxis]], [1, 2, 3]),
    ({"x": [None, 2, 3]}, (IMAGE[np.newaxis],), [1, 2, 3]),
    ({"x": [2, 3]}, [IMAGE], [2, 3]),
    ({"x": None}, [IMAGE], [2, 3]),
    ({"x": None}, IMAGE, [2, 3]),
    ({"x": [1]}, [5.0], [1]),
    ({"x": []}, [5.0], []),
    ({"x": [2, 3], "y": []}, [IMAGE, 1.0], [2, 3]),
    ({"x": [2, 3], "y": []}, (IMAGE, 1.0), [2, 3]),
])
def test_one_argument_is_the_datapoint_or_the_only_input(shapes, argument, shape):
    with predictor(**shapes) as predict:
        assert predict(argument)[1].tolist() == shape


def test_it_is_told_once(warnings):
    with predictor(x=[2, 3]) as predict:
        predict(IMAGE)
        assert not any("datapoint" in text for text in warnings())
        predict([IMAGE])
        predict([IMAGE])
    assert sum("rather than predictor([" in text for text in warnings()) == 1


def test_a_datapoint_of_the_wrong_length_is_refused():
    with predictor(x=[2, 3], y=[]) as predict, pytest.raises(ValueError, match="must be called with 2 inputs"):
        predict([IMAGE])


def test_arguments_of_a_configuration():
    config = PredictConfig(model=model(x=[2, 3], y=[]), input_var_names=["y", "x"], output_var_names=["sums"],
                           session_config=tfv1.ConfigProto(intra_op_parallelism_threads=1), return_input=True)
    assert config.input_var_names == config.input_names == ["y", "x"] and config.output_var_names == ["sums"]
    assert config.session_creator.config.intra_op_parallelism_threads == 1
    with tensorpack.get_predict_func(config) as predict:
        dp, outputs = predict([np.float32(2), IMAGE])
        assert outputs[0].tolist() == [6, 2] and len(dp) == 2
    specs = [tfv1.TensorSpec([], tfv1.float32, "x")]
    config = PredictConfig(tower_func=lambda x: tfv1.identity(x, "out"), inputs_desc=specs, output_names=["out"])
    assert config.inputs_desc == config.input_signature == specs
    assert PredictConfig(model=model(x=[], y=[]), input_data_mapping=[1], output_names=["sums"]).input_names == ["y"]


def test_a_predictor_in_a_session_that_comes_first():
    x = tfv1.placeholder(tfv1.float32, [], "x")
    out = tfv1.identity(x * 2, "out")
    with tfv1.Session() as sess:
        for predict in (OnlinePredictor(sess, [x], [out]), OnlinePredictor([x], [out], False, sess),
                        OnlinePredictor(sess=sess, input_vars=[x], output_vars=[out])):
            assert predict(3) == [6] and predict.session is predict.sess is sess


def test_predictors_of_several_towers_and_threads():
    config = PredictConfig(model=model(x=[None, 2]), output_names=["sums"])
    with MultiTowerOfflinePredictor(config, [0, 1]) as predict:
        assert len(predict.get_predictors()) == 2 and len(predict.get_predictors(3)) == 3
        assert predict.get_predictors(1)[0]([[1, 2]])[0].tolist() == [3]
    with OfflinePredictor(PredictConfig(model=model(x=[None, 2]), output_names=["shape"])) as online:
        threads = MultiThreadAsyncPredictor([online])
        with pytest.raises(RuntimeError, match="started"):
            threads.run()
            threads.run()
        threads.close()


def test_threads_for_a_trainer():
    class Trainer:
        def get_predictor(self, *args):
            raise AssertionError()

        def get_predictors(self, inputs, outputs, number):
            x = tfv1.placeholder(tfv1.float32, [None], inputs[0])
            return [OnlinePredictor([x], [tfv1.identity(x)])] * number

    assert len(MultiThreadAsyncPredictor(Trainer(), ["x"], ["out"], 2, 3).threads) == 2
    assert len(MultiThreadAsyncPredictor(trainer=Trainer(), input_names=["z"], output_names=["o"], nr_thread=3).threads) == 3


def test_what_is_gone_or_elsewhere():
    from tensorpack.predict.common import PredictConfig as Moved
    from tensorpack.predict.common import PredictResult

    assert Moved is PredictConfig and PredictResult(1, 2).output == 2
    assert tensorpack.predict.DatasetPredictor is tensorpack.SimpleDatasetPredictor
    with pytest.raises(NotImplementedError, match="get_predictor"):
        tensorpack.build_prediction_graph(lambda: None)
    from tensorpack.graph_builder.predictor_factory import SimplePredictBuilder

    with pytest.raises(NotImplementedError, match="PredictTowerContext"):
        SimplePredictBuilder("scope")
