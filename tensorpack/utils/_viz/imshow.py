"""A window that shows an image and answers to keys and clicks; where none can be opened, a file with the image."""
from __future__ import annotations

import collections
import itertools
import os
import sys
from typing import Any, Callable, Dict, Iterator, Optional

import numpy as np

from .. import logger
from ..argtools import log_once
from ..optional import optional_import
from .canvas import as_pixels

cv2 = optional_import("cv2", needed_by="interactive_imshow", pip="opencv-python")

_WINDOW = "tensorpack_viz_window"
_ZOOM = {"+": 1.3, "=": 1.3, "-": 0.7}
_POLL = 100  # milliseconds between two looks whether the window is still open
_PREFIX = "key_cb_"

# directory -> numbers of the files that go there
_file_numbers: Dict[str, Iterator[int]] = collections.defaultdict(lambda: itertools.count(1))

ClickCallback = Callable[[np.ndarray, int, int], Any]
KeyCallback = Callable[[np.ndarray], Any]


def interactive_imshow(img: np.ndarray, lclick_cb: Optional[ClickCallback] = None, rclick_cb: Optional[ClickCallback] = None,
                       **kwargs: KeyCallback) -> None:
    """Show an image in a window until the key q is pressed or the window is closed.

    Other keys: x ends the program, s writes the image to `out.png`, + or = and - zoom.

    Where no window can be opened, because there is no display or OpenCV was built without windows, the image is written to
    `imshow-001.png`, `imshow-002.png`, ... in the directory of `logger.set_logger_dir`, or else in the working directory; the
    log says where, callbacks are not called, and the program goes on.

    Args:
        img: HxW or HxWx3 in BGR, integers in [0, 255] or floats in [0, 1].
        lclick_cb, rclick_cb: called as `callback(img, x, y)` when a mouse button is released over a pixel of the image.
        kwargs: `key_cb_X=callback` calls `callback(img)` when the key X is pressed, whatever it does otherwise.

    Raises:
        OSError: there is no window, and the file cannot be written either.
    """
    callbacks = {name[len(_PREFIX):]: callback for name, callback in kwargs.items()}
    for name in kwargs:
        if not name.startswith(_PREFIX) or len(name) != len(_PREFIX) + 1:
            raise TypeError("interactive_imshow: keyword arguments must be key_cb_ and one character; got {!r}".format(name))
    obstacle = _open_window()
    if obstacle is None:
        _Viewer(img, lclick_cb, rclick_cb, callbacks).run()
    else:
        log_once("interactive_imshow: {}; images are written to files instead".format(obstacle), "warning")
        logger.info("interactive_imshow: wrote %s", _write_to_new_file(_displayed(img)))


class _Viewer:
    def __init__(self, image: np.ndarray, lclick: Optional[ClickCallback], rclick: Optional[ClickCallback],
                 callbacks: Dict[str, KeyCallback]):
        self._image = image
        self._pixels = _displayed(image)
        self._lclick, self._rclick = lclick, rclick
        self._callbacks = callbacks
        self._zoom = 1.0

    def run(self) -> None:
        cv2.setMouseCallback(_WINDOW, self._on_mouse)
        self._show()
        while cv2.getWindowProperty(_WINDOW, cv2.WND_PROP_VISIBLE) >= 1:
            code = cv2.waitKey(_POLL)
            if 0 <= code < 128 and not self._on_key(chr(code)):
                cv2.destroyWindow(_WINDOW)
                return

    def _show(self) -> None:
        shown = self._pixels
        if self._zoom != 1:
            shown = cv2.resize(shown, None, fx=self._zoom, fy=self._zoom)
        cv2.imshow(_WINDOW, shown)

    def _on_key(self, key: str) -> bool:
        """Answer to a key; whether the window shall stay."""
        if key in self._callbacks:
            self._callbacks[key](self._image)
        elif key == "q":
            return False
        elif key == "x":
            sys.exit()
        elif key == "s":
            cv2.imwrite("out.png", self._pixels)
            logger.info("Wrote %s", os.path.abspath("out.png"))
        elif key in _ZOOM:
            self._zoom *= _ZOOM[key]
            self._show()
        return True

    def _on_mouse(self, event: int, x: int, y: int, *unused: Any) -> None:
        callback = {cv2.EVENT_LBUTTONUP: self._lclick, cv2.EVENT_RBUTTONUP: self._rclick}.get(event)
        if callback is not None:
            callback(self._image, int(x / self._zoom), int(y / self._zoom))


def _displayed(image: np.ndarray) -> np.ndarray:
    """As uint8; windows and files take different kinds of images, and not the same ones in each version of OpenCV."""
    if image.dtype == np.uint8:
        return image
    return as_pixels(image if image.dtype.kind in "iu" else image * np.float32(255))


def _open_window() -> Optional[str]:
    """What is in the way, or None."""
    # Asked first, because Qt ends the whole process when it finds no display.
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        return "there is no display ($DISPLAY and $WAYLAND_DISPLAY are not set)"
    try:
        cv2.namedWindow(_WINDOW)
    except cv2.error:
        return ("OpenCV cannot open a window; opencv-python-headless never can, install opencv-python in its place, and make "
                "sure that the display can be reached")
    return None


def _write_to_new_file(image: np.ndarray) -> str:
    """Path of the file."""
    directory = logger.get_logger_dir() or os.getcwd()
    while True:
        path = os.path.join(directory, "imshow-{:03d}.png".format(next(_file_numbers[directory])))
        try:
            with open(path, "xb") as f:
                f.write(cv2.imencode(".png", image)[1].tobytes())
            return path
        except FileExistsError:
            continue  # of an earlier run, or of another process
