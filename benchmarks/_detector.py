"""The small Mask R-CNN of `examples/FasterRCNN` with random weights, which detects as many boxes as it may."""
import os
import sys

from _harness import ROOT


def config_and_image(folder):
    """A config for prediction, and a drawn image, float32 [height, width, 3], for it; `folder` is written to."""
    sys.path.insert(0, os.path.join(ROOT, "examples", "FasterRCNN"))
    import shapes
    from config import config as cfg
    from config import finalize_configs
    from data import read_image
    from eval import resize_for_prediction
    from modeling.generalized_rcnn import ResNetFPNModel
    from predict import predict_config

    shapes.draw_dataset(folder, "shapes_val", 1, seed=1)
    cfg.update_args(shapes.SMALL_NETWORK + ["DATA.BASEDIR=" + folder, "DATA.NUM_WORKERS=0"])
    shapes.register_shapes(folder)
    finalize_configs(is_training=False)
    model = ResNetFPNModel()
    name = shapes.DatasetRegistry.get("shapes_val").inference_roidbs()[0]["file_name"]
    return predict_config(model, shapes.random_weights(model)), resize_for_prediction(read_image(name)).astype("float32")
