"""Augmentors of images and points, all under one random state."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np

from .encoding import attempt, is_failure

_DTYPES = ["uint8", "uint8", "uint8", "float32", "float32", "float64"]


def generate(rng: Any) -> Dict[str, Any]:
    return {
        "image": {
            "height": rng.choice([5, 8, 13, 24, 31]),
            "width": rng.choice([6, 9, 16, 24, 37]),
            "channels": rng.choice([0, 1, 3, 3, 3, 3, 4]),
            "dtype": rng.choice(_DTYPES),
        },
        "augmentors": [_augmentor(rng) for _ in range(rng.choice([1, 1, 1, 2, 3]))],
        "state": rng.randrange(1000),
        "again": rng.random() < 0.3,
    }


def _augmentor(rng: Any, depth: int = 0) -> Dict[str, Any]:
    name = rng.choice(sorted(_OPTIONS) + (["RandomApplyAug", "RandomChooseAug", "RandomOrderAug"] if depth == 0 else []))
    if name in _OPTIONS:
        return dict(name=name, **_OPTIONS[name](rng))
    inner = [_augmentor(rng, 1) for _ in range(1 if name == "RandomApplyAug" else rng.choice([1, 2, 3]))]
    return {"name": name, "of": inner, "prob": rng.choice([0.3, 0.5, 1.0])}


def _pair(rng: Any, values: Any) -> List[Any]:
    return sorted(rng.sample(values, 2))


_OPTIONS = {
    "Brightness": lambda rng: {"delta": rng.choice([1, 20.5, 100]), "clip": rng.random() < 0.7},
    "BrightnessScale": lambda rng: {"range": _pair(rng, [0.3, 0.8, 1, 1.4, 3]), "clip": rng.random() < 0.7},
    "Contrast": lambda rng: {
        "factor_range": _pair(rng, [0.3, 0.8, 1, 1.4, 3]),
        "rgb": rng.choice([None, None, True, False]),
        "clip": rng.random() < 0.7,
    },
    "MeanVarianceNormalize": lambda rng: {"all_channel": rng.random() < 0.5},
    "GaussianBlur": lambda rng: {"size_range": rng.choice([[0, 3], [1, 2], [0, 5]]), "sigma": rng.choice([None, 1, [0.5, 2]])},
    "Gamma": lambda rng: {"range": _pair(rng, [-0.5, -0.2, 0, 0.3, 1])},
    "Clip": lambda rng: rng.choice([{}, {"min": 10, "max": 100}, {"min": -5, "max": 300}, {"min": 0.2, "max": 99.5}]),
    "Saturation": lambda rng: {"alpha": rng.choice([0.1, 0.4, 0.9]), "rgb": rng.random() < 0.5, "clip": rng.random() < 0.7},
    "Lighting": lambda rng: {
        "std": rng.choice([0.1, 1, 10]),
        "eigval": [0.2, 1.5, 4],
        "clip": rng.random() < 0.7,
        "eigvec": [[0.5, 0.1, 0.3], [0.2, -0.7, 0], [1, 0.4, -0.2]],
    },
    "MinMaxNormalize": lambda rng: {"min": 0, "max": rng.choice([1, 255]), "all_channel": rng.random() < 0.5},
    "Hue": lambda rng: {"range": rng.choice([[0, 180], [-20, 20], [5, 6]]), "rgb": rng.random() < 0.5},
    "Grayscale": lambda rng: {"keepdims": rng.random() < 0.5, "rgb": rng.random() < 0.5, "keepshape": rng.random() < 0.3},
    "ToUint8": lambda rng: {},
    "ToFloat32": lambda rng: {},
    "JpegNoise": lambda rng: {"quality_range": rng.choice([[40, 100], [5, 20], [95, 96]])},
    "GaussianNoise": lambda rng: {"sigma": rng.choice([1, 10.5]), "clip": rng.random() < 0.7},
    "SaltPepperNoise": lambda rng: {"white_prob": rng.choice([0.05, 0.3]), "black_prob": rng.choice([0.05, 0.3])},
    "RandomCrop": lambda rng: {"crop_shape": rng.choice([4, [3, 5], [5, 6], [12, 20]])},
    "CenterCrop": lambda rng: {"crop_shape": rng.choice([4, [3, 5], [5, 6], [12, 20]])},
    "RandomCropRandomShape": lambda rng: rng.choice(
        [{"wmin": 2, "hmin": 3}, {"wmin": 5, "hmin": 5, "wmax": 6, "hmax": 9}, {"wmin": 3, "hmin": 4, "wmax": 50}]
    ),
    "GoogleNetRandomCropAndResize": lambda rng: {
        "target_shape": rng.choice([6, 20]),
        "crop_area_fraction": rng.choice([[0.08, 1.0], [0.5, 0.6]]),
    },
    "Shift": lambda rng: {
        "horiz_frac": rng.choice([0, 0.2, 0.9]),
        "vert_frac": rng.choice([0, 0.2]),
        "border": rng.choice([0, 1]),
        "border_value": rng.choice([0, 9, [1, 2, 3]]),
    },
    "Rotation": lambda rng: rng.choice(
        [
            {
                "max_deg": rng.choice([10, 90.5, 180]),
                "border": rng.choice([0, 1]),
                "border_value": rng.choice([0, 9, [1, 2, 3]]),
            },
            {"max_deg": 180, "step_deg": rng.choice([30, 90])},
            {"max_deg": 20, "center_range": [0.3, 0.7]},
        ]
    ),
    "RotationAndCropValid": lambda rng: {"max_deg": rng.choice([5, 30, 90])},
    "Affine": lambda rng: {
        "scale": rng.choice([None, [0.5, 1.5]]),
        "translate_frac": rng.choice([None, [0.1, 0.3]]),
        "rotate_max_deg": rng.choice([0.0, 20.0]),
        "shear": rng.choice([0.0, 10.0]),
        "border": rng.choice([0, 1]),
    },
    "RandomResize": lambda rng: rng.choice(
        [
            {"xrange": [0.5, 1.5], "yrange": [0.5, 1.5]},
            {"xrange": [5, 30], "yrange": [5, 30], "aspect_ratio_thres": 0.3},
            {"xrange": [0.4, 2.0], "aspect_ratio_thres": 0},
            {"xrange": [4, 9], "aspect_ratio_thres": 0},
            {"xrange": [0.1, 1.5], "yrange": [0.1, 1.5], "minimum": [3, 4], "aspect_ratio_thres": 0.5},
        ]
    ),
    "Resize": lambda rng: {"shape": rng.choice([7, [9, 4], [30, 20]])},
    "ResizeShortestEdge": lambda rng: {"size": rng.choice([4, 11, 40])},
    "CenterPaste": lambda rng: {"background_shape": rng.choice([[40, 50], [31, 37]])},
    "RandomPaste": lambda rng: {"background_shape": rng.choice([[40, 50], [31, 37]])},
    "RandomCutout": lambda rng: {
        "h_range": rng.choice([2, [1, 5]]),
        "w_range": rng.choice([3, [1, 4]]),
        "fill": rng.choice([0.0, 128.0]),
    },
    "Flip": lambda rng: {"horiz": True, "prob": rng.choice([0.5, 1])} if rng.random() < 0.5 else {"vert": True},
    "Transpose": lambda rng: {"prob": rng.choice([0.5, 1])},
    "Identity": lambda rng: {},
    "ColorSpace": lambda rng: {"mode": rng.choice([4, 6, 7, 40, 41, 44]), "keepdims": rng.random() < 0.5},
}


def run(program: Dict[str, Any], folder: str) -> Any:
    from tensorpack.dataflow import imgaug

    made: List[Any] = []
    augmentors = [_built(spec, made) for spec in program.get("augmentors", ())]
    whole = imgaug.AugmentorList(augmentors)
    state = np.random.RandomState(program.get("state", 0))
    for each in made:
        each.rng = state
    image = _image(program.get("image", {}))
    result: Dict[str, Any] = {"image": attempt(lambda: whole.augment(image.copy()))}
    if is_failure(result["image"]):
        return result  # how much was drawn before says nothing
    result["state"] = int(state.randint(1 << 30))
    result["points"] = attempt(_points, whole, image)
    if program.get("again") and not is_failure(result["points"]):
        result["again"] = attempt(lambda: whole.augment(image.copy()))
    return result


def _points(whole: Any, image: np.ndarray) -> Any:
    height, width = image.shape[:2]
    points = np.array([[0, 0], [1.5, 2], [width - 1, height - 1], [width / 2, height / 3]], "float32")
    transform = whole.get_transform(image)
    return [transform.apply_image(image.copy()), transform.apply_coords(points)]


def _built(spec: Dict[str, Any], made: List[Any]) -> Any:
    from tensorpack.dataflow import imgaug

    options = {
        key: tuple(value) if isinstance(value, list) and key != "eigvec" else value
        for key, value in spec.items()
        if key not in ("name", "of", "prob")
    }
    name = spec["name"]
    if name in ("RandomApplyAug", "RandomChooseAug", "RandomOrderAug"):
        inner = [_built(each, made) for each in spec.get("of", ())]
        augmentor = (
            imgaug.RandomApplyAug(inner[0], spec.get("prob", 0.5)) if name == "RandomApplyAug" else getattr(imgaug, name)(inner)
        )
    else:
        if "prob" in spec:
            options["prob"] = spec["prob"]
        augmentor = getattr(imgaug, name)(**options)
    made.append(augmentor)
    return augmentor


def _image(spec: Dict[str, Any]) -> np.ndarray:
    height, width, channels = spec.get("height", 8), spec.get("width", 8), spec.get("channels", 3)
    rng = np.random.RandomState(height * 100 + width)
    values = rng.randint(0, 256, size=(height, width) + ((channels,) if channels else ())).astype("float64")
    dtype = spec.get("dtype", "uint8")
    return (values if dtype == "uint8" else values + rng.uniform(-0.5, 0.5, size=values.shape)).clip(0, 255).astype(dtype)
