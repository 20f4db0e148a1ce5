"""Every example runs as a newcomer runs it."""
import os
import re
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def run(folder, *command):
    """Output of `python *command` in `folder`; fails the test unless it exits with 0."""
    result = subprocess.run(
        [sys.executable] + list(command), cwd=str(folder), env=dict(os.environ, PYTHONPATH=ROOT), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    assert result.returncode == 0, result.stdout[-4000:]
    return result.stdout


def example(name):
    return os.path.join(ROOT, "examples", "basics", name)


def test_digits_convnet_predicts_the_same_in_three_ways(tmp_path):
    output = run(tmp_path, example("digits-convnet.py"), "--epochs", "2", "--logdir", "log")
    rows = re.findall(r"^(OfflinePredictor|SavedModel|frozen graph)\s+([\d.]+)%\s+(\S+)", output, re.M)
    assert [row[0] for row in rows] == ["OfflinePredictor", "SavedModel", "frozen graph"]
    assert len({row[1] for row in rows}) == 1 and all(float(row[2]) < 1e-5 for row in rows)
    files = os.listdir(str(tmp_path / "log"))
    for name in ("stats.json", "checkpoint", "min-validation_error.index", "saved_model", "frozen.pb", "curve.png", "log.log"):
        assert name in files
    assert any(name.startswith("events.out.tfevents") for name in files)


def test_export_model_agrees_with_itself_in_all_forms(tmp_path):
    cv2 = pytest.importorskip("cv2")
    script = example("export-model.py")
    run(tmp_path, script, "--epochs", "1")
    checkpoint = os.path.join("train_log", "export-model", "checkpoint")
    for how in ("serving", "compact"):
        run(tmp_path, script, "--export", how, "--load", checkpoint)
    for how, load in [("default", ["--load", checkpoint]), ("inference_graph", ["--load", checkpoint]), ("serving", []),
                      ("compact", [])]:
        assert how + ": mean difference" in run(tmp_path, script, "--apply", how, *load)
    pictures = [cv2.imread(str(tmp_path / "applied_{}.png".format(how)), cv2.IMREAD_GRAYSCALE).astype(int)
                for how in ("default", "inference_graph", "serving", "compact")]
    for picture in pictures:
        assert picture.shape == (128, 256) and abs(picture - pictures[0]).max() <= 1


def test_export_model_says_what_is_missing(tmp_path):
    result = subprocess.run([sys.executable, example("export-model.py"), "--export", "serving"], cwd=str(tmp_path),
                            env=dict(os.environ, PYTHONPATH=ROOT), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=300)
    assert result.returncode == 2 and "--load CHECKPOINT is needed" in result.stdout


def test_readme_program_runs_as_printed(tmp_path):
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        program, = re.findall(r"```python\n(.*?)```", f.read(), re.S)
    (tmp_path / "readme.py").write_text(program, encoding="utf-8")
    output = run(tmp_path, "readme.py")
    assert "validation_error" in output and re.search(r"^\[(\d ){4}\d\]$", output, re.M), output[-2000:]


def test_mnist_convnet_reaches_its_accuracy_on_real_mnist(tmp_path):
    data = os.path.join(ROOT, os.pardir, "shared", "data")
    if not os.path.isdir(os.path.join(data, "mnist_data")):
        pytest.skip("real MNIST is not beside the checkout")
    output = subprocess.run(
        [sys.executable, example("mnist-convnet.py"), "--epochs", "1", "--logdir", "log"], cwd=str(tmp_path),
        env=dict(os.environ, PYTHONPATH=ROOT, TENSORPACK_DATASET=os.path.abspath(data)), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900).stdout
    accuracy = re.findall(r"validation_accuracy: ([\d.]+)", output)
    assert accuracy and float(accuracy[-1]) > 0.975, output[-3000:]
