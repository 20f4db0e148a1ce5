"""The picture of the packages shows all of them, and every import between them."""
import functools
import os
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from floors import FILES, place

pytestmark = pytest.mark.slow_on(1)  # files are the same
DOCS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def make_floors():
    sys.path.insert(0, DOCS)
    try:
        import make_floors
        make_floors.arrows = functools.lru_cache(maxsize=None)(make_floors.arrows)  # parses all files
        yield make_floors
    finally:
        sys.path.remove(DOCS)
        sys.modules.pop("make_floors", None)


def test_the_picture_shows_all_packages_and_only_ways_down(make_floors):
    picture = ElementTree.fromstring(make_floors.draw())
    shown = {text.text for text in picture.iter(SVG + "text") if text.get("font-weight")}
    assert shown == {place(module)[1] or "tensorpack" for module in FILES}
    boxes = make_floors.packages()
    assert len(list(picture.iter(SVG + "path"))) == len(make_floors.arrows()) > 30
    assert all(boxes[package][0] > boxes[other][0] or package == "callbacks" for package, other in make_floors.arrows())


def test_the_shipped_picture_has_the_same_packages_and_arrows(make_floors):
    def facts(text):
        picture = ElementTree.fromstring(text)
        arrows = [title.text.rsplit(":", 1)[0] for path in picture.iter(SVG + "path") for title in path.iter(SVG + "title")]
        return sorted(arrows), sorted(text.text for text in picture.iter(SVG + "text"))

    with open(os.path.join(DOCS, "floors.svg"), encoding="utf-8") as f:
        assert facts(f.read()) == facts(make_floors.draw()), "out of date: run docs/make_floors.py"
