"""Augmentors."""
from __future__ import annotations

from .._table import Gone, Moved, Old, Part

_DEFORM = Old("_legacy.imgaug.augmentors.GaussianDeform", "an ImageAugmentor of your own with cv2.remap")
_FIXED = Old("_legacy.imgaug.augmentors.FixedCrop", "CropTransform(y0, x0, h, w)")
_AROUND = Gone("RandomCrop, or an ImageAugmentor of your own that returns a CropTransform")
_BASE = Old("dataflow.imgaug.base.ImageAugmentor", "imgaug.ImageAugmentor with get_transform")
_MISC = ("Flip", "RandomResize", "Resize", "ResizeShortestEdge", "Transpose")
_CROP = "dataflow.imgaug.crop."
_CHECKS = "the tests of the library, which are not installed"
_ASPECT = Gone("RandomCropRandomShape(wmin, hmin, wmax, hmax), in pixels")
_GET_TRANSFORM = "get_transform, which returns a Transform"

PART = Part(
    names={
        "dataflow.imgaug.base.Image": Gone("the array itself, and Transform.apply_coords for coordinates"),
        "dataflow.imgaug.base.TransformAugmentorBase": _BASE,
        **{_CROP + name: "dataflow.imgaug.paste." + name
           for name in ("BackgroundFiller", "CenterPaste", "ConstantBackgroundFiller", "RandomPaste")},
        _CROP + "FixedCrop": _FIXED,
        _CROP + "RandomCropAroundBox": _AROUND,
        _CROP + "TransformAugmentorBase": _BASE,
        _CROP + "perturb_BB": _AROUND,
        "dataflow.imgaug.deform.GaussianDeform": _DEFORM,
        "dataflow.imgaug.geometry.TransformAugmentorBase": _BASE,
        "dataflow.imgaug.imgproc.BrightnessAdd": "dataflow.imgaug.imgproc.Brightness",
        "dataflow.imgaug.imgproc.ColorSpace": "dataflow.imgaug.convert.ColorSpace",
        "dataflow.imgaug.imgproc.Grayscale": "dataflow.imgaug.convert.Grayscale",
        "dataflow.imgaug.misc.TransformAugmentorBase": _BASE,
        "dataflow.imgaug.noname.MapImage": "dataflow.imgaug.meta.MapImage",
        **{"dataflow.imgaug.noname." + name: "dataflow.imgaug.misc." + name for name in _MISC},
        "dataflow.imgaug.transform.ImageTransform": "dataflow.imgaug.transform.Transform",
    },
    star={
        "dataflow.imgaug": {
            "FixedCrop": _FIXED,
            "GaussianDeform": _DEFORM,
            "RandomCropAroundBox": _AROUND,
            "perturb_BB": _AROUND,
        },
    },
    keywords={
        "dataflow.imgaug._transform_geometry.CropTransform": {"h0": "y0", "w0": "x0"},
        "dataflow.imgaug._transform_geometry.ResizeTransform": {"newh": "new_h", "neww": "new_w"},
        _CROP + "RandomCropRandomShape": {"max_aspect_ratio_diff": _ASPECT, "perturb_ratio": _ASPECT},
        "dataflow.imgaug.noise.GaussianNoise": {"scale": "sigma"},
    },
    modules={
        "dataflow.imgaug._test": Moved("", _CHECKS),
        "dataflow.imgaug.deform": Moved("_legacy.imgaug.augmentors", _DEFORM.today),
        "dataflow.imgaug.noname": Moved("dataflow.imgaug.misc"),
    },
    adapters={
        "dataflow.imgaug._transform_base": "imgaug.hooks.adapt_transforms",
        "dataflow.imgaug._transform_geometry": "imgaug.hooks.adapt_geometry",
        "dataflow.imgaug.base": "imgaug.hooks.adapt_base",
        "dataflow.imgaug.convert": "imgaug.arguments.adapt_convert",
        "dataflow.imgaug.imgproc": "imgaug.arguments.adapt_imgproc",
    },
    behaviours={
        "AugmentorList._augment": _GET_TRANSFORM,
        "AugmentorList._augment_coords": _GET_TRANSFORM,
        "AugmentorList._augment_return_params": "get_transform",
        "AugmentorList._get_augment_params": _GET_TRANSFORM,
        "ColorSpace()": "Grayscale()",
        "Contrast(factor_range, bool)": "Contrast(factor_range, clip=bool)",
        "GaussianBlur(max_size)": "GaussianBlur(size_range=(0, max_size), symmetric=False)",
        "Hue(range)": "Hue(range, rgb=False), if channels are BGR",
        "ImageAugmentor._augment": _GET_TRANSFORM,
        "ImageAugmentor._augment_coords": _GET_TRANSFORM,
        "ImageAugmentor._augment_return_params": "get_transform",
        "ImageAugmentor._fprop_coord": _GET_TRANSFORM,
        "ImageAugmentor._get_augment_params": _GET_TRANSFORM,
        "Saturation(alpha)": "Saturation(alpha, rgb=False), if channels are BGR",
    },
)
