"""Typed hyper-parameters that can be set from text: `tf.contrib.training.HParams` and `parse_values`."""
from __future__ import annotations

import json
import numbers
import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

__all__ = ["HParams", "parse_values"]

# name=value, name[index]=value or name=[value,value], each followed by a comma or the end
_ASSIGNMENT = re.compile(r"""
    (?P<name>[a-zA-Z][\w.]*) (?:\[\s*(?P<index>\d+)\s*\])? \s*=\s*
    (?: (?P<value>[^,\[]*) | \[(?P<values>[^\]]*)\] )
    (?:$|,\s*)""", re.VERBOSE)

_BOOLS = {"true": True, "True": True, "false": False, "False": False}


def parse_values(values: str, type_map: Mapping[str, type], ignore_unknown: bool = False) -> Dict[str, Any]:
    """{name: value} of text such as `lr=0.1,units=[3,4],name=net`; `name[1]=2` gives {name: {1: 2}}.

    Args:
        type_map: {name: type}; the type of the elements for lists.
        ignore_unknown: pass over names that are not in `type_map`.

    Raises:
        ValueError: the text, a value or an assignment cannot be understood, or a name is unknown or set twice.
    """
    results: Dict[str, Any] = {}
    position = 0
    while position < len(values):
        match = _ASSIGNMENT.match(values, position)
        if match is None:
            raise ValueError("Malformed hyperparameter value: {}".format(values[position:]))
        position = match.end()
        if match.group("name") in type_map:
            _store(results, match, type_map[match.group("name")], values)
        elif not ignore_unknown:
            raise ValueError("Unknown hyperparameter type for {}; known are {}".format(match.group("name"), sorted(type_map)))
    return results


def _store(results: Dict[str, Any], match: Any, kind: type, values: str) -> None:
    name, index = match.group("name", "index")
    if index is not None and match.group("values") is not None:
        raise ValueError("Assignment of a list to a list index: {} in {}".format(match.group(), values))
    parsed = _parsed(match, kind, values)
    target: Dict[Any, Any]
    target, key = (results, name) if index is None else (results.setdefault(name, {}), int(index))
    if not isinstance(target, dict) or key in target:
        raise ValueError("Multiple assignments to variable '{}' in {}".format(name, values))
    target[key] = parsed


def _parsed(match: Any, kind: type, values: str) -> Any:
    parse: Callable[[str], Any] = _parse_bool if kind is bool else kind
    text, texts = match.group("value", "values")
    try:
        return parse(text) if texts is None else [parse(each) for each in re.split("[ ,]", texts) if each]
    except ValueError as e:
        raise ValueError("Could not parse hparam '{}' of type '{}' with value '{}' in {}".format(
            match.group("name"), kind.__name__, text or texts, values)) from e


def _parse_bool(text: str) -> bool:
    return _BOOLS[text] if text in _BOOLS else bool(int(text))


def _cast(name: str, kind: type, value: Any) -> Any:
    """`value` as a `kind`, if nothing but its precision is lost."""
    if type(value) is kind or kind is type(None):
        return value
    is_text, is_bool = issubclass(kind, (str, bytes)), issubclass(kind, bool)
    if (is_text and not isinstance(value, (str, bytes))) or is_bool != isinstance(value, bool) \
            or (issubclass(kind, numbers.Integral) and not isinstance(value, numbers.Integral)) \
            or (issubclass(kind, numbers.Number) and not isinstance(value, numbers.Number)):
        raise ValueError("Could not cast hparam '{}' of type '{}' from value {!r}".format(name, kind, value))
    return kind(value)


class HParams:
    """Hyper-parameters as attributes: `HParams(lr=0.1, units=[3, 4])`; each keeps its first type.

    A list has elements of one type, that of its first, and is never empty. There are no protocol buffers.

    Raises:
        ValueError: a name is that of a method, or a list is empty.
    """

    def __init__(self, hparam_def: Any = None, model_structure: Any = None, **kwargs: Any):
        if hparam_def:
            raise ValueError("HParams: protocol buffers of hyper-parameters cannot be read; got {!r}; give names and values "
                             "instead, or JSON to parse_json".format(hparam_def))
        self._hparam_types: Dict[str, Tuple[type, bool]] = {}  # name -> type of the elements, whether it is a list
        self._model_structure = model_structure
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    def add_hparam(self, name: str, value: Any) -> None:
        """A new one, whose type is that of `value`."""
        if getattr(self, name, None) is not None:
            raise ValueError("Hyperparameter name is reserved: {}".format(name))
        is_list = isinstance(value, (list, tuple))
        if is_list and not value:
            raise ValueError("Multi-valued hyperparameters cannot be empty: {}".format(name))
        self._hparam_types[name] = (type(value[0] if is_list else value), is_list)
        setattr(self, name, value)

    def set_hparam(self, name: str, value: Any) -> None:
        """Another value, of the same type.

        Raises:
            KeyError: there is none of this name.
            ValueError: the value is of another type.
        """
        kind, is_list = self._hparam_types[name]
        if is_list != isinstance(value, list):
            raise ValueError("Must {}pass a list for {}-valued parameter: {}".format(
                "" if is_list else "not ", "multi" if is_list else "single", name))
        setattr(self, name, [_cast(name, kind, each) for each in value] if is_list else _cast(name, kind, value))

    def del_hparam(self, name: str) -> None:
        """Forget it, if there is one of this name."""
        if hasattr(self, name):
            delattr(self, name)
            del self._hparam_types[name]

    def parse(self, values: str) -> HParams:
        """Set from text (see `parse_values`); returns itself."""
        return self.override_from_dict(parse_values(values, {name: kind for name, (kind, _) in self._hparam_types.items()}))

    def override_from_dict(self, values_dict: Mapping[str, Any]) -> HParams:
        """Set from {name: value}; returns itself."""
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    def set_from_map(self, values_map: Mapping[str, Any]) -> HParams:
        """The old name of `override_from_dict`."""
        return self.override_from_dict(values_map)

    def parse_json(self, values_json: str) -> HParams:
        """Set from a JSON object; returns itself."""
        return self.override_from_dict(json.loads(values_json))

    def to_json(self, indent: Optional[int] = None, separators: Optional[Tuple[str, str]] = None,
                sort_keys: bool = False) -> str:
        """All values as a JSON object."""
        return json.dumps(self.values(), indent=indent, separators=separators, sort_keys=sort_keys)

    def values(self) -> Dict[str, Any]:
        """{name: value} of all."""
        return {name: getattr(self, name) for name in self._hparam_types}

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or `default` if there is none of this name.

        Raises:
            ValueError: the default is of another type.
        """
        if key not in self._hparam_types:
            return default
        if default is not None:
            self._check_default(key, default)
        return getattr(self, key)

    def _check_default(self, key: str, default: Any) -> None:
        kind, is_list = self._hparam_types[key]
        try:
            if is_list != isinstance(default, list):
                raise ValueError("one of both is a list")
            for each in default if is_list else [default]:
                _cast(key, kind, each)
        except ValueError as e:
            raise ValueError("Hparam '{}' of type '{}' is incompatible with default={}: {}".format(
                key, "list<{}>".format(kind) if is_list else kind, default, e)) from e

    def set_model_structure(self, model_structure: Any) -> None:
        """Keep an object of the caller's."""
        self._model_structure = model_structure

    def get_model_structure(self) -> Any:
        """The object that was kept."""
        return self._model_structure

    def __contains__(self, key: str) -> bool:
        return key in self._hparam_types

    def __str__(self) -> str:
        return ",".join("{}={}".format(name, value) for name, value in self.values().items())

    def __repr__(self) -> str:
        items: List[Tuple[str, Any]] = sorted(self.values().items())
        return "{}({})".format(type(self).__name__, items)
