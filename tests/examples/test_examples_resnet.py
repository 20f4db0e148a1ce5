"""The ResNets: their sizes are those of the papers, and the scripts train, save, load and evaluate."""
import os
import re

import numpy as np
import pytest
from example_models import example_globals, last_statistics, trainable_sizes
from example_runner import run_example


@pytest.mark.slow_on(1)
# He et al. 2015 and 2016, Hu et al. 2017; the exact numbers are those of torchvision and timm
@pytest.mark.parametrize("depth, mode, parameters", [
    (18, "resnet", 11689512),
    pytest.param(34, "resnet", 21797672, marks=pytest.mark.slow),
    (50, "resnet", 25557032),
    pytest.param(152, "resnet", 60192808, marks=pytest.mark.slow),
    (50, "preact", 25549352),
    (50, "se", 28088024),
])
def test_size_of_imagenet_resnet(monkeypatch, depth, mode, parameters):
    model = example_globals(monkeypatch, "ResNet/imagenet-resnet.py")["Model"](depth, mode)
    assert sum(trainable_sizes(model).values()) == parameters


# table 6 of He et al. 2015: 0.27 million, 0.46 million
@pytest.mark.parametrize("n, parameters", [(3, 269722), (5, 464154)])
def test_size_of_cifar_resnet(monkeypatch, n, parameters):
    model = example_globals(monkeypatch, "ResNet/cifar10-resnet.py")["Model"](n)
    sizes = trainable_sizes(model)
    assert sum(sizes.values()) == parameters
    assert sum(name.endswith("/W") for name in sizes) == 6 * n + 2


def test_cifar10_resnet_trains_and_goes_on_from_its_checkpoint(monkeypatch, tmp_path):
    run_example(monkeypatch, tmp_path, "ResNet/cifar10-resnet.py", "--fake", "-n", "2", "--logdir", "log")
    statistics = last_statistics(tmp_path / "log")
    assert statistics["global_step"] == 3 and 0 <= statistics["validation_error"] <= 1
    assert (tmp_path / "log" / "min-validation_error.index").is_file()


@pytest.mark.parametrize("mode", ["resnet", pytest.param("preact", marks=pytest.mark.slow)])
def test_imagenet_resnet_trains(monkeypatch, tmp_path, mode):
    run_example(monkeypatch, tmp_path, "ResNet/imagenet-resnet.py", "--fake", "--depth", "18", "--mode", mode)
    statistics = last_statistics(tmp_path / "train_log" / "imagenet-resnet")
    assert statistics["global_step"] == 2 and statistics["learning_rate"] == pytest.approx(0.1)
    assert statistics["cost"] > statistics["cross_entropy"] > 0
    assert {"val-error-top1", "val-error-top5", "train-error-top1"} <= set(statistics)


@pytest.mark.slow_on(1)
@pytest.mark.parametrize("mode", ["resnet", pytest.param("se", marks=pytest.mark.slow)])
def test_weights_survive_the_npz_file_and_other_scripts_take_it(monkeypatch, tmp_path, capsys, mode):
    arguments = ["--fake", "--depth", "18", "--mode", mode]
    run_example(monkeypatch, tmp_path, "ResNet/load-resnet.py", *arguments)
    output = capsys.readouterr().out
    assert float(re.search(r"difference of logits after loading: (\S+)", output).group(1)) < 1e-4
    assert "11.69 million" in output if mode == "resnet" else "11.78 million" in output
    assert re.search(r"^4 images: top-1 error \d\.\d{4}, top-5 error \d\.\d{4}$", output, re.M)
    weights = os.path.join("train_log", "load-resnet", "random-weights.npz")
    with np.load(str(tmp_path / weights)) as arrays:
        assert arrays["conv1/W"].shape == (7, 7, 3, 64) and arrays["conv3_1/shortcut/W"].shape == (1, 1, 64, 128)
        assert arrays["conv1/bn/mean/EMA"].std() > 0.1
    if mode == "resnet":
        run_example(monkeypatch, tmp_path, "ResNet/imagenet-resnet.py", "--eval", "--load", weights, *arguments)
        assert re.search(r"^4 images: top-1 error", capsys.readouterr().out, re.M)


@pytest.mark.parametrize("arguments, message", [
    ([], "--data must be the directory"),
    (["--data", "missing"], "got 'missing'"),
    (["--fake", "--eval"], "--eval needs --load"),
])
def test_what_is_missing_is_said(monkeypatch, tmp_path, capsys, arguments, message):
    with pytest.raises(AssertionError, match="ended with 2"):
        run_example(monkeypatch, tmp_path, "ResNet/imagenet-resnet.py", *arguments)
    assert message in capsys.readouterr().err
