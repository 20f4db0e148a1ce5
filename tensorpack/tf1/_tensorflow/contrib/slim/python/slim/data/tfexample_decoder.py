"""Items out of serialized `tf.train.Example`s: `slim.tfexample_decoder`.

A `TFExampleDecoder` parses the features of an example; a handler for each item makes its tensor of some of them.
"""
from __future__ import annotations

import abc
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Union

from ........compat import tfv1 as tf
from .data_decoder import DataDecoder

__all__ = [
    "BackupHandler", "BoundingBox", "Image", "ItemHandler", "ItemHandlerCallback", "LookupTensor", "SparseTensor",
    "TFExampleDecoder", "Tensor",
]

Features = Mapping[str, Any]  # name of a feature -> dense or sparse tensor


class ItemHandler(abc.ABC):
    """Makes an item of the features `keys`."""

    def __init__(self, keys: Union[str, Sequence[str]]):
        self._keys = list(keys) if isinstance(keys, (tuple, list)) else [keys]

    @property
    def keys(self) -> List[Any]:
        """The names of the features that it takes."""
        return self._keys

    @abc.abstractmethod
    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        """The item."""


class ItemHandlerCallback(ItemHandler):
    """The item is what `func` returns of {name of a feature: tensor}."""

    def __init__(self, keys: Union[str, Sequence[str]], func: Callable[[Features], Any]):
        super().__init__(keys)
        self._func = func

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        return self._func(keys_to_tensors)


class BoundingBox(ItemHandler):
    """Boxes [boxes, 4] of four features, by default `ymin`, `xmin`, `ymax`, `xmax`, each with `prefix` before its name.

    Raises:
        ValueError: there are not four keys.
    """

    def __init__(self, keys: Optional[Sequence[str]] = None, prefix: str = ""):
        keys = ["ymin", "xmin", "ymax", "xmax"] if keys is None else list(keys)
        if len(keys) != 4:
            raise ValueError("BoundingBox: keys must be 4 names; got {}".format(keys))
        super().__init__([prefix + key for key in keys])

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        sides = [keys_to_tensors[key] for key in self.keys]
        return tf.stack([side.values if isinstance(side, tf.SparseTensor) else side for side in sides], axis=-1)


class Tensor(ItemHandler):
    """A dense tensor of one feature.

    Args:
        shape_keys: features that hold the shape.
        shape: the shape; else that of the feature.
        default_value: of what a sparse feature lacks.

    Raises:
        ValueError: the shape is given in both ways.
    """

    def __init__(self, tensor_key: str, shape_keys: Union[None, str, Sequence[str]] = None, shape: Any = None,
                 default_value: Any = 0):
        if shape_keys and shape is not None:
            raise ValueError("Tensor: only one of shape_keys and shape can be given; got {!r} and {!r}".format(
                shape_keys, shape))
        self._tensor_key, self._shape, self._default_value = tensor_key, shape, default_value
        self._shape_keys = [shape_keys] if isinstance(shape_keys, str) else list(shape_keys or [])
        super().__init__([tensor_key] + self._shape_keys)

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        tensor, shape = keys_to_tensors[self._tensor_key], self._shape
        if self._shape_keys:
            shape = tf.reshape(tf.stack([_dense(keys_to_tensors[key]) for key in self._shape_keys]), [-1])
        if isinstance(tensor, tf.SparseTensor):
            return _dense(tensor if shape is None else tf.sparse_reshape(tensor, shape), self._default_value)
        return tensor if shape is None else tf.reshape(tensor, shape)


def _dense(tensor: Any, default_value: Any = 0) -> Any:
    return tf.sparse_tensor_to_dense(tensor, default_value) if isinstance(tensor, tf.SparseTensor) else tensor


class LookupTensor(Tensor):
    """As `Tensor`, looked up in a table."""

    def __init__(self, tensor_key: str, table: Any, shape_keys: Union[None, str, Sequence[str]] = None, shape: Any = None,
                 default_value: Any = ""):
        super().__init__(tensor_key, shape_keys, shape, default_value)
        self._table = table

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        return self._table.lookup(super().tensors_to_item(keys_to_tensors))


class BackupHandler(ItemHandler):
    """The item of one handler, or, where that is empty, of another.

    Raises:
        ValueError: one of both is no handler.
    """

    def __init__(self, handler: ItemHandler, backup: ItemHandler):
        for name, each in (("handler", handler), ("backup", backup)):
            if not isinstance(each, ItemHandler):
                raise ValueError("BackupHandler: {} must be an ItemHandler; got {!r}".format(name, each))
        self._handler, self._backup = handler, backup
        super().__init__(handler.keys + backup.keys)

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        item = self._handler.tensors_to_item(keys_to_tensors)
        return tf.cond(tf.equal(tf.size(item), 0), lambda: self._backup.tensors_to_item(keys_to_tensors), lambda: item)


class SparseTensor(ItemHandler):
    """A sparse tensor whose last indices are the values of the feature `indices_key`.

    Args:
        shape_key, shape: of the tensor; that of the feature of indices by default.
        densify: give a dense tensor, with `default_value` where there is nothing.
    """

    def __init__(self, indices_key: Optional[str] = None, values_key: Optional[str] = None, shape_key: Optional[str] = None,
                 shape: Any = None, densify: bool = False, default_value: Any = 0):
        self._indices_key, self._values_key = indices_key or "indices", values_key or "values"
        self._shape_key, self._shape = shape_key, shape
        self._densify, self._default_value = densify, default_value
        super().__init__([self._indices_key, self._values_key] + ([shape_key] if shape_key else []))

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        indices, values = keys_to_tensors[self._indices_key], keys_to_tensors[self._values_key]
        if self._shape_key:
            shape = _dense(keys_to_tensors[self._shape_key])
        else:
            shape = self._shape or indices.dense_shape
        last = tf.reshape(tf.cast(indices.values, tf.int64), [-1, 1])
        tensor = tf.SparseTensor(tf.concat([indices.indices[:, :-1], last], 1), values.values, shape)
        return _dense(tensor, self._default_value) if self._densify else tensor


class Image(ItemHandler):
    """An image [height, width, channels]: JPEG, PNG, GIF, BMP, or raw bytes where the format is `raw` or `RAW`.

    Args:
        image_key, format_key: features of the encoded image and of its format; `image/encoded` and `image/format` by default.
        shape: of the image, if it is known; raw bytes need it.
        repeated: the feature holds several images, which are stacked; they must have one size.
        dct_method: of the JPEG decoder.
    """

    def __init__(self, image_key: Optional[str] = None, format_key: Optional[str] = None, shape: Any = None,
                 channels: int = 3, dtype: Any = tf.uint8, repeated: bool = False, dct_method: str = ""):
        self._image_key, self._format_key = image_key or "image/encoded", format_key or "image/format"
        self._shape, self._channels, self._dtype = shape, channels, dtype
        self._repeated, self._dct_method = repeated, dct_method
        super().__init__([self._image_key, self._format_key])

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        image_buffer, image_format = keys_to_tensors[self._image_key], keys_to_tensors[self._format_key]
        if self._repeated:
            return tf.map_fn(lambda each: self._decode(each, image_format), image_buffer, dtype=self._dtype)
        return self._decode(image_buffer, image_format)

    def _decode(self, image_buffer: Any, image_format: Any) -> Any:
        is_raw = tf.logical_or(tf.equal(image_format, "raw"), tf.equal(image_format, "RAW"))
        image = tf.cond(is_raw, lambda: tf.decode_raw(image_buffer, out_type=self._dtype),
                        lambda: tf.cond(tf.image.is_jpeg(image_buffer), lambda: self._decode_jpeg(image_buffer),
                                        lambda: self._decode_other(image_buffer)))
        image.set_shape([None, None, self._channels])
        return image if self._shape is None else tf.reshape(image, self._shape)

    def _decode_jpeg(self, image_buffer: Any) -> Any:
        image = tf.image.decode_jpeg(image_buffer, channels=self._channels, dct_method=self._dct_method)
        return tf.cast(image, self._dtype)

    def _decode_other(self, image_buffer: Any) -> Any:
        return tf.cast(tf.image.decode_image(image_buffer, channels=self._channels), self._dtype)


class TFExampleDecoder(DataDecoder):
    """Decodes serialized examples.

    Args:
        keys_to_features: {name: `tf.FixedLenFeature` or another of `tf.parse_single_example`}.
        items_to_handlers: {name of the item: `ItemHandler`}.
    """

    def __init__(self, keys_to_features: Mapping[str, Any], items_to_handlers: Mapping[str, ItemHandler]):
        self._keys_to_features, self._items_to_handlers = keys_to_features, items_to_handlers

    def list_items(self) -> List[str]:
        return list(self._items_to_handlers)

    def decode(self, serialized_example: Any, items: Optional[Sequence[str]] = None) -> List[Any]:
        """The items (all by default) of a scalar string."""
        example: Dict[str, Any] = tf.parse_single_example(serialized_example, dict(self._keys_to_features))
        for key in sorted(self._keys_to_features):
            feature = self._keys_to_features[key]
            if isinstance(feature, tf.FixedLenFeature):
                example[key] = tf.reshape(example[key], feature.shape)
        handlers = [self._items_to_handlers[item] for item in items or self._items_to_handlers]
        return [handler.tensors_to_item({key: example[key] for key in handler.keys}) for handler in handlers]
