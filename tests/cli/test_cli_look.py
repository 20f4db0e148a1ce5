"""tensorpack-look: the first datapoints of a DataFlow of the user's, as text, sheet and page."""
import re
import sys

import numpy as np
import pytest

from tensorpack._cli.look import main

FLOWS = """
import numpy as np
from look_neighbour import SIZE
from tensorpack.dataflow import DataFromGenerator, DataFromList, LMDBData, MapData


def make():
    image = np.zeros((SIZE, SIZE, 3), "uint8")
    image[..., 0] = 200
    return DataFromList([[image, k % 2, "file<%d>.jpg" % k] for k in range(30)], shuffle=False)


def numbers():
    return DataFromList([[np.arange(5.), "a"]] * 3)


def fail(dp):
    if dp[0] == 1:
        raise ValueError("bad\\nrecord")
    return dp


def fails():
    return MapData(DataFromList([[0], [1]], shuffle=False), fail)


def empty():
    return DataFromGenerator(lambda: iter([]))


def needs_a_package(dp):
    import package_that_is_not_there


def missing():
    return MapData(DataFromList([[0]]), needs_a_package)


def nothing():
    pass


def needs(x):
    return x


flow, number = make(), 3
"""


@pytest.fixture(autouse=True)
def user_code(tmp_path, monkeypatch):
    (tmp_path / "look_flows.py").write_text(FLOWS)
    (tmp_path / "look_neighbour.py").write_text("SIZE = 16\n")
    (tmp_path / "names.txt").write_text("cat\ndog & co\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("look_flows", "_given_look_flows", "look_neighbour"):
        sys.modules.pop(name, None)
    assert str(tmp_path) not in sys.path


@pytest.mark.parametrize("flow", ["look_flows.py:make", "look_flows:make", "look_flows.py:flow"])
def test_the_text_tells_components_and_times(flow, capsys):
    assert main([flow, "--count", "3"]) == 0
    head, seen, components, stages = capsys.readouterr().out.strip().split("\n\n")
    assert head.startswith("DataFromList(") and seen == "30 datapoints; looked at 3"
    assert [line.split()[:2] for line in components.splitlines()[2:]] == [["0", "uint8"], ["1", "int"], ["2", "str"]]
    assert [line.split()[0] for line in stages.splitlines()] == ["flow", "DataFromList"]


@pytest.mark.parametrize("rgb", [False, True])
def test_the_sheet(rgb, user_code):
    cv2 = pytest.importorskip("cv2")
    assert main(["look_flows.py:make", "--output", "sheet.png", "--count", "4"] + ["--rgb"] * rgb) == 0
    sheet = cv2.imread(str(user_code / "sheet.png"))
    color = [0, 0, 200] if rgb else [200, 0, 0]
    assert (sheet == color).all(axis=2).sum() == 4 * 128 * 128


def test_the_page_needs_no_other_file(user_code):
    pytest.importorskip("cv2")
    assert main(["look_flows.py:make", "--html", "look.html", "--count", "2", "--classes", "names.txt"]) == 0
    page = (user_code / "look.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and "<title>look_flows:make</title>" in page
    assert re.findall("<figcaption>(.*?)</figcaption>", page) == ["cat", "dog &amp; co"]
    assert "file&lt;0&gt;.jpg" in page and "DataFromList" in page and "datapoints" in page
    assert {url.split(",")[0] for url in re.findall('(?:src|href)="(.*?)"', page)} == {"data:", "data:image/png;base64"}


def test_what_cannot_be_drawn_is_text(user_code, capsys):
    assert main(["look_flows.py:numbers", "--html", "look.html"]) == 0
    assert "0 ... 4" in capsys.readouterr().out and "<img" not in (user_code / "look.html").read_text()


def test_floats_and_batches_of_the_digits(user_code, capsys):
    cv2 = pytest.importorskip("cv2")
    (user_code / "look_flows.py").write_text(
        "from tensorpack.dataflow import *\ndef make(): return BatchData(dataset.Digits('train'), 32)\n")
    assert main(["look_flows.py:make", "--output", "sheet.jpg", "--count", "9"]) == 0
    assert "image in [0, 1], batch of 32" in capsys.readouterr().out
    assert np.ptp(cv2.imread("sheet.jpg")) > 200


MISTAKES = {
    "no flow": (["look_flows.py:number"], "look_flows:number must be a DataFlow, or return one; got 3"),
    "returns nothing": (["look_flows.py:nothing"], "look_flows:nothing must be a DataFlow, or return one; got None"),
    "arguments": (["look_flows.py:needs"], "look_flows:needs must be callable without arguments"),
    "no name": (["look_flows.py:mke"], "must define 'mke'; got no such name; did you mean 'make'?"),
    "empty": (["look_flows.py:empty"], "must have datapoints; got none in a pass"),
    "raises": (["look_flows.py:fails"], "datapoint 1 has raised ValueError: bad record"),
    "missing package": (["look_flows.py:missing"], "datapoint 0 has raised ModuleNotFoundError: No module named 'package_that"),
    "no image": (["look_flows.py:numbers", "--output", "sheet.png"], "a sheet needs an image"),
    "no folder": (["look_flows.py:make", "--output", "nowhere/sheet.png"], "--output: must be written to an existing folder"),
    "no folder of a page": (["look_flows.py:make", "--html", "nowhere/p.html"], "--html: must be written to an existing"),
    "no picture": (["look_flows.py:make", "--output", "sheet.txt"], "--output: must end in .png or .jpg or .jpeg; got"),
    "no names": (["look_flows.py:make", "--classes", "none.txt"], "none.txt"),
}


@pytest.mark.parametrize("argv, words", list(MISTAKES.values()), ids=list(MISTAKES))
def test_mistakes_are_one_line(argv, words, capsys):
    assert main(argv) == 1
    errors = capsys.readouterr().err.strip().splitlines()
    if sys.version_info < (3, 11):  # no notes on exceptions: the log names the datapoint
        errors = [line for line in errors if "its function has failed on datapoint" not in line]
    assert len(errors) == 1 and errors[0].startswith("error: ") and words in errors[0]


@pytest.mark.parametrize("count", ["0", "-1", "x"])
def test_count_is_checked(count, capsys):
    with pytest.raises(SystemExit) as e:
        main(["look_flows.py:make", "--count=" + count])
    assert e.value.code == 2 and "must be a whole number, at least 1" in capsys.readouterr().err
