"""`VariableHolder`: the variables of a layer, found as `layer_output.variables.W`."""
from __future__ import annotations

from typing import Any, List

__all__ = ["VariableHolder"]


class VariableHolder:
    """Holds the variables that a layer has created, each as an attribute that is set once.

    Example: `VariableHolder(W=kernel, b=bias).W`.
    """

    def __init__(self, **kwargs: Any):
        for name, variable in kwargs.items():
            setattr(self, name, variable)

    def __setattr__(self, name: str, variable: Any) -> None:
        if name in self.__dict__:
            raise ValueError("VariableHolder: each variable is set once; '{}' is already {}; choose another name".format(
                name, self.__dict__[name]))
        self.__dict__[name] = variable

    def __getattr__(self, name: str) -> Any:
        raise AttributeError("VariableHolder has no variable '{}'; it has: {}".format(
            name, ", ".join(self.__dict__) or "none"))

    def all(self) -> List[Any]:
        """All variables, in the order in which they were set."""
        return list(self.__dict__.values())
