"""Flows as files and as pictures."""
import os

import numpy as np

MAGIC = 202021.25
SEGMENTS = [  # steps from one colour (RGB) to the next, around the wheel
    (15, (1, 0, 0), (1, 1, 0)), (6, (1, 1, 0), (0, 1, 0)), (4, (0, 1, 0), (0, 1, 1)),
    (11, (0, 1, 1), (0, 0, 1)), (13, (0, 0, 1), (1, 0, 1)), (6, (1, 0, 1), (1, 0, 0))]


class Flow:
    """Reads, writes and colours flows [H, W, 2] of (dx, dy)."""

    def __init__(self):
        self.wheel = np.concatenate([
            np.array(first) + np.arange(steps)[:, np.newaxis] / steps * (np.array(second) - first)
            for steps, first, second in SEGMENTS])

    def visualize(self, flow):
        """Hue is direction, saturation speed (Baker et al. 2011, *A Database and Evaluation Methodology for Optical Flow*).

        Returns:
            BGR in [0, 1], float [H, W, 3]: white where nothing moves, full colours at the greatest speed (if it is over 1).
        """
        flow = np.asarray(flow, dtype="float64")
        if flow.ndim != 3 or flow.shape[2] != 2:
            raise ValueError("Flow.visualize: the flow must be [H, W, 2]; got shape {}".format(flow.shape))
        dx, dy = flow[..., 0], flow[..., 1]
        position = (np.arctan2(-dy, -dx) / np.pi + 1) / 2 * (len(self.wheel) - 1)
        first = np.floor(position).astype(int)
        fraction = (position - first)[..., np.newaxis]
        hue = (1 - fraction) * self.wheel[first] + fraction * self.wheel[(first + 1) % len(self.wheel)]
        speed = np.hypot(dx, dy)[..., np.newaxis]
        rgb = 1 - speed / max(speed.max(), 1) * (1 - hue)
        return rgb[..., ::-1]

    @staticmethod
    def read(path):
        """A .flo file as float32 [H, W, 2].

        Raises:
            ValueError: it is none, or not complete.
        """
        with open(path, "rb") as f:
            content = f.read()
        if len(content) < 12 or np.frombuffer(content, "<f4", 1)[0] != MAGIC:
            raise ValueError("Flow.read: {} must be a .flo file, which begins with {}; got another".format(path, MAGIC))
        width, height = (int(size) for size in np.frombuffer(content, "<i4", 2, offset=4))
        expected = 12 + 8 * width * height
        if width <= 0 or height <= 0 or len(content) != expected:
            raise ValueError("Flow.read: {} of {}x{} pixels must have {} bytes; got {}; it is damaged".format(
                path, width, height, expected, len(content)))
        return np.frombuffer(content, "<f4", offset=12).reshape(height, width, 2).astype("float32")

    @staticmethod
    def write(path, flow):
        """Write [H, W, 2] as a .flo file; an existing one is replaced."""
        flow = np.asarray(flow)
        if flow.ndim != 3 or flow.shape[2] != 2:
            raise ValueError("Flow.write: the flow must be [H, W, 2]; got shape {}".format(flow.shape))
        temporary = "{}.{}.tmp".format(path, os.getpid())
        parts = np.array(MAGIC, "<f4"), np.array(flow.shape[1::-1], "<i4"), flow.astype("<f4")
        with open(temporary, "wb") as f:
            f.write(b"".join(part.tobytes() for part in parts))
        os.replace(temporary, path)
