"""What to do about errors whose cause is that values of Python 3 are others than those of Python 2."""
from __future__ import annotations

import re
from typing import List, Optional, Tuple, Type

from .process import has_python_2

_TEXT_FILE = "a str of Python 2 is bytes, but Python 3 writes text to a file that is open with 'w': open it with 'wb'"
# (kind of the error, what its message has, what to do)
_RULES: List[Tuple[Type[BaseException], str, str]] = [
    (TypeError, r"'[<>]=?' not supported between instances of",
     "Python 2 orders values of different types, None before all; Python 3 does not: give sort, min or max a `key=` that makes "
     "them comparable, such as `key=lambda x: (x is not None, x)`"),
    (TypeError, r"'cmp' is an invalid keyword argument|takes no positional arguments|sorted expected 1 argument",
     "Python 2 sorts by a function of two values; Python 3 by `key=functools.cmp_to_key(function)`"),
    (TypeError, r"write\(\) argument must be str, not", _TEXT_FILE),
    (TypeError, r"a bytes-like object is required, not 'str'",
     "a str of Python 2 is bytes; Python 3 takes bytes here: open a file for text with 'w' instead of 'wb', or give "
     "`text.encode()`"),
    (TypeError, r"initial_value must be str or None|string argument expected, got",
     "StringIO of Python 2 takes bytes; in Python 3 that is io.BytesIO"),
    (TypeError, r"expected bytes, str found|has type str, but expected one of: bytes",
     "a str of Python 2 is bytes; Python 3 takes bytes here: give `value.encode()`"),
    (TypeError, r"cannot use a string pattern on a bytes-like object",
     "a str of Python 2 is bytes; Python 3 matches text with a pattern of text: give `str(value)`, or a pattern `b'...'`"),
    (TypeError, r"is not JSON serializable|keys must be str, int",
     "what TensorFlow gives as text is bytes: give `str(value)`"),
    (TypeError, r"'(dict_(keys|values|items)|map|filter|zip|range)' object|object of type '(map|filter|zip)' has no len",
     "Python 2 has a list here; in Python 3 make one of it: `list(...)`"),
    (TypeError, r"Can't mix strings and bytes in path|sequence item \d+: expected str instance|first arg must be str",
     "a str of Python 2 is bytes; Python 3 does not mix text and bytes: give `str(value)`"),
    (LookupError, r"is not a text encoding",
     "in Python 2 strings have this codec; in Python 3 it is `codecs.encode(value.encode(), name)` and `codecs.decode`"),
    (AttributeError, r"'str' object has no attribute 'decode'",
     "a str of Python 3 is decoded already: leave `.decode()` out, or open the file with 'rb'"),
    (UnicodeDecodeError, r"can't decode byte",
     "Python 2 reads files as bytes; Python 3 decodes them: open it with 'rb', or by `io.open(path, encoding='latin-1')`"),
]


def advice_on_python_2(error: BaseException) -> Optional[str]:
    """A sentence on an error in a program that is Python 2 or uses its names; else None."""
    if not has_python_2():
        return None
    for kind, words, sentence in _RULES:
        if isinstance(error, kind) and re.search(words, str(error)):
            return sentence
    return None
