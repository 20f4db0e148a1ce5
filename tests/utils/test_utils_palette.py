"""utils.palette: shapes, the first colours, and that colours differ."""
import re

import numpy as np

from tensorpack.utils.palette import DETECTRON_PALETTE, PALETTE_HEX, PALETTE_RGB

FIRST = [(0, .447, .741), (.85, .325, .098), (.929, .694, .125), (.494, .184, .556), (.466, .674, .188), (.301, .745, .933),
         (.635, .078, .184)]


def test_rgb():
    assert (PALETTE_RGB.shape, PALETTE_RGB.dtype) == ((79, 3), np.float32)
    assert PALETTE_RGB.min() >= 0 and PALETTE_RGB.max() <= 255
    np.testing.assert_allclose(PALETTE_RGB[:7], np.array(FIRST) * 255, rtol=1e-6)
    assert DETECTRON_PALETTE is PALETTE_RGB


def test_hex():
    assert len(PALETTE_HEX) == 128 and all(re.match("^#[0-9A-F]{6}$", code) for code in PALETTE_HEX)


def smallest_distance(colours):
    distances = np.linalg.norm(colours[:, np.newaxis] - colours, axis=-1)
    return (distances + np.eye(len(colours)) * 1000).min()


def test_colours_are_distinct():
    assert smallest_distance(PALETTE_RGB.astype("float64")) > 20
    assert smallest_distance(np.array([list(bytes.fromhex(code[1:])) for code in PALETTE_HEX], "float64")) > 14
