"""Float images in [0, 1] and augmentors whose numbers are for [0, 255]: one warning with the name of the augmentor."""
import numpy as np
import pytest

from tensorpack.dataflow import imgaug
from tensorpack.utils import argtools

EIGENVECTORS = np.eye(3)
SPOIL = {
    "Brightness": lambda: imgaug.Brightness(30),
    "CenterPaste": lambda: imgaug.CenterPaste((12, 12), imgaug.ConstantBackgroundFiller((128, 0, 0))),
    "Gamma": imgaug.Gamma,
    "GaussianNoise": imgaug.GaussianNoise,
    "JpegNoise": imgaug.JpegNoise,
    "Lighting": lambda: imgaug.Lighting(0.1, [55, 4, 1], EIGENVECTORS),
    "RandomCutout": lambda: imgaug.RandomCutout(3, 3, fill=128),
    "SaltPepperNoise": imgaug.SaltPepperNoise,
    "ToUint8": imgaug.ToUint8,
}
FIT = {
    "Brightness": lambda: imgaug.Brightness(0.1),
    "BrightnessScale": lambda: imgaug.BrightnessScale((0.5, 1.5)),
    "CenterPaste": lambda: imgaug.CenterPaste((12, 12)),
    "Contrast": lambda: imgaug.Contrast((0.5, 1.5)),
    "Flip": lambda: imgaug.Flip(horiz=True),
    "GaussianNoise": lambda: imgaug.GaussianNoise(0.05),
    "Hue": lambda: imgaug.Hue(rgb=True),
    "Lighting": lambda: imgaug.Lighting(0.1, [0.2, 0.02, 0.004], EIGENVECTORS),
    "RandomCutout": lambda: imgaug.RandomCutout(3, 3),
    "Saturation": lambda: imgaug.Saturation(rgb=True),
}


@pytest.fixture(autouse=True)
def nothing_logged_before(monkeypatch):
    monkeypatch.setattr(argtools, "_LOGGED", set())


def unit_image(dtype="float32"):
    return np.random.RandomState(0).uniform(size=(10, 10, 3)).astype(dtype)


def augment(make, *images):
    augmentor = make()
    augmentor.reset_state()
    for image in images:
        augmentor.augment(image.copy())


@pytest.mark.parametrize("name", sorted(SPOIL))
def test_what_would_spoil_the_image_is_warned_of_once(log_records, name):
    augment(SPOIL[name], np.zeros((10, 10, 3), "float32"), unit_image(), unit_image())
    augment(SPOIL[name], unit_image("float64"))
    warning, = [record.getMessage() for record in log_records]
    assert name in warning.replace("ConstantBackgroundFiller", "CenterPaste")
    assert "for images in [0, 255]; got a float image in [0, 1]" in warning and "before the image is divided by 255" in warning


@pytest.mark.parametrize("name", sorted(SPOIL))
@pytest.mark.parametrize("image", [
    255 * unit_image(), (255 * unit_image()).astype("uint8"), np.zeros((10, 10, 3), "float32"), unit_image() - 0.5,
    (unit_image() > 0.5).astype("uint8")], ids=["float", "uint8", "black", "around 0", "mask"])
def test_other_images_are_not_warned_of(log_records, name, image):
    augment(SPOIL[name], image)
    assert not log_records


@pytest.mark.parametrize("name", sorted(FIT))
def test_numbers_that_fit_are_not_warned_of(log_records, name):
    augment(FIT[name], unit_image())
    assert not log_records
