"""A window that shows an image and answers to keys and clicks."""
from __future__ import annotations

import os
import sys
from typing import Any, Callable, Dict, Optional

import numpy as np

from .. import logger
from ..optional import optional_import

cv2 = optional_import("cv2", needed_by="interactive_imshow", pip="opencv-python")

_WINDOW = "tensorpack_viz_window"
_ZOOM = {"+": 1.3, "=": 1.3, "-": 0.7}
_POLL = 100  # milliseconds between two looks whether the window is still open
_PREFIX = "key_cb_"

ClickCallback = Callable[[np.ndarray, int, int], Any]
KeyCallback = Callable[[np.ndarray], Any]


def interactive_imshow(img: np.ndarray, lclick_cb: Optional[ClickCallback] = None, rclick_cb: Optional[ClickCallback] = None,
                       **kwargs: KeyCallback) -> None:
    """Show an image in a window until the key q is pressed or the window is closed.

    Other keys: x ends the program, s writes the image to `out.png`, + or = and - zoom.

    Args:
        img: uint8 HxW or HxWx3 in BGR.
        lclick_cb, rclick_cb: called as `callback(img, x, y)` when a mouse button is released over a pixel of the image.
        kwargs: `key_cb_X=callback` calls `callback(img)` when the key X is pressed, whatever it does otherwise.

    Raises:
        RuntimeError: there is no display, or OpenCV was built without windows.
    """
    callbacks = {name[len(_PREFIX):]: callback for name, callback in kwargs.items()}
    for name in kwargs:
        if not name.startswith(_PREFIX) or len(name) != len(_PREFIX) + 1:
            raise TypeError("interactive_imshow: keyword arguments must be key_cb_ and one character; got {!r}".format(name))
    _Viewer(img, lclick_cb, rclick_cb, callbacks).run()


class _Viewer:
    def __init__(self, image: np.ndarray, lclick: Optional[ClickCallback], rclick: Optional[ClickCallback],
                 callbacks: Dict[str, KeyCallback]):
        self._image = image
        self._lclick, self._rclick = lclick, rclick
        self._callbacks = callbacks
        self._zoom = 1.0

    def run(self) -> None:
        _open_window()
        cv2.setMouseCallback(_WINDOW, self._on_mouse)
        self._show()
        while cv2.getWindowProperty(_WINDOW, cv2.WND_PROP_VISIBLE) >= 1:
            code = cv2.waitKey(_POLL)
            if 0 <= code < 128 and not self._on_key(chr(code)):
                cv2.destroyWindow(_WINDOW)
                return

    def _show(self) -> None:
        shown = self._image
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
            cv2.imwrite("out.png", self._image)
            logger.info("Wrote %s", os.path.abspath("out.png"))
        elif key in _ZOOM:
            self._zoom *= _ZOOM[key]
            self._show()
        return True

    def _on_mouse(self, event: int, x: int, y: int, *unused: Any) -> None:
        callback = {cv2.EVENT_LBUTTONUP: self._lclick, cv2.EVENT_RBUTTONUP: self._rclick}.get(event)
        if callback is not None:
            callback(self._image, int(x / self._zoom), int(y / self._zoom))


def _open_window() -> None:
    # Asked first, because Qt ends the whole process when it finds no display.
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        raise RuntimeError("interactive_imshow: there must be a display; got neither $DISPLAY nor $WAYLAND_DISPLAY; write the "
                           "image to a file instead, for example by cv2.imwrite or dump_dataflow_images(output_dir=...)")
    try:
        cv2.namedWindow(_WINDOW)
    except cv2.error as e:
        raise RuntimeError("interactive_imshow: OpenCV must be able to open windows; got: {}; opencv-python-headless cannot, "
                           "install opencv-python in its place".format(e)) from e
