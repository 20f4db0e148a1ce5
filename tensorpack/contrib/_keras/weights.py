"""Weights of Keras models under the names that the layers of this library give to theirs. Needs no Keras."""
from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

import numpy as np

from ...utils._text.keywords import keywords_told
from ...utils._text.spec import shown

__all__ = ["weights_from_keras"]

_WHO = "weights_from_keras"
_LAYER_NORM = ["gamma", "beta"]
_BATCH_NORM = _LAYER_NORM + ["mean/EMA", "variance/EMA"]


@keywords_told
def weights_from_keras(weights: Mapping[str, Sequence[np.ndarray]],
                       names: Mapping[str, Union[None, str, Sequence[str]]]) -> Dict[str, np.ndarray]:
    """The weights of a Keras model as a dict from names of variables to arrays.

    It is what `DictRestore` takes; and `SmartInit`, from a file by `np.savez`.

    Conv2D, Conv2DTranspose and Dense have a kernel, and maybe a bias, which become `W` and `b`; the four weights of
    BatchNormalization become `gamma`, `beta`, `mean/EMA`, `variance/EMA`, the two of LayerNormalization `gamma`, `beta`.
    Values stay as they are: both have channels last.

    Args:
        weights: `{layer.name: layer.get_weights() for layer in model.layers}` of any Keras, usually from a file that another
            process has written, since Keras 3 wants to run eagerly.
        names: for each layer with weights the name of the layer here, such as `conv0` or `conv0/bn`; or the list of the
            variables that its weights become, in their order, for layers of other kinds; or None to leave the layer out.

    Raises:
        TypeError: an argument is no dict, such as what `model.get_weights()` gives.
        KeyError: a layer with weights has no name, or a name is for a layer that is not there.
        ValueError: the weights of a layer are not of a known kind and no list tells their names, or two get the same name.
    """
    for argument, value, remedy in (
            ("weights", weights, "{layer.name: layer.get_weights() for layer in model.layers}"),
            ("names", names, "{layer.name: its name here for each layer with weights}")):
        if not isinstance(value, Mapping):
            raise TypeError("{}: {} must be a dict by name of layer; got {}; write {}".format(
                _WHO, argument, shown(value), remedy))
    weights = {layer: list(arrays) for layer, arrays in weights.items() if len(arrays)}
    _check_same("layers with weights must have a name in `names`, or None", weights, names)
    _check_same("names must be for layers with weights", names, weights)
    result: Dict[str, np.ndarray] = {}
    for layer, arrays in weights.items():
        for name, array in zip(_variables(layer, arrays, names[layer]), arrays):
            if name in result:
                raise ValueError("{}: each variable must get one weight; got two for '{}', one of them of layer '{}'".format(
                    _WHO, name, layer))
            result[name] = np.asarray(array)
    return result


def _check_same(what: str, layers: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    missing = [layer for layer in layers if layer not in others]
    if missing:
        raise KeyError("{}: {}; got none for {}; the others are {}".format(
            _WHO, what, ", ".join(map(repr, missing)), ", ".join(map(repr, others))))


def _variables(layer: str, arrays: Sequence[Any], name: Union[None, str, Sequence[str]]) -> List[str]:
    """The names of the variables that the weights of a layer become."""
    if name is None:
        return []
    if not isinstance(name, str):
        if len(name) != len(arrays):
            raise ValueError("{}: layer '{}' must have a name for each of {} weights; got {}".format(
                _WHO, layer, len(arrays), list(name)))
        return list(name)
    kind = _kind([np.ndim(array) for array in arrays])
    if kind is None:
        raise ValueError("{}: the weights of layer '{}' must be kernel and bias, or those of a norm with scale and center, to "
                         "have known names; got shapes {}; try a list of variable names, such as {!r}: ['{}/W', ...]".format(
                             _WHO, layer, ", ".join(str(np.shape(array)) for array in arrays), layer, name))
    return ["{}/{}".format(name, each) for each in kind]


def _kind(ranks: List[int]) -> Optional[List[str]]:
    if ranks == [1, 1, 1, 1]:
        return _BATCH_NORM
    if ranks == [1, 1]:
        return _LAYER_NORM
    if ranks[0] in (2, 4) and ranks[1:] in ([], [1]):
        return ["W", "b"][:len(ranks)]
    return None
