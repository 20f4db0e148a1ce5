#!/bin/sh
# The warps of OpenCV 5 interpolate exactly, up to rounding to whole gray levels. Those of OpenCV 4 do not: pixels of uint8 images
# are some gray levels (5.68 here) away from the interpolated value, so warped images differ between the two: 60 % of the pixels of
# noise, by up to 6. Nearest-neighbour warps choose another neighbour for 0.2 % of the pixels. Resizing uint8 images is the same.
# Answered by docs/notes/compatibility.md ("What differs between OpenCV 4 and 5").
. "$(dirname "$0")/lib/finding.sh"
cat > "$FOLDER/warp.py" <<'END'
import cv2
import numpy as np

image = np.random.RandomState(0).randint(0, 256, (96, 128)).astype("uint8")
matrix = cv2.invertAffineTransform(cv2.getRotationMatrix2D((64, 48), 17, 1.1))
x, y = np.meshgrid(np.arange(128.), np.arange(96.))
x, y = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2], matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
column, row = np.floor(x).astype(int), np.floor(y).astype(int)
inside = (column >= 0) & (row >= 0) & (column < 127) & (row < 95)
right, below = (x - column)[inside], (y - row)[inside]
column, row = column[inside], row[inside]
exact = ((image[row, column] * (1 - right) + image[row, column + 1] * right) * (1 - below) +
         (image[row + 1, column] * (1 - right) + image[row + 1, column + 1] * right) * below)


def warp(flags):
    return cv2.warpAffine(image, matrix, (128, 96), flags=flags | cv2.WARP_INVERSE_MAP)


away = abs(warp(cv2.INTER_LINEAR)[inside] - exact)
print("opencv {}: linear warp within one gray level of the exact value: {}".format(cv2.__version__, away.max() < 1))
print("# {:.2f} at most".format(away.max()))
np.savez(cv2.__version__, linear=warp(cv2.INTER_LINEAR), cubic=warp(cv2.INTER_CUBIC), nearest=warp(cv2.INTER_NEAREST),
         resize=cv2.resize(image, (77, 51), interpolation=cv2.INTER_LINEAR))
END
for version in 4.12.0.88 4.14.0.94 5.0.0.93; do
    environment "opencv-$version" "opencv-python-headless==$version" numpy==2.2.6
    observe "opencv-$version" < "$FOLDER/warp.py"
done
observe opencv-5.0.0.93 <<'END'
import numpy as np

old, new = np.load("4.14.0.npz"), np.load("5.0.0.npz")
for name in old.files:
    different = old[name] != new[name]
    print("{}: 4.14.0 and 5.0.0 give {} pixels".format(name, "other" if different.any() else "the same"))
    print("# {:.1f} % differ, by up to {}".format(100 * different.mean(), abs(old[name].astype(int) - new[name]).max()))
END
expect <<'END'
opencv 4.12.0: linear warp within one gray level of the exact value: False
opencv 4.14.0: linear warp within one gray level of the exact value: False
opencv 5.0.0: linear warp within one gray level of the exact value: True
linear: 4.14.0 and 5.0.0 give other pixels
cubic: 4.14.0 and 5.0.0 give other pixels
nearest: 4.14.0 and 5.0.0 give other pixels
resize: 4.14.0 and 5.0.0 give the same pixels
END
