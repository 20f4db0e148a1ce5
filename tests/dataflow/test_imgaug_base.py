"""Augmentors as a framework: streams, processes, own subclasses of today and of old, lists, augmentors of augmentors."""
import gc
import json
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
from imgaug_samples import picture

from tensorpack.dataflow import imgaug
from tensorpack.dataflow.imgaug.base import ImagePlaceholder
from tensorpack.dataflow.imgaug.transform import LazyTransform, NoOpTransform
from tensorpack.utils import fix_rng_seed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def messages(log_records):
    return [record.getMessage() for record in log_records]


# Streams


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_processes_draw_differently_without_a_reset_and_repeatably():
    code = """
import os
import numpy as np
from tensorpack.dataflow import imgaug
from tensorpack.utils import fix_rng_seed
fix_rng_seed(3)
one, other = imgaug.Brightness(100), imgaug.AugmentorList([imgaug.Brightness(100)])
img = np.full((1, 1), 128, 'float32')
def draw():
    return [float(a.augment(img)[0, 0]) for a in (one, other, one)]
print(draw(), flush=True)
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        print(draw(), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
print(draw())
"""

    def run():
        return subprocess.run([sys.executable, "-c", code], env=dict(os.environ, PYTHONPATH=ROOT), stdout=subprocess.PIPE,
                              check=True, timeout=120).stdout.decode().splitlines()

    drawn = [json.loads(line) for line in run()]
    assert len(drawn) == 4 and len({number for numbers in drawn for number in numbers}) == 12
    assert [json.loads(line) for line in run()] == drawn


def test_augmentors_do_not_decide_in_lock_step_under_a_seed():
    fix_rng_seed(1)
    augmentors = [imgaug.Flip(horiz=True), imgaug.Flip(vert=True), imgaug.Transpose()]
    decisions = [tuple(isinstance(a.get_transform(picture()), NoOpTransform) for a in augmentors) for _ in range(60)]
    assert len(set(decisions)) == 8


def test_the_hook_for_forks_keeps_no_augmentor_alive():
    augmentor = imgaug.Flip(horiz=True)
    reference = weakref.ref(augmentor)
    del augmentor
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("make", [
    lambda child: imgaug.AugmentorList([child]), lambda child: imgaug.RandomApplyAug(child, 0.5),
    lambda child: imgaug.RandomChooseAug([child, imgaug.Identity()]), lambda child: imgaug.RandomOrderAug([child])],
    ids=["list", "apply", "choose", "order"])
def test_augmentors_of_augmentors_reset_them(make):
    child = imgaug.Flip(horiz=True)
    parent = make(child)
    before = child.rng
    parent.reset_state()
    assert child.rng is not before


def test_a_subclass_without_a_stream_says_what_to_do():
    class Forgetful(imgaug.ImageAugmentor):
        def __init__(self):
            pass

        def get_transform(self, img):
            return imgaug.CropTransform(self.rng.randint(3), 0, 2, 2)

    with pytest.raises(RuntimeError, match=r"Forgetful: call reset_state\(\) first"):
        Forgetful().augment(picture())
    augmentor = Forgetful()
    augmentor.reset_state()
    assert augmentor.augment(picture()).shape == (2, 2, 3)


# Own augmentors


class ByInit(imgaug.ImageAugmentor):
    """A user's augmentor that stores its arguments by `_init`."""

    def __init__(self, width, name="x", _hidden=3):
        super().__init__()
        self._init(locals())

    def get_transform(self, img):
        return imgaug.CropTransform(0, 0, self.width, self.width)


def test_init_stores_arguments():
    augmentor = ByInit(7, name="y")
    assert (augmentor.width, augmentor.name) == (7, "y") and "_hidden" not in vars(augmentor) and "self" not in vars(augmentor)
    assert repr(augmentor) == str(augmentor) == "imgaug.ByInit(width=7, name='y')"
    assert repr(ByInit(7)) == "imgaug.ByInit(width=7)"
    assert augmentor.augment(picture()).shape == (7, 7, 3)


class OldStyle(imgaug.ImageAugmentor):
    """Adds a number drawn before, as was the way before Transforms existed."""

    def _get_augment_params(self, img):
        return self.rng.randint(1, 50)

    def _augment(self, img, params):
        return img + params

    def _augment_coords(self, coords, params):
        return coords * params


class OlderStyle(imgaug.Augmentor):
    def get_augment_params(self, img):
        return 5

    def _augment(self, img, params):
        return img + params


class OldStyleWithTransform(imgaug.ImageAugmentor):
    def _get_augment_params(self, img):
        return imgaug.CropTransform(0, 0, 2, 2)


def test_augmentors_written_before_transforms_work_and_are_noted_once(log_records):
    img = picture(dtype="float32")
    for _ in range(3):
        tfm = OldStyle().get_transform(img)
        added = (tfm.apply_image(img) - img)[0, 0, 0]
        assert 1 <= added < 50
        np.testing.assert_array_equal(tfm.apply_coords(np.ones((1, 2))), [[added, added]])
    notes = [m for m in messages(log_records) if "Please implement OldStyle with `get_transform` instead!" in m]
    assert len(notes) == 1 and notes[0].startswith("The old augmentor interface was deprecated.")
    np.testing.assert_array_equal(OlderStyle().augment(img), img + 5)
    coords = np.ones((1, 2))
    assert OlderStyle().get_transform(img).apply_coords(coords) is coords
    assert OldStyleWithTransform().augment(img).shape == (2, 2, 3)


def test_old_methods_work_and_warn_three_times(log_records):
    img = picture()
    for _ in range(5):
        out, tfm = ByInit(7).augment_return_params(img)
        np.testing.assert_array_equal(out, img[:7, :7])
        np.testing.assert_array_equal(ByInit(7).augment_with_params(img, tfm), img[:7, :7])
        np.testing.assert_array_equal(ByInit(7).augment_coords(np.ones((1, 2)), tfm), [[1, 1]])
    texts = messages(log_records)
    for name in ("augment_return_params", "augment_with_params", "augment_coords"):
        assert sum(name in text and "deprecated" in text for text in texts) == 3


def test_photometric_augmentors_of_the_user():
    class Add(imgaug.PhotometricAugmentor):
        def _get_augment_params(self, img):
            return 4

        def _augment(self, img, params):
            return img + params

    class Square(imgaug.PhotometricAugmentor):
        def _augment(self, img, params):
            assert params is None
            return img * img

    img = np.full((2, 2), 3.0)
    assert (Add().augment(img) == 7).all() and (Square().augment(img) == 9).all()
    assert repr(Square().get_transform(img)) == "imgaug.PhotometricTransform(from imgaug.Square())"


@pytest.mark.parametrize("cls, method", [
    (imgaug.ImageAugmentor, "get_transform"), (imgaug.PhotometricAugmentor, "_augment"), (imgaug.BackgroundFiller, "_fill")],
    ids=lambda v: getattr(v, "__name__", v))
def test_what_a_subclass_must_define(cls, method):
    with pytest.raises(NotImplementedError, match=r"{}: .* must define {}".format(cls.__name__, method)):
        cls().fill((3, 3), picture()) if cls is imgaug.BackgroundFiller else cls().augment(picture())


def test_parameters_without_an_augment_method():
    class Half(imgaug.ImageAugmentor):
        def _get_augment_params(self, img):
            return 5

    with pytest.raises(NotImplementedError, match=r"Half: an augmentor must define _augment"):
        Half().augment(picture())


def test_images_must_be_arrays():
    with pytest.raises(TypeError, match="an image must be a numpy array, HxW or HxWxC; got list of 2"):
        imgaug.Identity().augment([[1, 2], [3, 4]])


# Lists and augmentors of augmentors


def test_each_member_sees_what_the_one_before_left():
    augmentor = imgaug.AugmentorList([imgaug.Resize((20, 30)), imgaug.RandomCrop((20, 10)), imgaug.AugmentorList([
        imgaug.CenterPaste((40, 40)), imgaug.CenterCrop(30)])])
    img = picture()
    tfm = augmentor.get_transform(img)
    assert [type(t) for t in tfm.tfms] == [imgaug.ResizeTransform, LazyTransform, LazyTransform]
    with pytest.raises(RuntimeError, match="after the transform has been applied on an image"):
        tfm.apply_coords(np.ones((1, 2)))
    assert tfm.apply_image(img).shape == (30, 30, 3)
    assert tfm.apply_coords(np.ones((1, 2))).shape == (1, 2)


def test_a_list_that_comes_first_is_flattened():
    augmentor = imgaug.AugmentorList([imgaug.AugmentorList([imgaug.Resize(20), imgaug.CenterCrop(10)]), imgaug.Identity()])
    tfm = augmentor.get_transform(picture())
    assert [type(t) for t in tfm.tfms] == [imgaug.ResizeTransform, LazyTransform, LazyTransform]


def test_an_empty_list_changes_nothing():
    img = picture()
    assert imgaug.AugmentorList([]).augment(img) is img


@pytest.mark.parametrize("shape", [(5,), (2, 5, 5, 3)], ids=str)
def test_a_list_takes_images_only(shape):
    with pytest.raises(ValueError, match="AugmentorList: the image must be HxW or HxWxC; got shape"):
        imgaug.AugmentorList([imgaug.Identity()]).augment(np.zeros(shape, "uint8"))


def test_a_list_is_made_of_a_list():
    with pytest.raises(TypeError, match="augmentors must be a list of augmentors; got imgaug.Identity"):
        imgaug.AugmentorList(imgaug.Identity())


def test_a_placeholder_is_enough_for_crops_and_resizes():
    augmentor = imgaug.AugmentorList([imgaug.ResizeShortestEdge(30), imgaug.CenterCrop(10)])
    tfm = augmentor.get_transform(ImagePlaceholder(shape=(60, 90, 3)))
    assert tfm.apply_image(picture(60, 90)).shape == (10, 10, 3)


def test_random_apply_decides_by_its_probability():
    augmentor = imgaug.RandomApplyAug(imgaug.CenterCrop(3), 0.3)
    augmentor.rng = np.random.RandomState(5)
    rng = np.random.RandomState(5)
    for _ in range(30):
        assert isinstance(augmentor.get_transform(picture()), imgaug.CropTransform) == (rng.rand() < 0.3)


@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
def test_random_choose_takes_one(weighted):
    augmentors = [imgaug.CenterCrop(k) for k in (3, 4, 5)]
    prob = [0.7, 0.1, 0.2] if weighted else [1.0 / 3] * 3
    augmentor = imgaug.RandomChooseAug(list(zip(augmentors, prob)) if weighted else augmentors)
    assert augmentor.aug_lists == augmentors and augmentor.prob == prob
    augmentor.rng = np.random.RandomState(5)
    rng = np.random.RandomState(5)
    for _ in range(30):
        assert augmentor.get_transform(picture()).h == 3 + rng.choice(3, p=prob)


@pytest.mark.parametrize("aug_lists, message", [
    ([], "must not be empty"), ([(imgaug.Identity(), 0.5)], "a sum of 1"),
    ([imgaug.Identity(), (imgaug.Identity(), 1.0)], "augmentors only, or pairs")], ids=["empty", "sum", "mixed"])
def test_mistakes_of_random_choose(aug_lists, message):
    with pytest.raises(ValueError, match=message):
        imgaug.RandomChooseAug(aug_lists)


def test_random_order_applies_all_in_any_order():
    img = np.full((2, 2), 10.0)
    augmentor = imgaug.RandomOrderAug([imgaug.MapImage(lambda x: x + 1), imgaug.MapImage(lambda x: x * 2),
                                       imgaug.MapImage(lambda x: x - 5)])
    results = {augmentor.augment(img)[0, 0] for _ in range(100)}
    assert results == {(10 + 1) * 2 - 5, (10 + 1 - 5) * 2, 10 * 2 + 1 - 5, (10 - 5) * 2 + 1}


def test_random_order_makes_all_transforms_for_the_original_image():
    with pytest.raises(ValueError, match="the image must be 37x52"):
        for _ in range(50):
            imgaug.RandomOrderAug([imgaug.Resize(10), imgaug.Resize(20)]).augment(picture())


def test_map_image():
    img, coords = picture(dtype="float32"), np.ones((1, 2))
    tfm = imgaug.MapImage(np.sqrt, lambda c: c * 2).get_transform(img)
    np.testing.assert_array_equal(tfm.apply_image(img), np.sqrt(img))
    np.testing.assert_array_equal(tfm.apply_coords(coords), [[2, 2]])
    with pytest.raises(NotImplementedError, match="apply_coords"):
        imgaug.MapImage(np.sqrt).get_transform(img).apply_coords(coords)


# The package


def run_python(code):
    run = subprocess.run([sys.executable, "-c", code], env=dict(os.environ, PYTHONPATH=ROOT), stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=120)
    return run.stdout.decode()


def test_importing_the_package_does_not_load_opencv():
    out = run_python("import sys; from tensorpack.dataflow import imgaug; imgaug.CropTransform(0, 0, 2, 2); "
                     "print([m for m in ('cv2', 'scipy', 'albumentations', 'imgaug', 'tensorflow') if m in sys.modules])")
    assert out.strip() == "[]"


def test_without_opencv_an_augmentor_says_what_to_install():
    out = run_python("""
import sys
sys.modules['cv2'] = None
from tensorpack.dataflow import imgaug
try:
    imgaug.Flip(horiz=True)
except ImportError as e:
    print('ImportError:', e)
""")
    assert "ImportError: imgaug needs the package 'cv2', which is not installed; pip install opencv-python-headless" in out
