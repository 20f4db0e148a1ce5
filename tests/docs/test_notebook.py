"""The tutorial that is a notebook: it runs from start to end, and its cells show what the page about it says."""
import base64
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("nbconvert", reason="nbconvert is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")
pytestmark = pytest.mark.slow_on(1)  # what it shows comes from Jupyter and the library, not from TensorFlow
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NOTEBOOK = os.path.join(ROOT, "docs", "tutorial", "notebook.ipynb")
OF_TENSORFLOW = re.compile(r"WARNING: All log messages before absl|[IWE]\d{4} \d|\d{4}-\d\d-\d\d [\d:.]+: [IWE] ")
WIDGET = "application/vnd.jupyter.widget-view+json"


def text_of(value):
    return "".join(value) if isinstance(value, list) else value


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """[(code, outputs)] of all cells, after they have run."""
    folder = tmp_path_factory.mktemp("notebook")
    shutil.copy(NOTEBOOK, str(folder / "notebook.ipynb"))
    done = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "notebook.ipynb", "--output", "done.ipynb",
         "--ExecutePreprocessor.timeout=300", "--ExecutePreprocessor.kernel_name=python3"],
        cwd=str(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=500,
        env={**os.environ, "PYTHONPATH": ROOT + os.pathsep + os.environ.get("PYTHONPATH", "")})
    assert done.returncode == 0, done.stdout.decode()[-3000:]
    with open(str(folder / "done.ipynb"), encoding="utf-8") as f:
        found = [cell for cell in json.load(f)["cells"] if cell["cell_type"] == "code"]
    return [(text_of(cell["source"]), cell["outputs"]) for cell in found]


def outputs_of(cells, begin):
    """The outputs of the one cell with a line that begins so."""
    found = [outputs for code, outputs in cells if re.search("^" + re.escape(begin), code, re.M)]
    assert len(found) == 1
    return found[0]


def stream(outputs, name):
    return "".join(text_of(output["text"]) for output in outputs if output.get("name") == name)


def html_of(outputs):
    found = [text_of(output["data"]["text/html"]) for output in outputs if "text/html" in output.get("data", {})]
    assert len(found) == 1
    return found[0]


def test_it_is_kept_without_outputs():
    with open(NOTEBOOK, encoding="utf-8") as f:
        notebook = json.load(f)
    assert len(notebook["cells"]) > 10
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook["cells"])


def test_nothing_but_tensorflow_writes_to_stderr(cells):
    said = [line for _, outputs in cells for line in stream(outputs, "stderr").splitlines()]
    assert [line for line in said if not OF_TENSORFLOW.match(line)] == []
    assert "\r" not in "".join(stream(outputs, "stdout") for _, outputs in cells)


def test_each_bar_is_shown_once_and_is_full_at_its_end(cells):
    outputs = outputs_of(cells, "launch_train_with_config")
    bars = [output["data"] for output in outputs if output["output_type"] == "display_data"]
    lines = [text_of(bar["text/plain"]) for bar in bars if WIDGET not in bar]
    assert len(bars) == 10  # five epochs, and a validation after each
    assert [re.search(r"\|(\d+/\d+)\[", line).group(1) for line in lines] == (["30/30", "3/3"] * 5 if lines else [])
    assert not any(set(line) & set("\r\n\x1b") for line in lines)


def test_each_line_of_the_log_comes_once(cells):
    log = stream(outputs_of(cells, "launch_train_with_config"), "stdout")
    assert log.count("Start Epoch 1 ...") == 1 and log.count("Training has finished!") == 1
    assert len(re.findall(r"\bvalidation_error: ", log)) == 5 and "conv0/bn/gamma  [16]" in log


def test_the_trainer_shows_its_statistics_with_curves(cells):
    html = html_of(next(outputs for code, outputs in cells if code == "trainer"))
    assert "SimpleTrainer: epoch 5, global step 150" in html and "<td>validation_error<td>5<" in html
    pytest.importorskip("matplotlib")
    alt, data = re.search(r'<img alt="([^"]*)" src="data:image/svg\+xml;base64,([^"]*)"', html).groups()
    assert "error: training from " in alt and "learning_rate: from 0.003 to 0.00075" in alt
    assert b"<svg" in base64.b64decode(data)


def test_flows_are_shown_by_themselves_and_by_look(cells):
    assert "of its source, Digits" in html_of(outputs_of(cells, "train_data = "))
    assert "label, batch of 50" in html_of(outputs_of(cells, "look(BatchData"))
    mistakes = html_of(outputs_of(cells, "look(DataFromList"))
    pytest.importorskip("cv2")
    assert 1 <= mistakes.count("<img ") <= 16


def test_the_model_has_learnt_something(cells):
    right = re.search(r"([\d.]+) % of 297 are right", stream(outputs_of(cells, "predict = "), "stdout")).group(1)
    assert float(right) > 75
