"""The sheet that shows what every augmentor does can be made, and is that of today's augmentors."""
import os

import pytest

cv2 = pytest.importorskip("cv2")

pytestmark = pytest.mark.slow_on(1)  # a picture made without TensorFlow
DOCS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs")


def test_the_sheet_shows_all_augmentors(run_program, tmp_path):
    path = str(tmp_path / "sheet.png")
    status, output = run_program(os.path.join(DOCS, "make_contact_sheet.py"), path, folder=tmp_path)
    assert status == 0, output[-3000:]
    made, shipped = cv2.imread(path), cv2.imread(os.path.join(DOCS, "augmentors.png"))
    assert made.shape == shipped.shape
    different = (abs(made.astype(int) - shipped) > 40).any(axis=2).mean()  # versions of OpenCV and NumPy differ in details
    assert different < 0.05, "out of date: run docs/make_contact_sheet.py"
