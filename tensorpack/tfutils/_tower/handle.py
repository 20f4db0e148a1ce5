"""Handles of towers that have been built: how the rest of the program finds a tower's tensors, variables, collections."""
from __future__ import annotations

from typing import Any, List, Optional, Sequence, Union

from ...compat import tfv1 as tf
from ...utils import logger
from ...utils._arguments.names import list_of_names
from ...utils.develop import log_deprecated
from .._restore.names import near_tensor_names
from ..common import as_value, get_op_tensor_name
from .contents import is_variable_or_its_value, towers_in, training_tower_of
from .context import BaseTowerContext
from .namesakes import tell_of_namesakes

__all__ = ["TowerTensorHandle", "TowerTensorHandles"]


class TowerTensorHandle:
    """What one call of a tower function has built. Names are given without the tower's prefix."""

    def __init__(self, ctx: BaseTowerContext, inputs: Sequence[Any], outputs: Any,
                 input_signature: Optional[Sequence[Any]] = None) -> None:
        """
        Args:
            ctx: the context in which the tower was built.
            inputs: the tensors that the function was called with.
            outputs: what it returned.
            input_signature: list of TensorSpec; with it inputs are found by their names in `get_tensor`.
        """
        self._ctx = ctx
        self._inputs = inputs
        self._outputs = outputs
        specs = input_signature or []
        self._inputs_by_name = {spec.name + ":0": tensor for spec, tensor in zip(specs, inputs)}

    @property
    def ns_name(self) -> str:
        """The name scope of the tower."""
        return self._ctx.ns_name

    @property
    def vs_name(self) -> str:
        """The variable scope of the tower."""
        return self._ctx.vs_name

    @property
    def is_training(self) -> bool:
        """Whether it is a training tower."""
        return self._ctx.is_training

    @property
    def inputs(self) -> Sequence[Any]:
        """The tensors that the tower function was called with."""
        return self._inputs

    @property
    def outputs(self) -> Any:
        """What the tower function returned."""
        return self._outputs

    @property
    def input(self) -> Sequence[Any]:
        """The same as `inputs`."""
        return self._inputs

    @property
    def output(self) -> Any:
        """The same as `outputs`."""
        return self._outputs

    def __getitem__(self, name: str) -> Any:
        return self.get_tensor(name)

    def get_tensor(self, name: str) -> Any:
        """The tensor `name` (`"a"` means `"a:0"`) of this tower.

        Looked for are: an input of that name, the tensor in the tower's name scope, the variable in its variable scope
        (whose value is returned). A tower for inference has none of the tensors of a training tower, also where both share
        a name scope.

        Raises:
            KeyError: there is none of them.
        """
        name = get_op_tensor_name(name)[1]
        found = self._find_own(name)
        given = self._inputs_by_name.get(name)
        if given is not None:
            if found is not None and found is not given:
                logger.info("'%s' may refer to the tower's input %s or to the tensor %s; the input is taken.",
                            name, given.name, found.name)
            return given
        tell_of_namesakes(found, _join(self.ns_name, ""))
        if found is None:
            found = self._find_variable(name)
        if found is None:
            raise KeyError("tower '{}': no tensor, input or variable '{}'; looked for '{}' and the variable '{}'; names are "
                           "given without the tower's prefix; {}{}".format(
                               self.ns_name, name, _join(self.ns_name, name), _join(self.vs_name, name),
                               self._whose(name), self._near(name)))
        return found

    def get_tensors(self, names: Sequence[str]) -> List[Any]:
        """`get_tensor` of each name."""
        return [self.get_tensor(name) for name in list_of_names("get_tensors", "names", names)]

    def get_variable(self, name: str) -> Any:
        """The tensor with the value of the tower's variable `name`.

        Raises:
            KeyError: there is no such variable.
        """
        name = get_op_tensor_name(name)[1]
        found = self._find_variable(name)
        if found is None:
            raise KeyError("tower '{}': no variable '{}'; names are given without the variable scope '{}'".format(
                self.ns_name, _join(self.vs_name, name), self.vs_name))
        return found

    def get_variables(self, names: Sequence[str]) -> List[Any]:
        """`get_variable` of each name."""
        return [self.get_variable(name) for name in list_of_names("get_variables", "names", names)]

    def get_collection(self, key: Optional[str] = None, name: Optional[str] = None) -> List[Any]:
        """The items that this tower has added to the collection `key`; `name` is the old spelling of `key`."""
        if name is not None:
            log_deprecated("TowerTensorHandle.get_collection(name=..)", "Use get_collection(key) instead.")
            key = name if key is None else key
        if key is None:
            raise TypeError("TowerTensorHandle.get_collection(key): must be given a collection key; got None")
        return self._ctx.get_collection_in_tower(key)

    @property
    def _graph(self) -> tf.Graph:
        return self._ctx.graph or tf.get_default_graph()

    def _near(self, name: str) -> str:
        """Words about the names in this tower that are most like `name`."""
        return near_tensor_names(name, self._graph.get_operations(), _join(self.ns_name, ""), self._inputs_by_name)

    def _whose(self, name: str) -> str:
        """Words about a tensor of that name which is not this tower's."""
        for tower in towers_in(self._graph):
            tensor = self._find(_join(tower.name, name))
            if tensor is not None and training_tower_of(tensor) is tower:
                return "'{}' is of the training tower '{}'; ".format(tensor.name, tower.name)
        return ""

    def _find_own(self, name: str) -> Optional[Any]:
        tensor = self._find(_join(self.ns_name, name))
        if tensor is None and self.ns_name and name.startswith(self.ns_name + "/"):
            tensor = self._find(name)
        if tensor is None or (not self.is_training and training_tower_of(tensor)):
            return None
        return as_value(tensor)

    def _find_variable(self, name: str) -> Optional[Any]:
        tensor = self._find(_join(self.vs_name, name))
        return as_value(tensor) if tensor is not None and is_variable_or_its_value(tensor) else None

    def _find(self, name: str) -> Optional[Any]:
        try:
            return self._graph.get_tensor_by_name(name)
        except (KeyError, ValueError):  # ValueError: the operation exists but not that output of it
            return None


class TowerTensorHandles:
    """The handles of several towers: by position, or by the tower's name (the last one if it was used more than once)."""

    def __init__(self, handles: Sequence[TowerTensorHandle]) -> None:
        self._handles = list(handles)
        self._by_name = {handle.ns_name: handle for handle in handles}

    def __getitem__(self, name_or_index: Union[int, str]) -> TowerTensorHandle:
        if isinstance(name_or_index, int):
            return self._handles[name_or_index]
        if name_or_index not in self._by_name:
            raise KeyError("no tower is called {!r}; there are {}".format(name_or_index, sorted(self._by_name)))
        return self._by_name[name_or_index]

    def __len__(self) -> int:
        return len(self._handles)

    def training(self) -> TowerTensorHandles:
        """The training towers only."""
        return TowerTensorHandles([handle for handle in self._handles if handle.is_training])

    def inference(self) -> TowerTensorHandles:
        """The inference towers only."""
        return TowerTensorHandles([handle for handle in self._handles if not handle.is_training])


def _join(scope: str, name: str) -> str:
    return scope + "/" + name if scope else name
