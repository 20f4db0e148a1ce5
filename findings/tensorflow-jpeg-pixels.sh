#!/bin/sh
# tf.image.decode_jpeg gives other pixels than cv2.imread, unless dct_method="INTEGER_ACCURATE", which gives exactly the same.
# The default is the fast, less accurate inverse cosine transform of libjpeg. decode_png and decode_image, which take JPEGs,
# too, have no such argument. A model that was trained on images of OpenCV sees others when it is served by TensorFlow.
# Answered by docs/tutorial/inference.md ("Image files"), examples/basics/export-model.py, tests/tfutils/test_export_jpeg.py.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow-cpu==2.20.0 opencv-python-headless==4.12.0.88 numpy==2.2.6
observe python <<'END'
import cv2
import numpy as np
import tensorflow as tf

print("tensorflow", tf.__version__, "opencv", cv2.__version__)
rng = np.random.RandomState(0)
image = cv2.resize(rng.randint(0, 256, (18, 24, 3)).astype("uint8"), (240, 180), interpolation=cv2.INTER_CUBIC)
cv2.imwrite("image.jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])
read = cv2.imread("image.jpg")[:, :, ::-1].astype(int)
data = tf.io.read_file("image.jpg")
for name, decoded in [
        ("decode_jpeg", tf.image.decode_jpeg(data)),
        ("decode_image", tf.image.decode_image(data)),
        ("decode_jpeg, INTEGER_ACCURATE", tf.image.decode_jpeg(data, dct_method="INTEGER_ACCURATE"))]:
    difference = abs(decoded.numpy() - read).max(axis=2)
    print("{}: {} pixels".format(name, "other" if difference.any() else "the same"))
    print("# {:.0f} % differ, by up to {}".format(100 * (difference > 0).mean(), difference.max()))
END
expect <<'END'
tensorflow 2.20.0 opencv 4.12.0
decode_jpeg: other pixels
decode_image: other pixels
decode_jpeg, INTEGER_ACCURATE: the same pixels
END
