"""A tree of settings with attribute access, and how its values are set from words like KEY=VALUE.

What a word may change is decided by the value that is there: its type, and for a tuple or list the type of its elements.
"""
import ast
import difflib
import operator
import pprint

_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
              ast.FloorDiv: operator.floordiv, ast.Pow: operator.pow, ast.USub: operator.neg, ast.UAdd: operator.pos}
_WORDS = {"true": True, "false": False, "none": None}


class ConfigTree:
    """A node of the tree. While it is not frozen, reading an unknown name makes an empty subtree."""

    def __init__(self):
        object.__setattr__(self, "_frozen", False)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        if self._frozen:
            raise AttributeError(_unknown(name, self))
        child = ConfigTree()
        object.__setattr__(self, name, child)
        return child

    def __setattr__(self, name, value):
        if self._frozen and name not in self.__dict__:
            raise AttributeError(_unknown(name, self))
        object.__setattr__(self, name, value)

    def __eq__(self, other):
        raise NotImplementedError("a configuration is compared by its to_dict()")

    __ne__ = __eq__
    __hash__ = object.__hash__

    def __str__(self):
        return pprint.pformat(self.to_dict(), width=100, compact=True)

    __repr__ = __str__

    def to_dict(self):
        return {name: value.to_dict() if isinstance(value, ConfigTree) else value
                for name, value in self.__dict__.items() if not name.startswith("_")}

    def from_dict(self, values):
        """Set what is in a nested dict; names that it lacks stay."""
        for name, value in values.items():
            if isinstance(value, dict):
                getattr(self, name).from_dict(value)
            else:
                setattr(self, name, value)

    def freeze(self, frozen=True):
        """Whether new names are errors, in the whole tree."""
        object.__setattr__(self, "_frozen", frozen)
        for value in self.__dict__.values():
            if isinstance(value, ConfigTree):
                value.freeze(frozen)

    def update_args(self, words):
        """Set values by words KEY=VALUE, where KEY is dotted.

        Raises:
            AttributeError: there is no such key; the message has the nearest ones.
            ValueError: a word has no '=', the key is a subtree, or the value cannot be read.
            TypeError: the value is of another type than the present one.
        """
        for word in words:
            key, equals, text = word.partition("=")
            if not equals:
                raise ValueError("--config takes words KEY=VALUE; got {!r}".format(word))
            self._update(key, text)

    def _update(self, key, text):
        keys = _leaves(self)
        if key not in keys:
            if any(each.startswith(key + ".") for each in keys):
                raise ValueError("--config {}={}: {} is a group of settings; set one of {}".format(
                    key, text, key, ", ".join(each for each in keys if each.startswith(key + "."))))
            raise AttributeError("--config {}={}: {} is not a setting{}".format(key, text, key, _nearest(key, keys)))
        *path, name = key.split(".")
        node = self
        for each in path:
            node = getattr(node, each)
        setattr(node, name, parse_value(key, text, getattr(node, name)))


def _leaves(tree, prefix=""):
    """The dotted names of all values."""
    names = []
    for name, value in tree.__dict__.items():
        if isinstance(value, ConfigTree):
            names += _leaves(value, prefix + name + ".")
        elif not name.startswith("_"):
            names.append(prefix + name)
    return names


def _nearest(key, keys):
    """Those that are spelled alike, or have the same last part."""
    last = key.split(".")[-1].upper()
    near = [each for each in keys if each.split(".")[-1] == last]
    near += [each for each in difflib.get_close_matches(key.upper(), keys, n=3, cutoff=0.5) if each not in near]
    return "; did you mean {}?".format(" or ".join(near[:3])) if near else ""


def _unknown(name, node):
    return "the configuration has no {}{}".format(name, _nearest(name, list(node.to_dict())))


def parse_value(key, text, present):
    """The value that a text stands for where `present` is the value so far.

    >>> parse_value("TRAIN.BASE_LR", "0.02/8", 0.01), parse_value("MODE_MASK", "false", True)
    (0.0025, False)
    >>> parse_value("DATA.VAL", "coco_val2017,balloon_val", ("a",)), parse_value("TRAINER", "horovod", "replicated")
    (('coco_val2017', 'balloon_val'), 'horovod')
    """
    if isinstance(present, str):
        return text
    of_names = isinstance(present, (list, tuple)) and all(isinstance(each, str) for each in present)
    try:
        value = _evaluate(ast.parse(text.strip(), mode="eval").body, bare_words=of_names)
    except (SyntaxError, ValueError, TypeError, ZeroDivisionError, OverflowError) as e:
        if not of_names:
            raise ValueError("--config {}={}: the value must be written like {!r}; {}".format(key, text, present, e)) from None
        value = text
    return _converted(key, text, value, present)


def _evaluate(node, bare_words):
    """Literals, with arithmetic on numbers."""
    if isinstance(node, (ast.List, ast.Tuple)):
        values = [_evaluate(each, bare_words) for each in node.elts]
        return values if isinstance(node, ast.List) else tuple(values)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _evaluate(node.left, False), _evaluate(node.right, False)
        if isinstance(node.op, ast.Pow) and abs(right) > 64:
            raise ValueError("the exponent is too large")
        return _OPERATORS[type(node.op)](left, right)
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_evaluate(node.operand, False))
    if isinstance(node, ast.Name):
        if node.id.lower() in _WORDS:
            return _WORDS[node.id.lower()]
        if bare_words:
            return node.id
        raise ValueError("{} is no value".format(node.id))
    return ast.literal_eval(node)


def _converted(key, text, value, present):
    if _fits(value, present):
        if isinstance(present, int) and not isinstance(present, bool) and isinstance(value, float):
            return int(value)
        return value
    raise TypeError("--config {}={}: the value must be {}, like {!r}; got {!r}".format(
        key, text, _kind(present), present, value))


def _fits(value, present):
    if present is None:
        return value is None or _is_whole(value)
    if isinstance(present, bool):
        return isinstance(value, bool)
    if isinstance(present, int):
        return _is_whole(value)
    if isinstance(present, float):
        return _is_number(value)
    if isinstance(value, (list, tuple)):
        return _elements_fit(value, present)
    names = all(isinstance(each, str) for each in present)
    return isinstance(value, str) if names else _is_whole(value) and len(present) == 2  # both ends of an interval


def _elements_fit(value, present):
    if present and all(isinstance(each, (list, tuple)) for each in present):
        return all(isinstance(each, (list, tuple)) and _elements_fit(each, present[0]) for each in value)
    fits = (lambda x: isinstance(x, str)) if all(isinstance(each, str) for each in present) else _is_number
    return all(fits(each) for each in value)


def _is_number(x):
    return isinstance(x, (int, float)) and not isinstance(x, bool)


def _is_whole(x):
    return _is_number(x) and x == x and abs(x) != float("inf") and x == int(x)


def _kind(present):
    if present is None:
        return "a whole number or None"
    if isinstance(present, (list, tuple)):
        return "a list or tuple"
    return {bool: "True or False", int: "a whole number", float: "a number"}.get(type(present), type(present).__name__)
