"""Geometric Transforms and augmentors against implementations that are not OpenCV, and the draws that lead to them."""
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imgaug_samples import blob, centroid, is_inside, picture

from tensorpack.dataflow import imgaug
from tensorpack.dataflow.imgaug._transform_geometry import PasteTransform, centered
from tensorpack.dataflow.imgaug.base import ImagePlaceholder
from tensorpack.dataflow.imgaug.transform import TransposeTransform, WarpAffineTransform

ndimage = pytest.importorskip("scipy.ndimage")

KINDS = [(0, "uint8"), (1, "float32"), (3, "uint8"), (3, "float64"), (5, "float32"), (3, "int32"), (2, "float16"), (7, "uint8")]
IDS = ["gray", "HxWx1", "colour", "float64", "5 channels", "int32", "float16", "7 channels"]


def per_channel(func, img):
    planes = img.reshape(img.shape[:2] + (-1,)).astype("float64")
    out = np.stack([func(planes[:, :, k]) for k in range(planes.shape[2])], axis=2)
    return out.reshape(out.shape[:2] + img.shape[2:])


def reference_resize(img, h, w):
    rows = (np.arange(h) + 0.5) * img.shape[0] / h - 0.5
    cols = (np.arange(w) + 0.5) * img.shape[1] / w - 0.5
    grid = np.meshgrid(rows, cols, indexing="ij")
    return per_channel(lambda x: ndimage.map_coordinates(x, grid, order=1, mode="nearest"), img)


def reference_warp(img, mat, mode, cval=0.0):
    """`mat` goes from (x, y) of the source to that of the result; scipy wants it backwards and with rows first."""
    inverse = np.linalg.inv(np.vstack([mat, [0, 0, 1]]))[[1, 0, 2]][:, [1, 0, 2]]
    return per_channel(lambda x: ndimage.affine_transform(x, inverse, order=1, mode=mode, cval=cval), img)


def assert_close(out, expected, dtype, allowed=1e-3):
    """Rounding in OpenCV's fixed-point arithmetic: up to 2 of 255 for most values; single ones at edges may differ more."""
    difference = np.abs(out.astype("float64") - expected)
    limit = 2.0 if np.dtype(dtype).kind in "iu" else 1.5
    assert (difference > limit).mean() <= allowed, (difference.max(), (difference > limit).mean())


@pytest.mark.parametrize("channels, dtype", KINDS, ids=IDS)
@pytest.mark.parametrize("h, w", [(37, 52), (64, 41), (20, 90), (37, 104)], ids=str)
def test_resize_is_linear_interpolation_between_centres(channels, dtype, h, w):
    img = picture(37, 52, channels, dtype)
    out = imgaug.ResizeTransform(37, 52, h, w, cv2.INTER_LINEAR).apply_image(img)
    assert out.dtype == img.dtype and out.shape == (h, w) + img.shape[2:]
    assert_close(out, reference_resize(img, h, w), dtype)


MATRICES = {
    "shift": [[1, 0, 7.0], [0, 1, -3.0]],
    "half pixel": [[1, 0, 0.5], [0, 1, 0.25]],
    "rotation": cv2.getRotationMatrix2D((25.5, 18.0), 33.0, 1.1),
    "shear": [[1.1, 0.3, -4.0], [-0.1, 0.9, 2.0]],
}


@pytest.mark.parametrize("channels, dtype", KINDS, ids=IDS)
@pytest.mark.parametrize("mat", MATRICES.values(), ids=MATRICES.keys())
def test_warp_agrees_with_scipy(channels, dtype, mat):
    img = picture(37, 52, channels, dtype)
    mat = np.array(mat, "float64")
    out = WarpAffineTransform(mat, (52, 37), borderMode=cv2.BORDER_REPLICATE).apply_image(img)
    assert out.dtype == img.dtype and out.shape == img.shape
    # OpenCV knows 32 places between two pixels; the picture is steep.
    difference = np.abs(out - reference_warp(img, mat, "nearest"))
    assert difference.mean() < 1.5 and np.percentile(difference, 99) < 8


def test_warp_fills_all_channels_from_outside_with_a_number_or_each_with_its_own():
    img = picture()
    mat = np.array([[1, 0, 10], [0, 1, 0]], "float32")
    for value, expected in [(0, [0, 0, 0]), (128, [128, 128, 128]), ((1, 2, 3), [1, 2, 3])]:
        out = WarpAffineTransform(mat, (52, 37), borderValue=value).apply_image(img)
        assert (out[:, :10] == expected).all()
        np.testing.assert_array_equal(out[:, 10:], img[:, :-10])


def test_warp_moves_coordinates_by_its_matrix():
    mat = np.array([[1.5, 0.2, 3], [0.1, 0.9, -2]])
    coords = np.array([[0, 0], [10, 20.5]], "float32")
    moved = WarpAffineTransform(mat, (50, 40)).apply_coords(coords)
    assert moved.dtype == np.float64
    np.testing.assert_allclose(moved, [[3, -2], [15 + 4.1 + 3, 1 + 18.45 - 2]], rtol=1e-6)


MASKS = ["bool", "uint8", "int64", "float32"]


@pytest.mark.parametrize("dtype", MASKS)
@pytest.mark.parametrize("tfm", [
    imgaug.ResizeTransform(37, 52, 70, 31, cv2.INTER_LINEAR), imgaug.FlipTransform(37, 52), TransposeTransform(),
    imgaug.CropTransform(3, 4, 20, 21), PasteTransform(2, 1, 37, 52, (50, 60), imgaug.ConstantBackgroundFiller(9)),
    WarpAffineTransform(np.array(MATRICES["rotation"]), (52, 37), cv2.INTER_CUBIC)], ids=lambda t: type(t).__name__)
def test_masks_of_any_kind_keep_their_values(tfm, dtype):
    mask = (picture(channels=0) // 64).astype(dtype)
    out = tfm.apply_segmentation(mask)
    assert out.dtype == mask.dtype and set(np.unique(out)) <= set(np.unique(mask)) | {0}
    assert out.shape == tfm.apply_image(mask.astype("float32")).shape
    np.testing.assert_array_equal(tfm.apply_segmentation(np.stack([mask] * 6, axis=2))[:, :, 5], out)


@pytest.mark.parametrize("horiz", [True, False], ids=["horizontal", "vertical"])
@pytest.mark.parametrize("channels, dtype", KINDS + [(3, "bool"), (3, ">f4"), (6, "int64")],
                         ids=IDS + ["bool", "big-endian", "many"])
def test_flip_and_transpose_move_pixels_exactly(channels, dtype, horiz):
    img = picture(13, 8, channels, dtype)
    for view in (img, img[::2, 1:-1], img[:, ::-1]):
        flipped = imgaug.FlipTransform(view.shape[0], view.shape[1], horiz).apply_image(view)
        np.testing.assert_array_equal(flipped, np.fliplr(view) if horiz else np.flipud(view))
        np.testing.assert_array_equal(TransposeTransform().apply_image(view), view.swapaxes(0, 1))


def test_crop_is_a_view_and_shifts_coordinates():
    img = picture()
    tfm = imgaug.CropTransform(5, 7, 20, 30)
    assert np.shares_memory(tfm.apply_image(img), img)
    np.testing.assert_array_equal(tfm.apply_image(img), img[5:25, 7:37])
    coords = np.array([[10.5, 20.25]], "float32")
    assert tfm.apply_coords(coords).dtype == np.float32
    np.testing.assert_array_equal(tfm.apply_coords(coords), [[3.5, 15.25]])
    np.testing.assert_array_equal(tfm.inverse().apply_coords(tfm.apply_coords(coords)), coords)
    with pytest.raises(NotImplementedError, match="apply_image"):
        tfm.inverse().apply_image(img)


@pytest.mark.parametrize("tfm", [
    imgaug.ResizeTransform(37, 52, 10, 10, 1), PasteTransform(0, 0, 37, 52, (60, 60), imgaug.ConstantBackgroundFiller(0))],
    ids=["resize", "paste"])
def test_a_transform_for_another_size_says_so(tfm):
    with pytest.raises(ValueError, match=r"the image must be 37x52; got uint8 \(10, 52, 3\)"):
        tfm.apply_image(picture(10, 52))


inside = st.floats(0.2, 0.8)


@settings(max_examples=100, deadline=None)
@given(h=st.integers(44, 80), w=st.integers(44, 80), x=inside, y=inside, data=st.data())
def test_a_spot_is_found_where_its_coordinates_go(h, w, x, y, data):
    """For Transforms with any parameters, and for chains of two."""
    point = np.array([[x * w, y * h]])
    img, tfms = blob(h, w, *point[0]), []
    for _ in range(2):
        tfm = data.draw(transforms(*img.shape))
        img, point = tfm.apply_image(img), tfm.apply_coords(point)
        tfms.append(tfm)
        if not is_inside(point[0], img.shape[0], img.shape[1], 12):
            return
        np.testing.assert_allclose(centroid(img), point[0], atol=0.25)
    both = imgaug.TransformList(tfms)
    np.testing.assert_allclose(both.inverse().apply_coords(point), [[x * w, y * h]], atol=1e-6)


@st.composite
def transforms(draw, h, w):
    kind = draw(st.sampled_from(["resize", "crop", "flip", "transpose", "warp", "paste"]))
    if kind == "resize":
        return imgaug.ResizeTransform(h, w, draw(st.integers(h * 2 // 3, h * 2)), draw(st.integers(w * 2 // 3, w * 2)), 1)
    if kind == "crop":
        y0, x0 = draw(st.integers(0, 10)), draw(st.integers(0, 10))
        return imgaug.CropTransform(y0, x0, h - 12, w - 12)
    if kind == "flip":
        return imgaug.FlipTransform(h, w, draw(st.booleans()))
    if kind == "transpose":
        return TransposeTransform()
    if kind == "paste":
        return PasteTransform(draw(st.integers(0, 9)), draw(st.integers(0, 9)), h, w, (h + 9, w + 9),
                              imgaug.ConstantBackgroundFiller(0))
    mat = cv2.getRotationMatrix2D((w / 2.0, h / 2.0), draw(st.floats(-180, 180)), draw(st.floats(0.7, 1.5)))
    mat[0, 1] += draw(st.floats(-0.3, 0.3))
    return WarpAffineTransform(mat, (w, h), coords_mat=centered(mat))


# The draws, by the formulas of the contract, from a stream that is known.

IMG = ImagePlaceholder(shape=(60, 91, 3))
H, W = 60, 91


def drawn(augmentor, img=IMG, seed=11):
    augmentor.rng = np.random.RandomState(seed)
    return augmentor.get_transform(img), np.random.RandomState(seed)


@pytest.mark.parametrize("seed", range(5))
def test_draws_of_random_crop(seed):
    tfm, rng = drawn(imgaug.RandomCrop((20, 30)), seed=seed)
    assert (tfm.y0, tfm.x0) == (rng.randint(H - 20 + 1), rng.randint(W - 30 + 1))
    assert (tfm.h, tfm.w) == (20, 30)


@pytest.mark.parametrize("seed", range(5))
def test_draws_of_random_crop_random_shape(seed):
    tfm, rng = drawn(imgaug.RandomCropRandomShape(20, 10, wmax=50), seed=seed)
    h = rng.randint(10, H + 1)
    w = rng.randint(20, 50 + 1)
    assert (tfm.h, tfm.w, tfm.y0, tfm.x0) == (h, w, rng.randint(H - h + 1), rng.randint(W - w + 1))


def test_random_crops_reach_the_last_row_and_column():
    augmentor = imgaug.RandomCropRandomShape(4, 4, 4, 4)
    places = {(t.y0, t.x0) for t in (augmentor.get_transform(ImagePlaceholder(shape=(6, 5))) for _ in range(200))}
    assert places == {(y, x) for y in range(3) for x in range(2)}
    whole = imgaug.RandomCropRandomShape(6, 6, 600, 600).get_transform(ImagePlaceholder(shape=(6, 6)))
    assert (whole.y0, whole.x0, whole.h, whole.w) == (0, 0, 6, 6)


def test_center_crop_rounds_down():
    tfm = imgaug.CenterCrop((21, 40)).get_transform(IMG)
    assert (tfm.y0, tfm.x0) == (19, 25)


@pytest.mark.parametrize("seed", range(8))
def test_draws_of_googlenet_crop(seed):
    tfm, rng = drawn(imgaug.GoogleNetRandomCropAndResize((0.5, 1.0), target_shape=33), seed=seed)
    for _ in range(10):
        area = rng.uniform(0.5, 1.0) * H * W
        ratio = rng.uniform(0.75, 1.333)
        w, h = int(math.sqrt(area * ratio) + 0.5), int(math.sqrt(area / ratio) + 0.5)
        if rng.uniform() < 0.5:
            w, h = h, w
        if w <= W and h <= H:
            x, y = rng.randint(0, W - w + 1), rng.randint(0, H - h + 1)
            break
    crop, resize = tfm.tfms
    assert (crop.x0, crop.y0, crop.w, crop.h) == (x, y, w, h)
    assert (resize.h, resize.w, resize.new_h, resize.new_w) == (h, w, 33, 33)


def test_googlenet_crop_falls_back_to_the_centre_of_a_narrow_image():
    tfm = imgaug.GoogleNetRandomCropAndResize((0.9, 1.0), target_shape=20).get_transform(ImagePlaceholder(shape=(400, 10)))
    resize, crop = tfm.tfms
    assert (resize.new_h, resize.new_w) == (800, 20)
    assert (crop.y0, crop.x0, crop.h, crop.w) == (390, 0, 20, 20)


@pytest.mark.parametrize("seed", range(5))
def test_draws_of_cutout(seed):
    tfm, rng = drawn(imgaug.RandomCutout(10, 20, fill=3), seed=seed)
    assert (tfm.x0, tfm.y0, tfm.h, tfm.w) == (rng.randint(0, W + 1 - 20), rng.randint(0, H + 1 - 10), 10, 20)
    tfm, rng = drawn(imgaug.RandomCutout((5, 9), (1, 3)), seed=seed)
    h, w = rng.randint(5, 9), rng.randint(1, 3)
    assert (tfm.h, tfm.w, tfm.x0, tfm.y0) == (h, w, rng.randint(0, W + 1 - w), rng.randint(0, H + 1 - h))


def test_cutout_fills_its_rectangle_only():
    img = picture()
    tfm = imgaug.RandomCutout(10, 20, fill=3).get_transform(img)
    out = tfm.apply_image(img.copy())
    filled = np.zeros(img.shape, bool)
    filled[tfm.y0:tfm.y0 + 10, tfm.x0:tfm.x0 + 20] = True
    np.testing.assert_array_equal(out, np.where(filled, 3, img))


@pytest.mark.parametrize("seed", range(5))
def test_draws_of_shift(seed):
    tfm, rng = drawn(imgaug.Shift(0.3, 0.2), seed=seed)
    dx = np.round(rng.uniform(-0.3 * W, 0.3 * W))
    assert tfm.mat.dtype == np.float32 and tfm.dsize == (W, H)
    np.testing.assert_array_equal(tfm.mat, [[1, 0, dx], [0, 1, np.round(rng.uniform(-0.2 * H, 0.2 * H))]])


@pytest.mark.parametrize("seed", range(5))
def test_draws_of_rotation(seed):
    tfm, rng = drawn(imgaug.Rotation(40, (0.2, 0.6)), seed=seed)
    center = np.array([W, H]) * rng.uniform(0.2, 0.6, size=2) - 0.5
    angle = math.radians(rng.uniform(-40, 40))
    linear = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    np.testing.assert_allclose(tfm.mat, np.column_stack([linear, center - linear.dot(center)]), atol=1e-6)


def test_rotation_in_steps():
    augmentor = imgaug.Rotation(180, (0.5, 0.5), step_deg=90)
    img = picture(20, 20)
    outs = [augmentor.augment(img) for _ in range(200)]
    turns = [sum((out == np.rot90(img, k)).all() for out in outs) for k in range(4)]
    assert sum(turns) == 200 and min(turns) > 25


@pytest.mark.parametrize("size_and_angle, expected", [
    ((30, 20, 20), (28, 11)), ((30, 20, 45), (14, 14)), ((30, 20, 0), (30, 20)), ((30, 20, 90), (20, 30)),
    ((20, 30, 20), (11, 28))], ids=str)
def test_largest_rotated_rect(size_and_angle, expected):
    assert imgaug.RotationAndCropValid.largest_rotated_rect(*size_and_angle) == expected


@pytest.mark.parametrize("seed", range(6))
def test_rotation_and_crop_valid_shows_no_border(seed):
    augmentor = imgaug.RotationAndCropValid(180)
    augmentor.rng = np.random.RandomState(seed)
    for shape in [(61, 90), (90, 61), (50, 50)]:
        out = augmentor.augment(np.full(shape, 200, "uint8"))
        assert (out[1:-1, 1:-1] > 195).all() and out.size > 400


def test_rotation_and_crop_valid_keeps_the_middle():
    img = blob(60, 91, 45.5, 30)
    out = imgaug.RotationAndCropValid(180).augment(img)
    np.testing.assert_allclose(centroid(out), np.array(out.shape[::-1]) / 2.0, atol=0.51)


def expected_affine(rng, scale, translate, shear):
    """The matrix by the formulas of the contract."""
    s = rng.uniform(*scale) if scale else 1.0
    dx, dy = [np.round(rng.uniform(-f * n, f * n)) for f, n in zip(translate, (W, H))] if translate else (0, 0)
    shear = math.radians(rng.uniform(-shear, shear)) if shear else 0
    angle = math.radians(rng.uniform(-20, 20))
    m00, m01 = s * math.cos(angle), s * math.sin(angle)
    m10, m11 = -s * math.sin(angle), s * math.cos(angle)
    m01, m11 = m01 * math.cos(shear) + m00 * math.sin(shear), m11 * math.cos(shear) + m10 * math.sin(shear)
    cx, cy = W / 2 - 0.5, H / 2 - 0.5
    return [[m00, m01, cx - m00 * cx - m01 * cy + dx], [m10, m11, cy - m10 * cx - m11 * cy + dy]]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scale", [None, (0.5, 1.5)], ids=["", "scale"])
@pytest.mark.parametrize("translate", [None, (0.1, 0.2)], ids=["", "translate"])
@pytest.mark.parametrize("shear", [0.0, 25.0], ids=["", "shear"])
def test_draws_of_affine(scale, translate, shear, seed):
    tfm, rng = drawn(imgaug.Affine(scale, translate, 20, shear), seed=seed)
    np.testing.assert_allclose(tfm.mat, expected_affine(rng, scale, translate, shear), atol=1e-6)


def test_affine_agrees_with_scikit_image():
    transform = pytest.importorskip("skimage.transform")
    img = picture(60, 91)
    tfm, rng = drawn(imgaug.Affine((0.7, 1.3), (0.1, 0.1), 20, border=cv2.BORDER_CONSTANT))
    scale, dx, dy = rng.uniform(0.7, 1.3), np.round(rng.uniform(-0.1 * W, 0.1 * W)), np.round(rng.uniform(-0.1 * H, 0.1 * H))
    angle = -math.radians(rng.uniform(-20, 20))  # scikit-image turns from x to y, downwards
    to_middle = transform.SimilarityTransform(translation=(-(W - 1) / 2.0, -(H - 1) / 2.0))
    back = transform.SimilarityTransform(translation=((W - 1) / 2.0 + dx, (H - 1) / 2.0 + dy))
    chain = to_middle + transform.SimilarityTransform(scale=scale, rotation=angle) + back
    np.testing.assert_allclose(tfm.mat, chain.params[:2], atol=1e-6)
    expected = transform.warp(img, chain.inverse, order=1, preserve_range=True)
    assert np.abs(tfm.apply_image(img) - expected).mean() < 1


@pytest.mark.parametrize("name, augmentor, expected", [
    ("Resize", imgaug.Resize((20, 31)), (20, 31)), ("Resize to a square", imgaug.Resize(25), (25, 25)),
    ("ResizeShortestEdge", imgaug.ResizeShortestEdge(25), (25, 38))], ids=lambda v: v if isinstance(v, str) else "")
def test_sizes_of_resizes(name, augmentor, expected):
    tfm = augmentor.get_transform(IMG)
    assert (tfm.new_h, tfm.new_w) == expected


def test_shortest_edge_of_a_portrait():
    tfm = imgaug.ResizeShortestEdge(25).get_transform(ImagePlaceholder(shape=(91, 60)))
    assert (tfm.new_h, tfm.new_w) == (38, 25)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("thres", [0, 0.1])
@pytest.mark.parametrize("unit", ["factor", "pixels"])
def test_draws_of_random_resize(unit, thres, seed):
    xrange, yrange = ((0.5, 1.5), (0.5, 1.5)) if unit == "factor" else ((40, 120), (40, 80))
    if thres == 0:
        yrange = None
    tfm, rng = drawn(imgaug.RandomResize(xrange, yrange, minimum=(50, 20), aspect_ratio_thres=thres), seed=seed)
    scale_x, scale_y = (W, H) if unit == "factor" else (1, 1)
    for _ in range(51):
        x = rng.uniform(*xrange) * scale_x
        y = x * H / W if thres == 0 else rng.uniform(*yrange) * scale_y
        new_w, new_h = int(max(x, 50) + 0.5), int(max(y, 20) + 0.5)
        if thres == 0 or abs(new_w / new_h - W / H) / (W / H) < thres + 1e-5:
            break
    assert (tfm.new_w, tfm.new_h) == (new_w, new_h)


def test_random_resize_tests_the_ratio_of_the_rounded_size():
    """5.6 x 5.3 is refused as 6 x 5 and allowed as the numbers it was rounded from."""
    image = ImagePlaceholder(shape=(10, 10))
    for seed in range(40):
        tfm, _ = drawn(imgaug.RandomResize((0.5, 0.7), (0.5, 0.7), aspect_ratio_thres=0.1), seed=seed, img=image)
        assert tfm.new_w == tfm.new_h


def test_random_resize_draws_51_times(log_records):
    """The last draw is the only one that is allowed."""
    class Draws:
        def __init__(self, refused):
            self.left = [1.0, 2.0] * refused + [1.0, 1.0]

        def uniform(self, low, high):
            return self.left.pop(0)

    for refused, size in ((50, (H, W)), (51, (H, W))):
        augmentor = imgaug.RandomResize((0.5, 3.0), (0.5, 3.0), aspect_ratio_thres=0.1)
        augmentor.rng = Draws(refused)
        tfm = augmentor.get_transform(IMG)
        assert (tfm.new_h, tfm.new_w) == size
        assert len(augmentor.rng.left) == (0 if refused == 50 else 2)
    assert sum("RandomResize failed" in record.getMessage() for record in log_records) == 1


def test_random_resize_gives_up_with_a_warning(log_records):
    tfm = imgaug.RandomResize((100, 101), (10, 11), aspect_ratio_thres=0.1).get_transform(IMG)
    assert (tfm.new_h, tfm.new_w) == (H, W)
    assert "RandomResize failed to augment an image" in log_records[-1].getMessage()


def test_random_resize_says_when_yrange_is_not_used(log_records):
    imgaug.RandomResize((10, 20), (10, 20), aspect_ratio_thres=0)
    assert "yrange is not used" in log_records[-1].getMessage()


@pytest.mark.parametrize("augmentor, prob", [
    (lambda: imgaug.Flip(horiz=True, prob=0.3), 0.3), (lambda: imgaug.Flip(vert=True), 0.5),
    (lambda: imgaug.Transpose(0.8), 0.8),
    (lambda: imgaug.Flip(vert=True, prob=0), 0), (lambda: imgaug.Transpose(1), 1)],
    ids=["horizontal", "vertical", "transpose", "never", "always"])
def test_probabilities(augmentor, prob):
    augmentor = augmentor()
    augmentor.rng = np.random.RandomState(0)
    done = [not isinstance(augmentor.get_transform(IMG), imgaug.transform.NoOpTransform) for _ in range(400)]
    assert abs(np.mean(done) - prob) < 0.08
    rng = np.random.RandomState(0)
    expected = [rng.uniform(0, 1) < prob for _ in range(400)]
    assert done == expected


def test_paste_places():
    img = picture(10, 12)
    out = imgaug.CenterPaste((21, 30), imgaug.ConstantBackgroundFiller(7)).augment(img)
    assert out.shape == (21, 30, 3) and out.dtype == np.uint8
    np.testing.assert_array_equal(out[5:15, 9:21], img)
    out[5:15, 9:21] = 7
    assert (out == 7).all()
    tfm, rng = drawn(imgaug.RandomPaste((70, 100)))
    assert (tfm.y0, tfm.x0) == (int(rng.uniform(0, 70 - H)), int(rng.uniform(0, 100 - W)))
    full = imgaug.RandomPaste((10, 12)).augment(img)
    np.testing.assert_array_equal(full, img)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_canvas_has_dtype_and_channels_of_the_image(dtype):
    for value, channels in [(0.5, 3), (200, 0), (7, 1), ((1, 2, 3), 3)]:
        canvas = imgaug.ConstantBackgroundFiller(value).fill((5, 6), picture(3, 3, channels, dtype))
        assert canvas.dtype == dtype and canvas.shape == (5, 6) + ((channels,) if channels else ())
        np.testing.assert_array_equal(canvas, np.broadcast_to(np.array(value).astype(dtype), canvas.shape))


def test_own_background_fillers():
    class Mean(imgaug.BackgroundFiller):
        def _fill(self, background_shape, img):
            return np.full(background_shape + img.shape[2:], img.mean(), img.dtype)

    img = np.full((4, 5, 3), 9, "uint8")
    assert (imgaug.CenterPaste((8, 8), Mean()).augment(img) == 9).all()


@pytest.mark.parametrize("make, message", [
    (lambda: imgaug.RandomCrop(70).get_transform(IMG), r"RandomCrop: crop_shape .* must not exceed \(60, 91\); got \(70, 70\)"),
    (lambda: imgaug.CenterCrop((61, 2)).get_transform(IMG), "CenterCrop: crop_shape"),
    (lambda: imgaug.RandomCropRandomShape(5, 61).get_transform(IMG), r"\(hmin, wmin\)"),
    (lambda: imgaug.RandomCropRandomShape(5, 5, 4), "must not be below"),
    (lambda: imgaug.RandomCutout(61, 5).get_transform(IMG), "RandomCutout: the rectangle"),
    (lambda: imgaug.CenterPaste((59, 100)).get_transform(IMG), "CenterPaste: the image"),
    (lambda: imgaug.CenterPaste(100), "background_shape must be a pair; got int 100"),
    (lambda: imgaug.Flip(), "exactly one of horiz and vert"),
    (lambda: imgaug.Flip(horiz=True, vert=True), "use two augmentors"),
    (lambda: imgaug.Shift(1.0), "horiz_frac must be below 1; got 1.0"),
    (lambda: imgaug.Rotation(90, step_deg=45), "step_deg must divide 180"),
    (lambda: imgaug.RotationAndCropValid(180, step_deg=50), "step_deg must divide 180"),
    (lambda: imgaug.Affine(scale=2.0), "scale must be a pair"),
    (lambda: imgaug.Affine(translate_frac=0.1), "translate_frac must be a pair"),
    (lambda: imgaug.RandomResize((0.5, 1.0)), "yrange must be given"),
    (lambda: imgaug.RandomResize((0.5, 1.0), (10, 20)), "both be"),
    (lambda: imgaug.RandomResize((0.5, 1.0), (0.5, 1.1), aspect_ratio_thres=0), "None or equal to xrange"),
    (lambda: imgaug.FlipTransform(5, 5).apply_coords(np.zeros((3, 3))), r"coords must be Nx2.*float64 \(3, 3\)"),
    (lambda: imgaug.FlipTransform(5, 5).apply_boxes(np.zeros((3, 2))), "boxes must be Nx4")],
    ids=lambda v: "" if callable(v) else v[:20])
def test_mistakes_are_value_errors_that_say_what_must_hold(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_deprecated_argument_of_random_crop(log_records):
    imgaug.RandomCropRandomShape(5, 5, max_aspect_ratio=2)
    assert "max_aspect_ratio" in log_records[-1].getMessage()
