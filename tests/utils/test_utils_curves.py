"""What a notebook shows of statistics, whatever their names and values are."""
import base64
import math
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest

from tensorpack.utils._curves.picture import statistics_html


def points(*values):
    return [(10 * k, value) for k, value in enumerate(values, 1)]


def picture(html):
    """The picture's words, and its elements."""
    alt, data = re.search(r'<img alt="([^"]*)" src="data:image/svg\+xml;base64,([^"]*)"', html).groups()
    return alt, xml.etree.ElementTree.fromstring(base64.b64decode(data))


def num_axes(root):
    return sum(re.match(r"axes_\d+$", element.get("id", "")) is not None for element in root.iter())


def rows(html):
    rows = re.search("<table>(.*?)</table>", html).group(1).split("<tr>")
    return [row.split("<td>")[1:] for row in rows[2:]]


def test_the_table_has_the_last_and_the_best_value():
    assert rows(statistics_html({"val_error": points(0.5, 0.25, 0.375), "accuracy": points(0.5), "x": points(3, 1)})) == [
        ["accuracy", "1", "0.5", "0.5", "10"], ["val_error", "3", "0.375", "0.25", "20"], ["x", "2", "1", "", ""]]


def test_training_stands_beside_validation_and_settings_come_last():
    pytest.importorskip("matplotlib")
    alt, root = picture(statistics_html({
        "learning_rate": points(0.1, 0.001), "train_error": points(0.5, 0.25), "validation_error": points(0.75, 0.5),
        "cost": points(2, 1)}))
    assert num_axes(root) == 3
    assert alt == ("cost: from 2 to 1, best 1 at global step 20; error: training from 0.5 to 0.25, best 0.25 at global step "
                   "20, validation from 0.75 to 0.5, best 0.5 at global step 20; learning_rate: from 0.1 to 0.001")


ODD = {
    "not finite": ({"cost": points(math.nan, math.inf, 2, -math.inf), "x": points(1)}, 2),
    "never finite": ({"cost": points(math.nan, math.nan), "x": points(1)}, 1),
    "one value": ({"cost": points(1)}, 1),
    "formula and markup": ({"$\\frac$ <b>&": points(1, 2)}, 1),
    "no letters": ({"": points(1, 2), "_": points(1, 2), "train_": points(1), "train": points(1)}, 4),
    "negative and zero settings": ({"lr": points(0, 1, -100)}, 1),
    "huge": ({"x": points(1e300, -1e300, 1e308)}, 1),
    "many": ({"x{}".format(k): points(k, 1) for k in range(60)}, 24),
    "long": ({"x": points(*range(10000))}, 1),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("history, pictures", ODD.values(), ids=ODD)
def test_any_names_and_values_are_shown(history, pictures):
    pytest.importorskip("matplotlib")
    html = statistics_html(history)
    assert len(rows(html)) == len(history) and num_axes(picture(html)[1]) == pictures
    assert "<b>" not in html and len(html) < 700000
    assert ("first 24 of 60" in html) == (len(history) > 24)


@pytest.mark.parametrize("history", [{}, {"x": []}])
def test_without_values_it_says_so(history):
    assert "no statistics yet" in statistics_html(history)


def test_only_values_that_are_not_finite_have_no_picture():
    assert "<img" not in statistics_html({"x": points(math.nan)})


def test_without_matplotlib_the_table_is_there():
    code = ("import sys; sys.modules['matplotlib'] = None\nfrom tensorpack.utils._curves.picture import statistics_html\n"
            "print(statistics_html({'x': [(1, 2.)]}))")
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    out = done.stdout.decode()
    assert "<td>x<" in out and "pip install matplotlib" in out and "<img" not in out, out
