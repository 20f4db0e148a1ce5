#!/bin/sh
# An array of objects of a subclass of bytes was an array of bytes for NumPy 1.18. NumPy 2.4 takes them for integers: it reads their content
# as a number, which is an error for most, and another value without a word where they are digits. bytes themselves are as ever, and so
# are subclasses with dtype "S" or object. It hurts whoever marks bytes by a class of their own.
# Answered by the runner of programs of TensorFlow 1, whose text of Python 2 is a numpy.bytes_ where that is so.
. "$(dirname "$0")/lib/finding.sh"
environment python numpy==2.4.6
observe python <<'END'
import numpy as np


class Name(bytes):
    pass


print("numpy", np.__version__)
for content in b"cat", b"12":
    for kind in bytes, Name:
        for dtype in None, "S", object:
            try:
                array = np.array([kind(content)], dtype)
                found = "{!r} of dtype {}".format(array.tolist(), array.dtype.kind)
            except ValueError as e:
                found = "ValueError: {}".format(e)
            print("{}({!r}), dtype={}: {}".format(kind.__name__, content, dtype and getattr(dtype, "__name__", dtype), found))
END
expect <<'END'
numpy 2.4.6
bytes(b'cat'), dtype=None: [b'cat'] of dtype S
bytes(b'cat'), dtype=S: [b'cat'] of dtype S
bytes(b'cat'), dtype=object: [b'cat'] of dtype O
Name(b'cat'), dtype=None: ValueError: invalid literal for int() with base 10: b'cat'
Name(b'cat'), dtype=S: [b'cat'] of dtype S
Name(b'cat'), dtype=object: [b'cat'] of dtype O
bytes(b'12'), dtype=None: [b'12'] of dtype S
bytes(b'12'), dtype=S: [b'12'] of dtype S
bytes(b'12'), dtype=object: [b'12'] of dtype O
Name(b'12'), dtype=None: [12] of dtype i
Name(b'12'), dtype=S: [b'12'] of dtype S
Name(b'12'), dtype=object: [b'12'] of dtype O
END
