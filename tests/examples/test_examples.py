"""The first examples run as a newcomer runs them, each in a process of its own."""
import os
import re
import subprocess
import sys

import pytest
from example_models import example_globals
from example_runner import run_example

from tensorpack import (
    BatchData,
    FixedSizeData,
    InferenceRunner,
    ScalarStats,
    SimpleTrainer,
    TrainConfig,
    launch_train_with_config,
    tfv1,
)
from tensorpack.dataflow import dataset

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture
def run(run_program, tmp_path):
    """Output of `python *command`; fails the test unless it exits with 0."""
    def run_in_folder(*command, **variables):
        status, output = run_program(*command, folder=tmp_path, **variables)
        assert status == 0, output[-4000:]
        return output

    return run_in_folder


def example(name):
    return os.path.join(ROOT, "examples", "basics", name)


def test_digits_convnet_predicts_the_same_in_three_ways(run, tmp_path):
    output = run(example("digits-convnet.py"), "--epochs", "2", "--logdir", "log")
    rows = re.findall(r"^(OfflinePredictor|SavedModel|frozen graph)\s+([\d.]+)%\s+(\S+)", output, re.M)
    assert [row[0] for row in rows] == ["OfflinePredictor", "SavedModel", "frozen graph"]
    assert len({row[1] for row in rows}) == 1 and all(float(row[2]) < 1e-5 for row in rows)
    files = os.listdir(str(tmp_path / "log"))
    for name in ("stats.json", "checkpoint", "min-validation_error.index", "saved_model", "frozen.pb", "curve.png", "log.log"):
        assert name in files
    assert any(name.startswith("events.out.tfevents") for name in files)


def test_export_model_agrees_with_itself_in_all_forms(monkeypatch, tmp_path, capsys):
    cv2 = pytest.importorskip("cv2")

    def run_once(*arguments):
        with tfv1.Graph().as_default():
            run_example(monkeypatch, tmp_path, "basics/export-model.py", *arguments)

    run_once("--epochs", "1")
    checkpoint = os.path.join("train_log", "export-model", "checkpoint")
    for how in ("serving", "compact"):
        run_once("--export", how, "--load", checkpoint)
    for how, load in [("default", ["--load", checkpoint]), ("inference_graph", ["--load", checkpoint]), ("serving", []),
                      ("compact", [])]:
        run_once("--apply", how, *load)
        assert how + ": mean difference" in capsys.readouterr().out
    pictures = [cv2.imread(str(tmp_path / "applied_{}.png".format(how)), cv2.IMREAD_GRAYSCALE).astype(int)
                for how in ("default", "inference_graph", "serving", "compact")]
    for picture in pictures:
        assert picture.shape == (128, 256) and abs(picture - pictures[0]).max() <= 1


def test_export_model_says_what_is_missing(run_program, tmp_path):
    status, output = run_program(example("export-model.py"), "--export", "serving", folder=tmp_path)
    assert status == 2 and "--load CHECKPOINT is needed" in output


def test_readme_program_runs_as_printed(tmp_path):
    """In a new interpreter, as that of a newcomer."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        program, = re.findall(r"```python\n(.*?)```", f.read(), re.S)
    (tmp_path / "readme.py").write_text(program, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "readme.py"], cwd=str(tmp_path), env=dict(os.environ, PYTHONPATH=ROOT), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-4000:]
    assert "validation_error" in result.stdout and re.search(r"^\[(\d ){4}\d\]$", result.stdout, re.M), result.stdout[-2000:]


@pytest.fixture
def real_mnist(monkeypatch):
    data = os.path.join(ROOT, os.pardir, "shared", "data")
    if not os.path.isdir(os.path.join(data, "mnist_data")):
        pytest.skip("real MNIST is not beside the checkout")
    monkeypatch.setenv("TENSORPACK_DATASET", os.path.abspath(data))


def test_mnist_convnet_soon_knows_most_digits_of_real_mnist(monkeypatch, real_mnist, log_dir):
    script = example_globals(monkeypatch, "basics/mnist-convnet.py")
    trainer = SimpleTrainer()
    launch_train_with_config(TrainConfig(
        model=script["Model"](), dataflow=BatchData(dataset.Mnist("train"), 64),
        callbacks=[InferenceRunner(FixedSizeData(BatchData(dataset.Mnist("test"), 256), 2), ScalarStats("accuracy"))],
        steps_per_epoch=70, max_epoch=1), trainer)
    assert trainer.monitors.get_latest("validation_accuracy") > 0.85


@pytest.mark.slow
def test_mnist_convnet_reaches_its_accuracy_on_real_mnist(run, real_mnist):
    output = run(example("mnist-convnet.py"), "--epochs", "1", "--logdir", "log")
    accuracy = re.findall(r"validation_accuracy: ([\d.]+)", output)
    assert accuracy and float(accuracy[-1]) > 0.975, output[-3000:]
