"""The images in TensorBoard's event files: the last one of each tag."""
from __future__ import annotations

import glob
import os
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from ...utils.optional import optional_import

_loader = optional_import("tensorboard.backend.event_processing.event_file_loader", needed_by="tensorpack-report",
                          pip="tensorboard")
_TYPES = ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"))


class Image(NamedTuple):
    """A summary of images: name, global step, "png", "jpeg" or "gif", and the encoded bytes."""

    tag: str
    step: int
    kind: str
    content: bytes


def read_images(folder: str) -> Tuple[List[Image], List[str]]:
    """The last image of each tag in the event files of a directory, by tag; and what could not be read, in sentences."""
    images: Dict[str, Image] = {}
    problems = []
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "events.out.tfevents.*"))):
        try:
            for image in _images(path):
                if image.tag not in images or image.step >= images[image.tag].step:
                    images[image.tag] = image
        except ImportError as e:
            return [], ["The images of the event files are left out: {}.".format(e)]
        except Exception as e:  # each version has an error of its own for a file that is cut off
            problems.append("{} is damaged, or cut off in its middle ({}).".format(os.path.basename(path), type(e).__name__))
    return [images[tag] for tag in sorted(images)], problems


def _images(path: str) -> Iterator[Image]:
    for event in _loader.EventFileLoader(path).Load():
        for value in event.summary.value:
            for content in _encoded(value):
                kind = next((kind for begin, kind in _TYPES if content.startswith(begin)), None)
                if kind:
                    yield Image(value.tag, event.step, kind, content)


def _encoded(value: Any) -> List[bytes]:
    """The encoded image of a summary, which newer versions of the reader make a tensor of: width, height, images."""
    if value.HasField("image"):
        return [value.image.encoded_image_string]
    if value.HasField("tensor") and value.metadata.plugin_data.plugin_name == "images":
        return list(value.tensor.string_val[2:3])
    return []
