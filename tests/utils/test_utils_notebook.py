"""What the cells of a notebook show: bars that stay one line, log lines that come once, nothing else."""
import importlib.util
import re
import subprocess
import sys

import pytest

nbformat = pytest.importorskip("nbformat", reason="notebooks need nbformat")
nbclient = pytest.importorskip("nbclient", reason="notebooks need nbclient")
pytest.importorskip("ipykernel", reason="notebooks need ipykernel")

WITHOUT_WIDGETS = "import sys; sys.modules['ipywidgets'] = None"
IMPORT = "import time, multiprocessing\nfrom tensorpack.utils import get_tqdm, logger"
CELLS = {
    "import": "%%capture\n" + IMPORT,
    "log": "logger.info('hello')\nlogger.warning('careful')",
    "captured": "%%capture captured\nlogger.info('not seen')",
    "of the captured": "print(captured.stdout)",
    "bar": "for k in get_tqdm(range(3), mininterval=0): pass",
    "nested bars": "for k in get_tqdm(range(2), desc='outer', mininterval=0):\n"
                   "    for j in get_tqdm(range(2), desc='inner', mininterval=0): pass",
    "broken off": "with get_tqdm(total=4, mininterval=0) as bar: bar.update(1)",
    "left no trace": "for k in get_tqdm(range(3), leave=False, mininterval=0): pass",
    "no bar": "for k in get_tqdm(range(3), disable=True): pass",
    "file": "import io; out = io.StringIO()\nfor k in get_tqdm(range(3), file=out): pass\nprint('3/3' in out.getvalue())",
    "forked": "def draw():\n    for k in get_tqdm(range(3)): pass\n    logger.info('from the child')\n"
              "child = multiprocessing.get_context('fork').Process(target=draw)\n"
              "child.start(); child.join(60); print(child.exitcode)",
}


def run_cells(*sources):
    """The outputs of each cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells]


def streams(outputs, name):
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream" and output["name"] == name)


def texts(outputs):
    """What is displayed, as text."""
    return [output["data"]["text/plain"] for output in outputs if output["output_type"] == "display_data"]


@pytest.fixture(scope="module")
def cells():
    return dict(zip(["", *CELLS], run_cells(WITHOUT_WIDGETS, *CELLS.values())))


def test_a_log_line_comes_once_although_the_library_was_imported_in_a_captured_cell(cells):
    log = streams(cells["log"], "stdout")
    assert not cells["import"] and len(log.splitlines()) == 2
    assert re.match(r"\x1b\[32m\[\d{4} [\d:]{8} @.*\]\x1b\[0m hello\n", log) and "WRN" in log
    assert not streams(cells["log"], "stderr")


def test_a_cell_can_capture_the_log(cells):
    assert not cells["captured"] and streams(cells["of the captured"], "stdout").count("not seen") == 1


@pytest.mark.parametrize("cell, ends", [("bar", ["3/3"]), ("nested bars", ["2/2", "2/2", "2/2"]), ("broken off", ["1/4"])])
def test_a_bar_is_one_line_that_ends_as_it_was_drawn_last(cells, cell, ends):
    shown = texts(cells[cell])
    assert [re.search(r"\|(\d/\d)\[", text).group(1) for text in shown] == ends
    assert len(cells[cell]) == len(ends) and not set("".join(shown)) & set("\r\n\x1b")
    assert all(20 < len(text) <= 80 for text in shown)


def test_a_bar_that_is_disabled_or_has_a_file_is_not_shown(cells):
    assert not cells["no bar"] and streams(cells["file"], "stdout") == "True\n" and not texts(cells["file"])


def test_a_bar_can_vanish_at_its_end(cells):
    assert texts(cells["left no trace"]) == [""] and len(cells["left no trace"]) == 1


def test_a_forked_process_draws_as_on_a_terminal(cells):
    said = streams(cells["forked"], "stdout")
    assert said.endswith("0\n") and said.count("from the child") == 1
    assert "3/3" in streams(cells["forked"], "stderr") and not texts(cells["forked"])


@pytest.mark.skipif(importlib.util.find_spec("ipywidgets") is None, reason="ipywidgets is not installed")
def test_with_ipywidgets_a_bar_is_one_of_tqdm():
    state = ("import ipywidgets, json\nfrom tqdm.notebook import tqdm_notebook\n"
             "with get_tqdm(total=4, mininterval=0) as bar: bar.update(4)\n"
             "print(isinstance(bar, tqdm_notebook), bar.container.children[1].value, bar.container.children[1].bar_style)")
    bar = run_cells(IMPORT, state)[1]
    assert streams(bar, "stdout") == "True 4.0 success\n" and not streams(bar, "stderr")
    assert ["application/vnd.jupyter.widget-view+json" in output["data"] for output in bar if "data" in output] == [True]


def test_outside_of_notebooks_nothing_of_them_is_imported():
    code = ("import sys\nfrom tensorpack.utils import get_tqdm\nfor k in get_tqdm(range(3)): pass\n"
            "print([name for name in ('IPython', 'ipywidgets', 'tqdm.notebook') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    assert done.returncode == 0 and b"3/3" in done.stdout and done.stdout.endswith(b"[]\n"), done.stdout
