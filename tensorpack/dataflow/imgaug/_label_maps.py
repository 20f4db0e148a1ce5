"""Notices label maps that are augmented as images: interpolation makes labels of them that do not exist."""
from __future__ import annotations

from typing import Any, Dict, Sequence

import numpy as np

from ...utils import logger
from ...utils._text.spec import describe

_WATCHED_DATAPOINTS = 10
_FEWER_VALUES_THAN_IMAGES = 64


class LabelMapWatch:
    """Warns once when a component with few whole numbers came out with others. Looks at the first datapoints only.

    Args:
        who: the flow that augments, for the message.
        indices: positions or keys of the components to watch.
    """

    def __init__(self, who: str, indices: Sequence[Any]):
        self._who = who
        self._indices = list(indices)
        self._left = _WATCHED_DATAPOINTS

    def labels(self, dp: Any) -> Dict[Any, np.ndarray]:
        """The values of each component that may be a label map; to be called before augmentation."""
        if not self._left:
            return {}
        self._left -= 1
        found = {index: np.unique(dp[index]) for index in self._indices if _has_whole_numbers(dp[index])}
        return {index: values for index, values in found.items() if len(values) < _FEWER_VALUES_THAN_IMAGES}

    def compare(self, dp: Any, labels: Dict[Any, np.ndarray]) -> None:
        """To be called with the same datapoint after augmentation, and what `labels` gave."""
        for index, values in labels.items():
            made_up = np.setdiff1d(dp[index], np.append(values, 0))  # 0 is what comes from outside of an image
            if len(made_up):
                self._left = 0
                logger.warning(
                    "%s: component %r had the values %s and came out, as %s, with others, such as %s, since images are "
                    "interpolated. If it is a label map, take it out of index and give segmentation_index=[%r]",
                    self._who, index, ", ".join(map(str, values[:10])), describe(dp[index]), made_up[0], index)
                return


def _has_whole_numbers(component: np.ndarray) -> bool:
    return component.dtype.kind in "iu" and component.size > 0 and (component.ndim == 2 or component.shape[2:] == (1,))
