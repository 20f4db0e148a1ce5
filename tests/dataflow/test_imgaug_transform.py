"""The mechanics of Transforms: lists, laziness, factories, and what is not implemented."""
import pickle

import numpy as np
import pytest
from imgaug_samples import picture

from tensorpack.dataflow import imgaug
from tensorpack.dataflow.imgaug import transform
from tensorpack.dataflow.imgaug.transform import LazyTransform, NoOpTransform, PhotometricTransform


class AddOne(imgaug.Transform):
    """A Transform of the user that knows images and something of its own."""

    def __init__(self, step=1):
        self.step = step

    def apply_image(self, img):
        return img + self.step

    def apply_text(self, text):
        return text + "+{}".format(self.step)


def test_every_apply_method_exists_but_may_not_be_implemented():
    tfm = AddOne()
    for name in ("apply_coords", "apply_box", "apply_segmentation", "apply_anything"):
        assert callable(getattr(tfm, name))
        with pytest.raises(NotImplementedError, match="AddOne does not implement method {}".format(name)):
            getattr(tfm, name)(np.zeros((1, 2)))
    with pytest.raises(NotImplementedError, match="AddOne does not implement method apply_coords"):
        tfm.apply_boxes(np.zeros((1, 4)))
    with pytest.raises(NotImplementedError, match="AddOne does not implement method inverse"):
        tfm.inverse()
    with pytest.raises(AttributeError, match="'AddOne' object has no attribute 'appl'"):
        tfm.appl  # noqa: B018
    assert not hasattr(imgaug.TransformList([]), "tfm") and not hasattr(LazyTransform(AddOne), "nothing")


def test_reprs():
    assert repr(AddOne()) == "imgaug.AddOne()"
    assert repr(imgaug.CropTransform(1, 2, 3, 4)) == "imgaug.CropTransform(y0=1, x0=2, h=3, w=4)"
    assert repr(imgaug.TransformFactory("mine", apply_image=abs)) == "imgaug.TransformFactory(mine)"
    assert repr(PhotometricTransform(abs, "absolute")) == "imgaug.PhotometricTransform(absolute)"
    tfm = imgaug.Brightness(3).get_transform(picture())
    assert repr(tfm) == "imgaug.PhotometricTransform(from imgaug.Brightness(delta=3))"
    both = imgaug.TransformList([AddOne(2), imgaug.TransformList([AddOne(3)])])
    assert repr(both) == ("imgaug.TransformList([\n  imgaug.AddOne(step=2),\n  imgaug.TransformList([\n"
                          "    imgaug.AddOne(step=3)])])")


def test_lists_apply_everything_in_order():
    both = imgaug.TransformList([AddOne(1), AddOne(2)])
    assert both.apply_image(np.zeros(2)).tolist() == [3, 3]
    assert both.apply_text("x") == "x+1+2"
    with pytest.raises(NotImplementedError, match="AddOne does not implement method apply_coords"):
        both.apply_coords(np.zeros((1, 2)))
    assert imgaug.TransformList([]).apply_anything("x") == "x"


def test_lists_are_joined_by_plus():
    a, b, c = AddOne(1), AddOne(2), AddOne(3)
    ab = imgaug.TransformList([a, b])
    assert (ab + c).tfms == [a, b, c] and (c + ab).tfms == [c, a, b] and (ab + ab).tfms == [a, b, a, b]
    assert ab.tfms == [a, b]
    same = ab
    ab += c
    ab += imgaug.TransformList([a])
    assert same is ab and ab.tfms == [a, b, c, a]
    with pytest.raises(TypeError):
        a + b
    with pytest.raises(TypeError, match="members must be Transforms; got int"):
        ab + 3
    with pytest.raises(TypeError, match="members must be Transforms; got str"):
        imgaug.TransformList(["x"])
    members = [a]
    assert imgaug.TransformList(members).tfms is members


def test_no_op_returns_its_argument():
    tfm, thing = NoOpTransform(), object()
    for name in ("apply_image", "apply_coords", "apply_boxes", "apply_segmentation", "apply_anything"):
        assert getattr(tfm, name)(thing) is thing
    assert tfm.inverse() is tfm


def test_photometric_transform_moves_nothing_and_implements_no_more():
    tfm, coords = PhotometricTransform(np.negative), np.zeros((1, 2))
    assert tfm.apply_coords(coords) is coords
    assert tfm.apply_image(np.ones(1)).tolist() == [-1]
    with pytest.raises(NotImplementedError, match="PhotometricTransform does not implement method apply_anything"):
        tfm.apply_anything(coords)


def test_factory_takes_apply_functions_only():
    tfm = imgaug.TransformFactory("half", apply_image=lambda x: x / 2, apply_coords=lambda c: c * 3, apply_text=str.upper)
    assert tfm.apply_image(4) == 2 and tfm.apply_text("a") == "A"
    np.testing.assert_array_equal(tfm.apply_boxes(np.array([[1, 2, 3, 4]])), [[3, 6, 9, 12]])
    with pytest.raises(NotImplementedError, match="TransformFactory does not implement method apply_segmentation"):
        tfm.apply_segmentation(4)
    with pytest.raises(KeyError, match="Unknown argument 'image' in TransformFactory!"):
        imgaug.TransformFactory(image=abs)
    with pytest.raises(TypeError, match="apply_image must be callable; got 3"):
        imgaug.TransformFactory(apply_image=3)


def test_lazy_transform_is_decided_by_the_first_image():
    seen = []

    def get_transform(img):
        seen.append(img.shape)
        return imgaug.CropTransform(1, 2, 3, 4)

    tfm = LazyTransform(get_transform)
    assert "LazyTransform(get_transform=" in repr(tfm)
    for call in (lambda: tfm.apply_coords(np.zeros((1, 2))), lambda: tfm.apply_boxes(np.zeros((1, 4))), tfm.inverse):
        with pytest.raises(RuntimeError, match="can only be called after the transform has been applied on an image!"):
            call()
    assert tfm.apply_image(picture(10, 10)).shape == (3, 4, 3)
    assert tfm.apply_image(picture(20, 20)).shape == (3, 4, 3)
    assert seen == [(10, 10, 3)]
    np.testing.assert_array_equal(tfm.apply_coords(np.array([[5.0, 5.0]])), [[3, 4]])
    np.testing.assert_array_equal(tfm.inverse().apply_coords(np.array([[3.0, 4.0]])), [[5, 5]])
    assert repr(tfm) == "imgaug.CropTransform(y0=1, x0=2, h=3, w=4)"


def test_boxes_are_upright_around_the_corners():
    quarter = transform.WarpAffineTransform(np.array([[0.0, -1, 10], [1, 0, 0]]), (10, 20))
    np.testing.assert_array_equal(quarter.apply_boxes(np.array([[1, 2, 4, 6]])), [[4, 1, 8, 4]])
    assert quarter.apply_boxes(np.zeros((0, 4), "float32")).shape == (0, 4)
    flipped = imgaug.FlipTransform(20, 10).apply_boxes(np.array([[1, 2, 4, 6], [0, 0, 10, 20]], "float32"))
    np.testing.assert_array_equal(flipped, [[6, 2, 9, 6], [0, 0, 10, 20]])


def test_inverse_of_a_list_undoes_the_last_first():
    tfms = imgaug.TransformList([imgaug.CropTransform(3, 5, 20, 30), imgaug.ResizeTransform(20, 30, 40, 90, 1),
                                 PhotometricTransform(np.negative), imgaug.FlipTransform(40, 90)])
    points = np.array([[7.0, 9.5], [20, 11]])
    np.testing.assert_allclose(tfms.inverse().apply_coords(tfms.apply_coords(points)), points)
    mask = np.repeat(np.repeat(picture(5, 6, 0), 4, axis=0), 5, axis=1)
    resize = imgaug.ResizeTransform(20, 30, 40, 90, 1)
    np.testing.assert_array_equal(resize.inverse().apply_segmentation(resize.apply_segmentation(mask)), mask)


@pytest.mark.parametrize("tfm", [
    imgaug.ResizeTransform(37, 52, 10, 10, 1), imgaug.CropTransform(1, 1, 5, 5), imgaug.FlipTransform(37, 52, False),
    transform.TransposeTransform(), transform.WarpAffineTransform(np.eye(2, 3), (5, 5)), NoOpTransform(),
    imgaug.TransformList([imgaug.CropTransform(1, 1, 5, 5), AddOne()])], ids=lambda t: type(t).__name__)
def test_transforms_pickle(tfm):
    twin = pickle.loads(pickle.dumps(tfm))
    assert repr(twin) == repr(tfm)
    np.testing.assert_array_equal(twin.apply_image(picture()), tfm.apply_image(picture()))


def test_old_names():
    assert imgaug.Augmentor is imgaug.ImageAugmentor is transform.TransformAugmentorBase
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        transform.Nonsense  # noqa: B018
