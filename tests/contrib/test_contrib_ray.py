"""PredictBatches in a local cluster of Ray with two actors, whose processes are killed."""
import os
import signal
import tempfile
import time

import numpy as np
import psutil
import pytest
from batch_models import config, export

from tensorpack.contrib.ray import PredictBatches
from tensorpack.predict import ExportedPredictor, OfflinePredictor

pytestmark = [
    pytest.mark.slow,  # a cluster takes a minute of a machine that has nothing else to do, and much longer on another
    pytest.mark.skipif("sys.version_info < (3, 10)", reason="Ray has no release for this Python"),
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore"),  # Ray's own code runs here, and calls what Ray has deprecated
]
COUNT = 400
IMAGES = np.random.RandomState(3).rand(COUNT, 8, 8).astype("float32")
# Actors that hold all CPUs would leave none for the tasks that read.
HALF = dict(num_cpus=0.5)


@pytest.fixture(scope="module")
def ray():
    """Ray, with a cluster of two CPUs that has its own folder and ports, and ends with its processes."""
    environment = dict(os.environ)
    here = os.path.dirname(os.path.abspath(__file__))
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
                      PYTHONPATH=os.pathsep.join([os.path.dirname(os.path.dirname(here)), here]),
                      RAY_worker_niceness="0")  # beside other tests, nicer workers would hardly get any time
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    pytest.importorskip("ray.data", reason="Ray's extra 'data' is not installed")
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:  # below /tmp, since names of sockets are short
        ray.init(num_cpus=2, include_dashboard=False, object_store_memory=80 << 20, _temp_dir=folder, log_to_driver=False,
                 logging_level="ERROR")
        processes = psutil.Process().children(recursive=True)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars, context.wait_for_min_actors_s = False, 240
        try:
            yield ray
        finally:
            processes += psutil.Process().children(recursive=True)
            ray.shutdown()
            os.environ.clear()
            os.environ.update(environment)
            wait_until(lambda: not any(map(is_at_work, processes)))


def is_at_work(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition, seconds=60):
    deadline = time.time() + seconds
    while not condition():
        assert time.time() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return export(tmp_path_factory.mktemp("model"))


def rows(ray, blocks=10):
    return ray.data.from_items([{"id": i, "image": image} for i, image in enumerate(IMAGES)], override_num_blocks=blocks)


def actors(ray, count):
    return ray.data.ActorPoolStrategy(size=count)


class PredictAndDie(PredictBatches):
    """Writes its process into a folder, and kills it when it has predicted some row for the first time."""

    def __init__(self, *args, folder, fatal=(), **kwargs):
        super().__init__(*args, **kwargs)
        self._folder, self._fatal = folder, fatal
        self._note("started", self.predictor._model.engine.threads)

    def _note(self, what, value):
        with open(os.path.join(self._folder, what), "a") as f:
            f.write("{} {}\n".format(os.getpid(), value))

    def __call__(self, batch):
        predicted = super().__call__(batch)
        survived = {row for _, row in notes(self._folder, "killed")}
        for row in set(batch["id"].tolist()) & set(self._fatal) - survived:
            self._note("killed", row)
            os.kill(os.getpid(), signal.SIGKILL)
        return predicted


def notes(folder, what):
    try:
        with open(os.path.join(str(folder), what)) as f:
            return [tuple(map(int, line.split())) for line in f if line.endswith("\n")]
    except FileNotFoundError:
        return []


def test_two_actors_give_what_the_predictor_gives(ray, path, tmp_path, monkeypatch):
    monkeypatch.setattr(ray.data.DataContext.get_current().execution_options, "preserve_order", True)
    with ExportedPredictor(path, "tensorflow", threads=1) as predictor:
        prob, classes = predictor(IMAGES)
    dataset = rows(ray).map_batches(
        PredictAndDie, fn_constructor_args=[path, "tensorflow"], fn_constructor_kwargs={"folder": str(tmp_path)}, batch_size=16,
        compute=actors(ray, 2), **HALF).materialize()
    assert dataset.schema().names == ["id", "image", "prob", "class"]
    found = dataset.take_batch(2 * COUNT)
    np.testing.assert_array_equal(found["id"], np.arange(COUNT))
    np.testing.assert_array_equal(found["image"], IMAGES)
    np.testing.assert_allclose(found["prob"], prob, atol=1e-6)
    np.testing.assert_array_equal(found["class"], classes)
    assert (found["prob"].dtype, found["class"].dtype) == (prob.dtype, classes.dtype)
    started = notes(tmp_path, "started")
    assert len(started) == 2 and {threads for _, threads in started} == {1}  # of half a CPU


def test_a_function_that_makes_a_config(ray):
    with OfflinePredictor(config()) as predictor:
        prob, classes = predictor(IMAGES)
    found = rows(ray).map_batches(PredictBatches, fn_constructor_args=[config], batch_size=64, compute=actors(ray, 1),
                                  **HALF).take_batch(2 * COUNT)
    assert sorted(found["id"].tolist()) == list(range(COUNT))
    np.testing.assert_allclose(found["prob"], prob[found["id"]], atol=1e-6)
    np.testing.assert_array_equal(found["class"], classes[found["id"]])


def test_an_actor_that_is_killed_at_work_is_started_again_and_no_row_is_lost_or_doubled(ray, path, tmp_path):
    found = rows(ray, blocks=20).map_batches(
        PredictAndDie, fn_constructor_args=[path, "tensorflow"], batch_size=10, compute=actors(ray, 2),
        fn_constructor_kwargs={"folder": str(tmp_path), "fatal": [105, 255]}, **HALF).take_batch(2 * COUNT)
    assert sorted(found["id"].tolist()) == list(range(COUNT))
    with ExportedPredictor(path, "tensorflow", threads=1) as predictor:
        np.testing.assert_allclose(found["prob"], predictor(IMAGES[found["id"]])[0], atol=1e-6)
    killed, started = notes(tmp_path, "killed"), notes(tmp_path, "started")
    assert sorted(row for _, row in killed) == [105, 255]
    assert len({pid for pid, _ in started}) >= 3 and {pid for pid, _ in killed} <= {pid for pid, _ in started}


ERRORS = [
    ("none.pb", {}, "FileNotFoundError: PredictBatches: the model must be at the same place on each machine"),
    (None, {"input_columns": {"image": "imgae"}}, "ValueError: PredictBatches: a batch must have the column 'imgae'.*'image'"),
]


@pytest.mark.parametrize("name, options, words", ERRORS, ids=["no model", "no column"])
def test_errors_of_actors_reach_the_driver(ray, path, tmp_path, name, options, words):
    model = path if name is None else str(tmp_path / name)
    predicted = rows(ray, blocks=2).map_batches(
        PredictBatches, fn_constructor_args=[model, "tensorflow"], fn_constructor_kwargs=options, batch_size=16,
        compute=actors(ray, 1), **HALF)
    with pytest.raises(ray.exceptions.RayError, match="(?s)" + words):
        predicted.take_all()


def test_the_module_does_not_hide_the_package_of_that_name(ray):
    from tensorpack.contrib import ray as own

    assert own.ray.__version__ == ray.__version__ and own.__name__ == "tensorpack.contrib.ray"
