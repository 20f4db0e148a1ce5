"""What the session computes for example inputs: the truth that exports are compared with."""
from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from ....compat import tfv1 as tf
from ....utils import logger
from ..._inference import InferenceGraph
from ...dependency import ancestors
from .examples import Example, given, usable
from .repeatable import unrepeatable

# A loop that ends on the user's data need not end on drawn values.
_TIME_LIMIT = 20  # seconds
_NOISE = 1e-6  # of the largest value
_NOISY_RUNS = 2
_SOURCES = ("Const", "VarHandleOp", "VariableV2", "Variable", "ReadVariableOp", "Placeholder")


class Trial(NamedTuple):
    """Examples, and for each the values of those outputs that can be compared."""

    examples: List[Example]
    expected: List[Dict[int, np.ndarray]]


class Reference:
    """Runs an inference graph in its session.

    Args:
        who: the function to name in errors and in the log.
        built: the graph.
        names: names of all inputs of the config.
        needed: names of those that the export has.
        example: what the user gave to try it with, None to draw.

    Raises:
        TypeError, ValueError: the given example does not fit the inputs.
    """

    def __init__(self, who: str, built: InferenceGraph, names: Sequence[str], needed: Sequence[str], example: Any):
        self.who = who
        self.built = built
        self._needed = needed
        self._is_closed = False
        self._given = None if example is None else given(who, example, names, needed, built.inputs)

    def trial(self, tables: Sequence[str], batch: Optional[int], spare: Sequence[Example] = ()) -> Optional[Trial]:
        """What to try the export with, None with a line in the log if there is nothing.

        Args:
            tables: operations that fill the lookup tables.
            batch: the size of the batch if the format allows just one.
            spare: examples that the model takes, for one that refuses drawn ones.
        """
        compared = self._compared()
        if not compared:
            return None
        fetches = [self.built.outputs[i] for i in compared]
        self.built.sess.run(list(tables))
        if self._given is not None:
            return self._trial_of([self._given], compared)
        found = usable(lambda each: self.run(fetches, each), self.built.inputs, batch)
        if not found and spare:
            return self._trial_of(spare, compared)
        if not found:
            logger.warning("%s: nothing is proven, as the model refuses inputs drawn from its signature; pass example=[...], "
                           "an array for each of %s.", self.who, ", ".join(map(repr, self._needed)))
            return None
        return Trial([each for each, _ in found], [dict(zip(compared, result)) for _, result in found])

    def trial_of(self, trial: Trial, examples: Sequence[Example]) -> Trial:
        """The example that was given, or else these ones, for the outputs that `trial` has; without any, `trial` itself."""
        if self._given is not None or not examples:
            return trial
        return self._trial_of(examples, sorted(trial.expected[0]))

    def _trial_of(self, examples: Sequence[Example], compared: Sequence[int]) -> Trial:
        fetches = [self.built.outputs[i] for i in compared]
        return Trial(list(examples), [dict(zip(compared, self.run(fetches, each))) for each in examples])

    def close(self) -> None:
        """Close the session; what `trial` has returned stays, and outputs have to be equal without regard to noise."""
        self.built.sess.close()
        self._is_closed = True

    def run(self, fetches: Sequence[tf.Tensor], example: Example) -> List[np.ndarray]:
        """The values of tensors for an example."""
        options = tf.RunOptions(timeout_in_ms=_TIME_LIMIT * 1000)
        values: List[np.ndarray] = self.built.sess.run(list(fetches), self._feed(example), options=options)
        return values

    def value(self, op: str, example: Example) -> Optional[np.ndarray]:
        """The value of output 0 of an operation, None if it cannot be fetched."""
        try:
            return np.asarray(self.run([self.built.graph.get_tensor_by_name(op + ":0")], example)[0])
        except (KeyError, ValueError, TypeError, tf.errors.OpError):
            return None

    def noisy(self, output: int, example: Example) -> List[np.ndarray]:
        """The values of an output from inputs with noise in their last digits; none if there is no place for noise."""
        tensor = self.built.outputs[output]
        places = self._places_for_noise(tensor)
        random = np.random.RandomState(0)
        results: List[np.ndarray] = []
        try:
            for _ in range(_NOISY_RUNS if places and not self._is_closed else 0):
                feed = self._feed(example)
                values = self.built.sess.run(places, feed)
                feed.update({place: _with_noise(random, value) for place, value in zip(places, values)})
                results.append(self.built.sess.run(tensor, feed))
        except (tf.errors.OpError, ValueError):  # noise in what becomes a shape
            return []
        return results

    def _feed(self, example: Example) -> Dict[Any, np.ndarray]:
        return dict(zip(self.built.inputs, example))

    def _compared(self) -> List[int]:
        left_out = unrepeatable(self.built.inputs, self.built.outputs)
        if left_out:
            logger.warning("%s: not compared, as each run may give something else: %s.", self.who, ", ".join(
                "{} (by {})".format(self.built.output_names[i], name) for i, name in sorted(left_out.items())))
        return [i for i in range(len(self.built.outputs)) if i not in left_out]

    def _places_for_noise(self, output: tf.Tensor) -> List[tf.Tensor]:
        """Float inputs, and floats that are made of integers."""
        places = [tensor for tensor in self.built.inputs if tensor.dtype.is_floating]
        for op in ancestors([output], self.built.inputs):
            if op.type not in _SOURCES and op.inputs and not any(each.dtype.is_floating for each in op.inputs):
                places.extend(each for each in op.outputs if each.dtype.is_floating and each.graph.is_feedable(each))
        return places


def _with_noise(random: np.random.RandomState, value: np.ndarray) -> np.ndarray:
    value = np.asarray(value)
    scale = np.abs(value.astype("float64")).max(initial=0) * _NOISE
    return np.asarray(value + np.asarray(random.uniform(-scale, scale, value.shape))).astype(value.dtype)

