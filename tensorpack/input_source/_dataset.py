"""`TFDatasetInput`: inputs from a `tf.data.Dataset`, or from a DataFlow made into one."""
from __future__ import annotations

from typing import Any, Iterator, List, Optional, Sequence, Union

from ..callbacks.base import Callback
from ..compat import Dataset
from ..compat import tfv1 as tf
from ..dataflow._flows._told.not_a_flow import what_is_wrong
from ..dataflow._passes import whole_pass
from ..dataflow.base import DataFlow, require_dataflow
from ..utils import logger
from ._feed import DatapointFeed
from ._feedfree import FeedfreeInput


class TFDatasetInput(FeedfreeInput):
    """Inputs from a `tf.data.Dataset`, whose one iterator all towers share; it begins anew with each `reset_state`.

    When the data ends, so does the training; repeat the dataset (`.repeat()`) to train on.

    Args:
        dataset: a dataset, of the class of TensorFlow 1 or 2, made in the graph of the training. Its elements are tuples with
            a component for each input, dicts by input name, or single tensors for a model with one input. Or a DataFlow, which
            is reset when the graph is built and iterated once, in the process's own threads; what it raises is raised by the
            training.

    Raises:
        ValueError: it is neither. At `setup`: its elements are no tuples of the right length, or have shapes that do not fit.
        TypeError: at `setup`, the dtypes are not those of the inputs.
    """

    def __init__(self, dataset: Union[tf.data.Dataset, DataFlow]):
        if not isinstance(dataset, (Dataset, DataFlow)):
            raise ValueError(what_is_wrong("TFDatasetInput", "dataset", dataset, wanted="a tf.data.Dataset or a DataFlow"))
        self.dataset = dataset
        self._flow: Optional[_WatchedFlow] = None

    def _size(self) -> int:
        return super()._size() if self._flow is None else len(self._flow.ds)

    def _setup(self, input_signature: List[tf.TensorSpec]) -> None:
        if isinstance(self.dataset, DataFlow):
            self._flow = _WatchedFlow(self.dataset, DatapointFeed(self._who(), input_signature))
            self.dataset = tf.data.Dataset.from_generator(
                self._flow, tuple(spec.dtype for spec in input_signature), tuple(spec.shape for spec in input_signature))
            self._flow.ds.reset_state()
        self._signature = input_signature
        self._check_dtypes(self._in_order(tf.data.get_output_types(self.dataset)))
        self._check_shapes(self._in_order(tf.data.get_output_shapes(self.dataset)))
        self._iterator = tf.data.make_initializable_iterator(self.dataset)
        logger.info("[TFDatasetInput] Setting up an initializable iterator.")

    def _in_order(self, element: Any) -> List[Any]:
        """The components of an element, in the order of the inputs."""
        names = [spec.name for spec in self._signature]
        if isinstance(element, dict) and set(element) >= set(names):
            return [element[name] for name in names]
        if isinstance(element, (tuple, list)) and len(element) == len(names):
            return list(element)
        if len(names) == 1 and not isinstance(element, (tuple, list, dict)):
            return [element]
        raise ValueError("TFDatasetInput: the elements of the dataset must be tuples with a component for each of the inputs "
                         "{}; got {}".format(names, element))

    def _check_dtypes(self, dtypes: Sequence[tf.DType]) -> None:
        expected = [spec.dtype for spec in self._signature]
        if list(dtypes) != expected:
            raise TypeError("TFDatasetInput: the dataset must have the dtypes of the inputs, {}; got {}; try "
                            "dataset.map with tf.cast".format([d.name for d in expected], [str(d) for d in dtypes]))

    def _check_shapes(self, shapes: Sequence[tf.TensorShape]) -> None:
        for spec, shape in zip(self._signature, shapes):
            if not spec.shape.is_compatible_with(shape):
                raise ValueError("TFDatasetInput: '{}' must have shape {}; got {} in the dataset".format(
                    spec.name, spec.shape, shape))

    def _reset_state(self) -> None:
        self._require_setup("reset_state")
        tf.get_default_session().run(self._iterator.initializer)

    def _get_input_tensors(self) -> List[tf.Tensor]:
        self._require_setup("get_input_tensors")
        with tf.device("/cpu:0"):
            tensors = self._in_order(self._iterator.get_next())
        for tensor, spec in zip(tensors, self._signature):
            tensor.set_shape(spec.shape)
        return tensors

    def _get_callbacks(self) -> List[Callback]:
        return [] if self._flow is None else [_FlowFailure(self._flow)]

    @staticmethod
    def dataflow_to_dataset(df: DataFlow, types: Sequence[tf.DType]) -> tf.data.Dataset:
        """Make a DataFlow, which is reset here, into a dataset of tuples; it ends when the DataFlow does.

        Useful without any input source, too, for example to batch and shuffle with `tf.data`.

        Args:
            df: a DataFlow of lists or tuples.
            types: the dtype of each component.
        """
        require_dataflow("TFDatasetInput.dataflow_to_dataset", "df", df, error=ValueError)
        df.reset_state()
        return tf.data.Dataset.from_generator(lambda: map(tuple, whole_pass(df)), tuple(types))


class _WatchedFlow:
    """Gives the datapoints of a DataFlow to a dataset, and keeps the error that ends them.

    Raised inside a dataset, an error would come out as an operation's, without its class and traceback.
    """

    def __init__(self, ds: DataFlow, feed: DatapointFeed):
        self.ds = ds
        self.exception: Optional[BaseException] = None
        self._feed = feed

    def __call__(self) -> Iterator[Any]:
        self._feed.count = 0
        try:
            for datapoint in whole_pass(self.ds):
                yield tuple(self._feed(datapoint))
            if not self._feed.count:
                raise ValueError("TFDatasetInput: the DataFlow must not be empty; {} yielded nothing in a pass".format(
                    type(self.ds).__name__))
        except Exception as e:
            self.exception = e
            logger.exception("Exception in the DataFlow of TFDatasetInput:")


class _FlowFailure(Callback):
    """Tells the training why the data has ended."""

    def __init__(self, flow: _WatchedFlow):
        self._flow = flow

    def _failure(self) -> Optional[BaseException]:
        return self._flow.exception
