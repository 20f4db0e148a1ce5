"""`scipy.interpolate.interp2d`, which SciPy has up to 1.13."""
from __future__ import annotations

from typing import Any, Optional

import numpy as np

__all__ = ["interp2d"]

_DEGREES = {"linear": 1, "cubic": 3, "quintic": 5}


class interp2d:
    """A spline through values in the plane.

    Args:
        x, y: coordinates of the columns and of the rows of a grid, or of each of the points.
        z: values; of shape (len(y), len(x)), or as many as that, for a grid.
        kind: linear, cubic or quintic.
        copy: accepted and ignored.
        bounds_error: whether a call outside of the points raises ValueError.
        fill_value: for calls outside; default the value of the nearest point inside.
    """

    def __init__(self, x: Any, y: Any, z: Any, kind: str = "linear", copy: bool = True, bounds_error: bool = False,
                 fill_value: Optional[float] = None) -> None:
        if kind not in _DEGREES:
            raise ValueError("interp2d: kind must be linear, cubic or quintic; got {!r}".format(kind))
        x, y, z = np.ravel(x), np.ravel(y), np.asarray(z)
        self.bounds_error, self.fill_value = bounds_error, fill_value
        self.x_min, self.x_max, self.y_min, self.y_max = np.amin(x), np.amax(x), np.amin(y), np.amax(y)
        self.tck = _spline(x, y, z, _DEGREES[kind])
        self.x, self.y, self.z = x, y, z

    def __call__(self, x: Any, y: Any, dx: int = 0, dy: int = 0, assume_sorted: bool = False) -> Any:
        """Values, or derivatives of orders `dx` and `dy`, at a grid: shape (len(y), len(x)), or (len(x),) for one y.

        Coordinates are sorted first.
        """
        from scipy.interpolate import bisplev

        x, y = np.atleast_1d(x), np.atleast_1d(y)
        if x.ndim != 1 or y.ndim != 1:
            raise ValueError("interp2d: x and y must be numbers or of one dimension; got {} and {}".format(x.shape, y.shape))
        if not assume_sorted:
            x, y = np.sort(x), np.sort(y)
        x_outside, y_outside = (x < self.x_min) | (x > self.x_max), (y < self.y_min) | (y > self.y_max)
        if self.bounds_error and (x_outside.any() or y_outside.any()):
            raise ValueError("interp2d: x and y must be within {} and {}".format(
                (self.x_min, self.x_max), (self.y_min, self.y_max)))
        z = np.atleast_2d(bisplev(x, y, self.tck, dx, dy)).reshape(len(x), len(y)).T
        if self.fill_value is not None:
            z[:, x_outside] = self.fill_value
            z[y_outside, :] = self.fill_value
        return np.array(z[0] if len(z) == 1 else z)


def _spline(x: Any, y: Any, z: Any, degree: int) -> Any:
    """(knots of x, knots of y, coefficients, degree of x, degree of y)."""
    from scipy.interpolate import RectBivariateSpline, bisplrep

    if z.size != len(x) * len(y):
        z = np.ravel(z)
        if not len(x) == len(y) == len(z):
            raise ValueError("interp2d: x and y must have the lengths of z, or those of its axes; got {}, {} and {}".format(
                len(x), len(y), z.shape))
        return bisplrep(x, y, z, kx=degree, ky=degree, s=0.0)
    if z.ndim == 2 and z.shape != (len(y), len(x)):
        raise ValueError("interp2d: z must have the shape (len(y), len(x)); got {} for {}".format(z.shape, (len(y), len(x))))
    columns, rows = np.argsort(x), np.argsort(y)
    grid = z.reshape(len(y), len(x))[rows][:, columns]
    spline = RectBivariateSpline(x[columns], y[rows], grid.T, kx=degree, ky=degree, s=0.0)
    return tuple(spline.tck) + tuple(spline.degrees)
