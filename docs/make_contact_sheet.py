#!/usr/bin/env python
"""Draw `docs/augmentors.png`: what every augmentor does to one picture, with four points carried along.

Usage: make_contact_sheet.py [OUTPUT.png]
"""
import inspect
import os
import sys

import cv2
import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(FOLDER))

from tensorpack.dataflow import imgaug  # noqa: E402
from tensorpack.utils import fix_rng_seed  # noqa: E402

WIDTH, HEIGHT = 156, 117  # of the picture, and of the frame for each result
SAMPLES = 3
COLUMNS = 4
PAD, LABEL, MAX_LABEL = 6, 18, 58  # pixels, pixels, characters
POINTS = np.array([[19.0, 102.0], [19.0, 70.0], [69.0, 70.0], [128.0, 26.0]])
POINT_COLORS = [(0, 0, 255), (0, 160, 0), (255, 0, 0), (200, 0, 200)]
EIGVAL = np.array([0.2175, 0.0188, 0.0045])[::-1] * 255
EIGVEC = np.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]])[::-1, ::-1]


def draw_picture():
    """A house under the sun, with straight lines, text, a ramp of grays and strong colours; BGR."""
    sky = np.linspace(0, 1, HEIGHT)[:, np.newaxis, np.newaxis]
    img = ((1 - sky) * (225, 170, 90) + sky * (245, 235, 225)).repeat(WIDTH, axis=1).astype("uint8")
    cv2.rectangle(img, (0, 92), (WIDTH, HEIGHT), (70, 150, 80), -1)
    cv2.circle(img, (128, 26), 15, (60, 215, 255), -1, cv2.LINE_AA)
    cv2.rectangle(img, (19, 70), (69, 102), (90, 120, 190), -1)
    cv2.fillPoly(img, [np.array([[13, 70], [75, 70], [44, 45]])], (50, 50, 150), cv2.LINE_AA)
    cv2.rectangle(img, (50, 78), (62, 90), (230, 240, 250), -1)
    for k in (50, 56, 62):
        cv2.line(img, (k, 78), (k, 90), (40, 40, 40), 1)
    for k in (78, 84, 90):
        cv2.line(img, (50, k), (62, k), (40, 40, 40), 1)
    cv2.rectangle(img, (26, 82), (38, 102), (40, 70, 110), -1)
    for k, color in enumerate([(0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0), (255, 0, 0), (255, 0, 255)]):
        cv2.rectangle(img, (84 + 11 * k, 84), (94 + 11 * k, 94), color, -1)
    img[98:106, 84:150] = np.linspace(0, 255, 66)[np.newaxis, :, np.newaxis]
    cv2.putText(img, "Text 12", (80, 72), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (30, 30, 30), 1, cv2.LINE_AA)
    return img


def color_map(img):
    return cv2.applyColorMap(img[:, :, 1], cv2.COLORMAP_JET)


def stay(coords):
    return coords


def make_augmentors():
    return [
        imgaug.Identity(),
        imgaug.Flip(horiz=True),
        imgaug.Flip(vert=True),
        imgaug.Transpose(),
        imgaug.Resize((60, 120)),
        imgaug.ResizeShortestEdge(70),
        imgaug.RandomResize((0.4, 1.0), (0.4, 1.0), aspect_ratio_thres=0.5),
        imgaug.CenterCrop((80, 100)),
        imgaug.RandomCrop((80, 100)),
        imgaug.RandomCropRandomShape(40, 40),
        imgaug.GoogleNetRandomCropAndResize(target_shape=110),
        imgaug.CenterPaste((HEIGHT + 30, WIDTH + 40), imgaug.ConstantBackgroundFiller((120, 120, 120))),
        imgaug.RandomPaste((HEIGHT + 30, WIDTH + 40)),
        imgaug.RandomCutout((15, 40), (15, 40), fill=128),
        imgaug.Shift(0.25, 0.25),
        imgaug.Rotation(40, (0.3, 0.7), border=cv2.BORDER_CONSTANT, border_value=128),
        imgaug.RotationAndCropValid(25),
        imgaug.Affine((0.7, 1.2), (0.1, 0.1), 15, 20, border=cv2.BORDER_CONSTANT),
        imgaug.Brightness(80),
        imgaug.BrightnessScale((0.5, 1.6)),
        imgaug.Contrast((0.3, 1.8)),
        imgaug.Saturation(0.9, rgb=False),
        imgaug.Hue((10, 170), rgb=False),
        imgaug.Gamma((-0.6, 1.0)),
        imgaug.Lighting(1.0, EIGVAL, EIGVEC),
        imgaug.Clip(60, 180),
        imgaug.GaussianBlur(5),
        imgaug.GaussianNoise(30),
        imgaug.SaltPepperNoise(),
        imgaug.JpegNoise((3, 20)),
        imgaug.MinMaxNormalize(60, 180),
        imgaug.MeanVarianceNormalize(),
        imgaug.Grayscale(),
        imgaug.ColorSpace(cv2.COLOR_BGR2HSV),
        imgaug.ToFloat32(),
        imgaug.ToUint8(),
        imgaug.MapImage(color_map, coord_func=stay),
        imgaug.RandomApplyAug(imgaug.Brightness(80), 0.5),
        imgaug.RandomChooseAug([imgaug.GaussianBlur((3, 4)), imgaug.Gamma((0.8, 1.0)), imgaug.Flip(horiz=True, prob=1)]),
        imgaug.RandomOrderAug([imgaug.BrightnessScale((1.8, 1.8)), imgaug.Contrast((0.5, 0.5))]),
        imgaug.AugmentorList([imgaug.Affine(rotate_max_deg=20), imgaug.RandomCrop((90, 120)), imgaug.Brightness(40)]),
    ]


def check_complete(augmentors):
    """None may be forgotten."""
    shown = {type(augmentor) for augmentor in augmentors}
    bases = {imgaug.ImageAugmentor, imgaug.PhotometricAugmentor, imgaug.Albumentations, imgaug.IAAugmentor}
    public = {cls for cls in (getattr(imgaug, name) for name in imgaug.__all__)
              if inspect.isclass(cls) and issubclass(cls, imgaug.ImageAugmentor) and cls.__module__.startswith(imgaug.__name__)}
    missing = public - bases - shown
    if missing:
        raise SystemExit("not on the sheet: {}".format(sorted(cls.__name__ for cls in missing)))


def to_shown(img):
    """Any result as a BGR uint8 image."""
    if img.min() < 0:  # normalised
        img = img * 50 + 128
    img = np.clip(img, 0, 255).astype("uint8").reshape(img.shape[0], img.shape[1], -1)
    return np.ascontiguousarray(img.repeat(3, axis=2) if img.shape[2] == 1 else img)


def draw_result(augmentor, picture):
    """One result within a frame, the points on it as rings."""
    tfm = augmentor.get_transform(picture)
    img = to_shown(tfm.apply_image(picture.copy()))
    points = tfm.apply_coords(POINTS)
    scale = min(1.0, WIDTH / img.shape[1], HEIGHT / img.shape[0])
    if scale < 1:
        img = cv2.resize(img, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for (x, y), color in zip(points * scale * 16, POINT_COLORS):
        center = (int(round(x - 8)), int(round(y - 8)))  # OpenCV's drawing counts from the centre of the first pixel
        for ring, thickness in (((255, 255, 255), 3), (color, 1)):
            cv2.circle(img, center, 4 * 16, ring, thickness, cv2.LINE_AA, shift=4)
    frame = np.full((HEIGHT, WIDTH, 3), 255, "uint8")
    y0, x0 = (HEIGHT - img.shape[0]) // 2, (WIDTH - img.shape[1]) // 2
    frame[y0:y0 + img.shape[0], x0:x0 + img.shape[1]] = img
    return frame


def draw_cell(augmentor, picture):
    """The name above some results."""
    results = [draw_result(augmentor, picture) for _ in range(SAMPLES)]
    gap = np.full((HEIGHT, PAD, 3), 255, "uint8")
    row = np.hstack([part for result in results for part in (result, gap)])
    label = np.full((LABEL, row.shape[1], 3), 255, "uint8")
    text = repr(augmentor)[len("imgaug."):]
    text = text if len(text) <= MAX_LABEL else text[:MAX_LABEL - 3] + "..."
    cv2.putText(label, text, (0, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([label, row, np.full((PAD, row.shape[1], 3), 255, "uint8")])


def main():
    output = sys.argv[1] if len(sys.argv) > 1 else os.path.join(FOLDER, "augmentors.png")
    fix_rng_seed(5)
    augmentors = make_augmentors()
    check_complete(augmentors)
    picture = draw_picture()
    cells = [draw_cell(augmentor, picture) for augmentor in augmentors]
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % COLUMNS)
    rows = [np.hstack(cells[k:k + COLUMNS]) for k in range(0, len(cells), COLUMNS)]
    sheet = cv2.copyMakeBorder(np.vstack(rows), PAD, PAD, PAD, 0, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    if not cv2.imwrite(output, sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise SystemExit("could not write {}".format(output))


if __name__ == "__main__":
    main()
