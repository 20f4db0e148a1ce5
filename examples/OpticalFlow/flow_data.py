"""Pairs of images, and the flows that belong to them, cut to sizes that the networks take."""
import glob
import os
import re

import cv2
from helper import Flow

from tensorpack.dataflow import DataFromList, MapData


def crop(image, height, width):
    """The middle of an image or flow."""
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top:top + height, left:left + width]


def crop_size(image, path):
    """Height and width of an image, each the next multiple of 64 below."""
    height, width = (size // 64 * 64 for size in image.shape[:2])
    if not height or not width:
        raise ValueError("{} must be of at least 64x64 pixels; got {}x{}; enlarge the images".format(
            path, image.shape[1], image.shape[0]))
    return height, width


def read_images(paths):
    """BGR images of one size.

    Raises:
        ValueError: one is missing or no image, or has another size than the first.
    """
    images = [cv2.imread(path, cv2.IMREAD_COLOR) for path in paths]
    for path, image in zip(paths, images):
        if image is None:
            raise ValueError("{} must be an image; {}".format(
                path, "OpenCV cannot read it" if os.path.exists(path) else "there is no such file"))
        if image.shape != images[0].shape:
            raise ValueError("{} must be as large as {}, {}x{}; got {}x{}".format(
                path, paths[0], images[0].shape[1], images[0].shape[0], image.shape[1], image.shape[0]))
    return images


def read_flow(path, image):
    """The flow in a .flo file, which must be of the size of its image."""
    flow = Flow.read(path)
    if flow.shape[:2] != image.shape[:2]:
        raise ValueError("{} must be of the size of the images, {}x{}; got {}x{}".format(
            path, image.shape[1], image.shape[0], flow.shape[1], flow.shape[0]))
    return flow


def sintel_frames(folder):
    """(image, next image, flow) file names below `folder`, as MPI Sintel's training set lays them out, in order.

    Raises:
        ValueError: there is none, or an image is missing.
    """
    def number(path):
        return int(re.findall(r"\d+", os.path.basename(path))[-1])

    flows = glob.glob(os.path.join(glob.escape(folder), "flow", "*", "frame_*.flo"))
    if not flows:
        raise ValueError("{} must have flow/<scene>/frame_0001.flo and so on; got none; give the folder `training` of MPI "
                         "Sintel".format(folder))
    frames = []
    for path in sorted(flows, key=lambda path: (os.path.dirname(path), number(path))):
        images = os.path.join(folder, "clean", os.path.basename(os.path.dirname(path)))
        frames.append([os.path.join(images, "frame_{:04d}.png".format(number(path) + k)) for k in (0, 1)] + [path])
        for image in frames[-1][:2]:
            if not os.path.exists(image):
                raise ValueError("{} needs the image {}; there is no such file".format(path, image))
    return frames


def sintel(folder):
    """A DataFlow of [image, next image, flow], uncropped."""
    def read(frame):
        images = read_images(frame[:2])
        return images + [read_flow(frame[2], images[0])]

    return MapData(DataFromList(sintel_frames(folder), shuffle=False), read)
