#!/usr/bin/env python
"""Convert a model of detectron2 to an npz file, and print the settings that go with it.

Usage:
  convert_d2.py --d2-config YAML --d2-pkl PKL --output NPZ
It needs detectron2, whose configuration is read. Depths 50 and 101, ROIAlignV2, and cascades of three stages are known.
"""
import argparse
import re

import numpy as np

from tensorpack.utils.serialize import load_pickle

BLOCK = re.compile(r"res(\d)\.(\d+)\.(conv1|conv2|conv3|shortcut)(\.norm)?\.(\w+)$")
NORM = {"weight": "gamma", "bias": "beta", "running_var": "variance/EMA", "running_mean": "mean/EMA"}


def read_config(path):
    from detectron2.config import get_cfg

    cfg = get_cfg()
    cfg.merge_from_file(path)
    return cfg


def settings(cfg):
    """Words KEY=VALUE for `--config`, without spaces."""
    model = cfg.MODEL
    depth, name = model.RESNETS.DEPTH, model.META_ARCHITECTURE
    fpn, cascade = "fpn" in model.BACKBONE.NAME.lower(), "Cascade" in model.ROI_HEADS.NAME
    for rule, value in [(depth in (50, 101), depth), (name == "GeneralizedRCNN", name),
                        (model.ROI_BOX_HEAD.POOLER_TYPE == "ROIAlignV2", model.ROI_BOX_HEAD.POOLER_TYPE)]:
        if not rule:
            raise ValueError("depth 50 or 101, GeneralizedRCNN with ROIAlignV2 can be converted; got {}".format(value))
    words = {"MODE_MASK": bool(model.MASK_ON), "MODE_FPN": fpn}
    if fpn:
        words["FPN.CASCADE"] = cascade
    if depth == 101:
        words["BACKBONE.RESNET_NUM_BLOCKS"] = [3, 4, 23, 3]
    words["BACKBONE.STRIDE_1X1"] = bool(model.RESNETS.STRIDE_IN_1X1)
    words["PREPROC.PIXEL_MEAN"] = list(model.PIXEL_MEAN)[::-1]
    words["PREPROC.PIXEL_STD"] = list(model.PIXEL_STD)[::-1]
    return ["{}={}".format(key, str(value).replace(" ", "")) for key, value in words.items()]


def to_layout(name, value):
    """Kernels OIHW -> HWIO, matrices transposed."""
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    return value.T if value.ndim == 2 else value


def background_first(value):
    """The last class of rows, which is the background, becomes the first."""
    return np.concatenate([value[-1:], value[:-1]])


def with_background_boxes(value):
    """Class-specific rows of boxes get four for the background."""
    return np.concatenate([value[:4], value]) if len(value) > 4 else value


def convert_backbone(name, value):
    """(name, value) of a variable of the backbone, or None."""
    short = name.replace("backbone.bottom_up.", "").replace("backbone.", "").replace("roi_heads.", "")
    stem = re.match(r"stem\.conv1(\.norm)?\.(\w+)$", short)
    if stem:
        return _conv("conv0", *stem.groups(), value)
    block = BLOCK.match(short)
    if block:
        group, number, conv, norm, kind = block.groups()
        scope = "group{}/block{}/{}".format(int(group) - 2, number, "convshortcut" if conv == "shortcut" else conv)
        return _conv(scope, norm, kind, value)
    return None


def _conv(scope, norm, kind, value):
    if norm:
        return "{}/bn/{}".format(scope, NORM[kind]), value
    return scope + "/W", to_layout(scope, value)


SCOPES = [
    (r"backbone\.fpn_lateral(\d)$", r"fpn/lateral_1x1_c\1"), (r"backbone\.fpn_output(\d)$", r"fpn/posthoc_3x3_p\1"),
    (r"proposal_generator\.rpn_head\.conv$", "rpn/conv0"),
    (r"proposal_generator\.rpn_head\.objectness_logits$", "rpn/class"),
    (r"proposal_generator\.rpn_head\.anchor_deltas$", "rpn/box"),
    (r"roi_heads\.box_head\.fc1$", "{head}/fc6"), (r"roi_heads\.box_head\.fc2$", "{head}/fc7"),
    (r"roi_heads\.box_predictor\.cls_score$", "{outputs}/class"), (r"roi_heads\.box_predictor\.bbox_pred$", "{outputs}/box"),
    (r"roi_heads\.mask_head\.deconv$", "maskrcnn/deconv"), (r"roi_heads\.mask_head\.predictor$", "maskrcnn/conv"),
]


def convert_head(name, value, fpn):
    """(name, value) of a variable of a head, or None."""
    scope, _, kind = name.rpartition(".")
    stage = re.match(r"roi_heads\.(box_head|box_predictor)\.(\d)\.(.*)$", scope)
    head, outputs = "fastrcnn", "fastrcnn/outputs" if fpn else "fastrcnn"
    if stage:
        head = "cascade_rcnn_stage{}/head".format(int(stage.group(2)) + 1)
        outputs = "cascade_rcnn_stage{}/outputs".format(int(stage.group(2)) + 1)
        scope = "roi_heads.{}.{}".format(stage.group(1), stage.group(3))
    mask = re.match(r"roi_heads\.mask_head\.mask_fcn(\d)$", scope)
    if mask:
        return "maskrcnn/fcn{}/{}".format(int(mask.group(1)) - 1, _letter(kind)), to_layout(name, value)
    for pattern, target in SCOPES:
        if re.match(pattern, scope):
            if target.endswith("outputs}/class"):
                value = background_first(value)
            elif target.endswith("outputs}/box"):
                value = with_background_boxes(value)
            target = re.sub(pattern, target.format(head=head, outputs=outputs), scope)
            return "{}/{}".format(target, _letter(kind)), to_layout(name, value)
    return None


def _letter(kind):
    return {"weight": "W", "bias": "b"}[kind]


def convert_weights(weights, fpn):
    """From detectron2's names to ours.

    Raises:
        ValueError: a name is not known.
    """
    result, left = {}, []
    for name, value in weights.items():
        if "cell_anchors" in name or name.endswith("num_batches_tracked") or name.startswith("pixel_"):
            continue
        converted = convert_backbone(name, np.asarray(value)) or convert_head(name, np.asarray(value), fpn)
        if converted is None:
            left.append(name)
        else:
            result[converted[0]] = converted[1]
    if left:
        raise ValueError("these are not known: {}".format(", ".join(left)))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--d2-config", required=True, metavar="YAML")
    parser.add_argument("--d2-pkl", required=True, metavar="PKL")
    parser.add_argument("--output", required=True, metavar="NPZ")
    args = parser.parse_args()
    words = settings(read_config(args.d2_config))
    print(" ".join("'{}'".format(word) for word in words))
    weights = load_pickle(args.d2_pkl, encoding="latin1")["model"]
    np.savez_compressed(args.output, **convert_weights(weights, "MODE_FPN=True" in words))


if __name__ == "__main__":
    main()
