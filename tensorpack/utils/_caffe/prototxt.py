"""The text format of protocol buffers, read without knowing the messages."""
from __future__ import annotations

import re
from typing import Any, Dict, List, Tuple

_TOKEN = re.compile(r"""
    \s+ | \#[^\n]* |
    (?P<token> "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | [A-Za-z0-9_.+-]+ | [{}<>\[\]:;,])
""", re.VERBOSE)
_CLOSING = {"{": "}", "<": ">"}

Message = Dict[str, List[Any]]


def parse_prototxt(text: str) -> Message:
    """A message as {field: values in their order}: str for strings and names of enumerations, int, float, bool, or a message.

    Raises:
        ValueError: it is not in text format; names the line.
    """
    return _Parser(text).message("")


class _Parser:
    def __init__(self, text: str):
        self._tokens = _tokenize(text)
        self._position = 0

    def _next(self) -> str:
        token, self._line = self._tokens[self._position]
        self._position += 1
        return token

    def _peek(self) -> str:
        return self._tokens[self._position][0]

    def _error(self, expected: str, token: str) -> ValueError:
        return ValueError("line {}: there must be {}; got {}".format(self._line, expected, repr(token) if token else "the end"))

    def message(self, end: str) -> Message:
        """Fields up to the token `end`."""
        fields: Message = {}
        while True:
            name = self._next()
            if name == end:
                return fields
            if not re.match(r"[A-Za-z_]\w*$", name):
                raise self._error("the name of a field", name)
            fields.setdefault(name, []).extend(self._values())
            if self._peek() in (";", ","):
                self._next()

    def _values(self) -> List[Any]:
        token = self._next()
        if token in _CLOSING:
            return [self.message(_CLOSING[token])]
        if token != ":":
            raise self._error("':' or '{'", token)
        if self._peek() != "[":
            return [self._value()]
        self._next()
        values: List[Any] = []
        while self._peek() != "]":
            values.append(self._value())
            if self._peek() == ",":
                self._next()
        self._next()
        return values

    def _value(self) -> Any:
        token = self._next()
        if token in _CLOSING:
            return self.message(_CLOSING[token])
        if token[:1] in ('"', "'"):
            text = token[1:-1]
            while self._peek()[:1] in ('"', "'"):  # pieces of one string
                text += self._next()[1:-1]
            return re.sub(r"\\(.)", r"\1", text)
        if not re.match(r"[\w.+-]+$", token):
            raise self._error("a value", token)
        return _scalar(token)


def _scalar(token: str) -> Any:
    if token in ("true", "false"):
        return token == "true"
    for kind in (int, float):
        try:
            return kind(token)
        except ValueError:
            pass
    return token


def _tokenize(text: str) -> List[Tuple[str, int]]:
    """(token, its line), and an empty one for the end."""
    tokens, position, line = [], 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError("line {}: there must be the text format of protocol buffers; got {!r}".format(
                line, text[position:position + 20]))
        if match.group("token"):
            tokens.append((match.group("token"), line))
        line += match.group(0).count("\n")
        position = match.end()
    return tokens + [("", line)]
