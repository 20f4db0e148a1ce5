"""A process that is forked after TensorFlow has run has no threads for a session: what would wait there for ever is refused."""
import pytest

PROGRAM = """
import multiprocessing


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec([None, 3], tf.float32, "x")]

    def build_graph(self, x):
        tf.identity(FullyConnected("fc", x, 2), "y")


def answer(function):
    try:
        return str(function())
    except Exception as e:
        return "{}: {}".format(type(e).__name__, e)


def forked(function):
    fork = multiprocessing.get_context("fork")
    reader, writer = fork.Pipe(duplex=False)
    process = fork.Process(target=lambda: writer.send(answer(function)))
    process.start()
    assert reader.poll(60), "hangs"
    process.join()
    return reader.recv()


X = np.ones((1, 3), "f4")
config = PredictConfig(model=Model(), input_names=["x"], output_names=["y"])
"""
IN_A_PREDICTOR = """
predictor = OfflinePredictor(config, engine={engine!r})
assert predictor(X)[0].shape == (1, 2)
print("forked", forked(lambda: predictor(X)))
print("still", predictor(X)[0].shape)


def predicted(dp):
    return [predictor(X)[0]]


flow = MultiProcessMapData(DataFromList([[1]] * 40), 2, predicted, buffer_size=4)
flow.reset_state()
print("flow", answer(lambda: next(iter(flow))))
"""
IN_A_NEW_SESSION = """
with OfflinePredictor(config) as predictor:
    predictor(X)
print("predictor", forked(lambda: OfflinePredictor(config)))


class Cost(Model):
    def build_graph(self, x):
        return tf.reduce_sum(FullyConnected("fc", x, 2))

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.1)


def train():
    with tf.Graph().as_default():
        launch_train_with_config(TrainConfig(
            model=Cost(), dataflow=DataFromList([[X]] * 4), steps_per_epoch=4, max_epoch=1), SimpleTrainer())


print("training", forked(train))
"""
BEFORE = """
print("built", forked(lambda: OfflinePredictor(config)(X)[0].shape))
"""
WORDS = "{}: TensorFlow cannot be used in a process that was forked after it had run, where it would wait for ever; start"


def lines(output):
    return dict(line.split(" ", 1) for line in output.splitlines() if " " in line)


@pytest.mark.parametrize("engine", [None, "frozen"])
def test_a_predictor_of_the_parent_is_refused(run_code, engine):
    said = lines(run_code(PROGRAM + IN_A_PREDICTOR.format(engine=engine)))
    assert said["forked"].startswith("RuntimeError: " + WORDS.format("OfflinePredictor"))
    assert said["flow"].count(WORDS.format("OfflinePredictor")) == 1 and said["still"] == "(1, 2)"


def test_new_sessions_are_refused(run_code):
    said = lines(run_code(PROGRAM + IN_A_NEW_SESSION))
    for who in "predictor", "training":
        assert said[who].startswith("RuntimeError: " + WORDS.format("NewSessionCreator"))


def test_before_tensorflow_has_run_all_works(run_code):
    assert lines(run_code(PROGRAM + BEFORE))["built"] == "(1, 2)"
