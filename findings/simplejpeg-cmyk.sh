#!/bin/sh
# simplejpeg reads and writes the colours of CMYK JPEG files as they are stored; Pillow turns them around, since programs that write such
# files, after Adobe Photoshop, store 255 minus the ink. What one writes is a negative for the other. As RGB both read alike what Pillow
# wrote, as OpenCV does; it hurts where CMYK is asked for, or written for others.
# Answered by decode_image, which leaves CMYK files to OpenCV.
. "$(dirname "$0")/lib/finding.sh"
environment python simplejpeg==1.9.0 pillow==12.0.0 opencv-python-headless==4.12.0.88 numpy==2.2.6
observe python <<'END'
import importlib.metadata
import io

import cv2
import numpy as np
import simplejpeg
from PIL import Image

print("simplejpeg", importlib.metadata.version("simplejpeg"), "pillow", importlib.metadata.version("pillow"), "opencv", cv2.__version__)
ink = [200, 40, 60, 20]
image = np.empty((16, 16, 4), "uint8")
image[:] = ink
file = io.BytesIO()
Image.fromarray(image, "CMYK").save(file, "JPEG", quality=100)
files = {"Pillow": file.getvalue(), "simplejpeg": simplejpeg.encode_jpeg(image, quality=100, colorspace="CMYK", colorsubsampling="444")}


def near(pixel, expected):
    return np.abs(np.int64(pixel) - expected).max() <= 3


for writer, content in files.items():
    opened = Image.open(io.BytesIO(content))
    for reader, pixel in ("Pillow", opened.getpixel((5, 5))), ("simplejpeg", simplejpeg.decode_jpeg(content, "CMYK")[5, 5]):
        word = "the ink" if near(pixel, ink) else "its negative" if near(pixel, 255 - np.array(ink)) else "something else"
        print("CMYK written by {}, read by {}: {}".format(writer, reader, word))
        print("#", list(map(int, pixel)))
    rgb = [np.array(opened.convert("RGB").getpixel((5, 5))), simplejpeg.decode_jpeg(content, "RGB")[5, 5],
           cv2.imdecode(np.frombuffer(content, "uint8"), cv2.IMREAD_COLOR)[5, 5, ::-1]]
    print("RGB of the file by {}: Pillow, simplejpeg and OpenCV {}".format(
        writer, "agree" if near(rgb[1], rgb[0]) and near(rgb[2], rgb[0]) else "differ"))
    print("#", *[each.tolist() for each in rgb])
END
expect <<'END'
simplejpeg 1.9.0 pillow 12.0.0 opencv 4.12.0
CMYK written by Pillow, read by Pillow: the ink
CMYK written by Pillow, read by simplejpeg: its negative
RGB of the file by Pillow: Pillow, simplejpeg and OpenCV agree
CMYK written by simplejpeg, read by Pillow: its negative
CMYK written by simplejpeg, read by simplejpeg: the ink
RGB of the file by simplejpeg: Pillow, simplejpeg and OpenCV agree
END
