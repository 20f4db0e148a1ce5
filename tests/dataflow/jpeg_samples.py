"""A catalogue of image files as encoders write them, and files that are damaged."""
import io
import struct

import cv2
import numpy as np
from PIL import Image


def photo(h=118, w=151, seed=0):
    """Smooth shapes with some noise; the size is no multiple of that of a block."""
    rng = np.random.RandomState(seed)
    image = cv2.resize(rng.uniform(0, 255, (7, 9, 3)), (w, h), interpolation=cv2.INTER_CUBIC) + 8 * rng.randn(h, w, 3)
    return np.clip(image, 0, 255).astype("uint8")


def jpeg(image, *flags):
    return cv2.imencode(".jpg", image, list(flags))[1].tobytes()


def by_pil(image, kind="jpeg", mode=None, **options):
    file = io.BytesIO()
    image = Image.fromarray(image)
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def exif(value, order=">", kind=3, count=1, num_entries=1):
    """EXIF data with an orientation."""
    mark = {">": b"MM\0*", "<": b"II*\0"}[order]
    entry = struct.pack(order + "HHIHH", 0x112, kind, count, value, 0)
    return b"Exif\0\0" + mark + struct.pack(order + "IH", 8, num_entries) + entry * num_entries + bytes(4)


def with_segment(content, data, number=0xe1):
    return content[:2] + bytes([0xff, number]) + struct.pack(">H", len(data) + 2) + data + content[2:]


def with_size(content, h, w):
    """The file with another size in its header."""
    at = max(content.find(b"\xff\xc0\0\x11\x08"), content.find(b"\xff\xc2\0\x11\x08")) + 5
    return content[:at] + struct.pack(">HH", h, w) + content[at + 4:]


def catalogue():
    """Name -> bytes of all kinds of files that are whole."""
    image = photo()
    gray = image[:, :, 0]
    plain = jpeg(image)
    found = {"plain": plain, "gray": jpeg(gray), "gray, progressive": jpeg(gray, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)}
    for name, factor in (("411", 0x411111), ("420", 0x221111), ("422", 0x211111), ("440", 0x121111), ("444", 0x111111)):
        for progressive in (0, 1):
            found["{} {}".format(name, "progressive" if progressive else "baseline")] = jpeg(
                image, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    for quality in (5, 50, 100):
        found["quality {}".format(quality)] = jpeg(image, cv2.IMWRITE_JPEG_QUALITY, quality)
    for h, w in ((1, 1), (2, 9), (8, 8), (17, 1), (16, 33), (33, 16)):
        found["{}x{}".format(h, w)] = jpeg(photo(h, w))
    found["restarts"] = jpeg(image, cv2.IMWRITE_JPEG_RST_INTERVAL, 3)
    found["optimised"] = jpeg(image, cv2.IMWRITE_JPEG_OPTIMIZE, 1)
    for mode in ("CMYK", "L", "RGB"):
        for progressive in (False, True):
            found["PIL {} {}".format(mode, progressive)] = by_pil(image, mode=mode, progressive=progressive, quality=80)
    # Without the mark of Adobe that says so, three components named R, G, B are colours already.
    found["named RGB"] = found["444 baseline"].replace(
        b"\x01\x11\0\x02\x11\x01\x03\x11\x01", b"R\x11\0G\x11\x01B\x11\x01").replace(
            b"\x03\x01\0\x02\x11\x03\x11", b"\x03R\0G\x11B\x11")
    found["named RGB"] = found["named RGB"][:2] + found["named RGB"][20:]  # nor a header of JFIF
    for order in "<>":
        for value in range(10):
            found["EXIF {}{}".format(value, order)] = with_segment(plain, exif(value, order))
    found["EXIF gray"] = with_segment(jpeg(gray), exif(6))
    found["EXIF progressive"] = with_segment(found["420 progressive"], exif(8, "<"))
    found["EXIF of two"] = with_segment(with_segment(plain, exif(3)), exif(6))
    found["EXIF twice in one"] = with_segment(plain, exif(6, num_entries=2))
    found["EXIF as a long"] = with_segment(plain, exif(6, "<", kind=4))
    found["EXIF with two values"] = with_segment(plain, exif(6, count=2))
    found["EXIF cut off"] = with_segment(plain, exif(6)[:20])
    found["EXIF of no order"] = with_segment(plain, exif(6).replace(b"MM", b"XX"))
    found["thumbnail"] = with_segment(plain, b"Exif\0\0" + jpeg(photo(20, 30)))
    found["comment"] = with_segment(plain, b"\xff\xd8\xff\xc0 words", 0xfe)
    found["fill bytes"] = plain[:2] + b"\xff\xff" + plain[2:]
    found["bytes behind the end"] = plain + b"film \xff\xd8\xff\xc0"
    found["PNG"] = cv2.imencode(".png", image)[1].tobytes()
    found["PNG gray"] = cv2.imencode(".png", gray)[1].tobytes()
    found["PNG 16 bits"] = cv2.imencode(".png", image.astype("uint16") * 257)[1].tobytes()
    found["PNG alpha"] = cv2.imencode(".png", np.dstack([image, gray]))[1].tobytes()
    found["PNG palette"] = by_pil(image, "png", mode="P")
    found["WebP"] = cv2.imencode(".webp", image)[1].tobytes()
    found["BMP"] = cv2.imencode(".bmp", image)[1].tobytes()
    found["TIFF"] = cv2.imencode(".tiff", image)[1].tobytes()
    return found


def damaged():
    """Name -> bytes of JPEGs that are damaged in a way that leaves something."""
    found = {}
    for name, flags in (("baseline", []), ("progressive", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
                        ("restarts", [cv2.IMWRITE_JPEG_RST_INTERVAL, 3])):
        content = jpeg(photo(), *flags)
        for part in (0.3, 0.6, 0.95):
            found["{}, {} of it".format(name, part)] = content[:int(part * len(content))]
        found[name + ", without its mark"] = content[:-2]
        found[name + ", half a mark"] = content[:-1]
    found["turned"] = with_segment(found["baseline, 0.6 of it"], exif(6))
    return found
