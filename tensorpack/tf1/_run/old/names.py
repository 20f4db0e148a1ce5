"""Names of Python 2 that Python 3 takes otherwise: methods of classes, codecs, modules whose functions take text."""
from __future__ import annotations

# Method of Python 2 -> the methods that do it today
METHODS = {
    "__cmp__": ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"),
    "__getslice__": ("__getitem__",), "__setslice__": ("__setitem__",), "__delslice__": ("__delitem__",),
    "__div__": ("__truediv__",), "__rdiv__": ("__rtruediv__",), "__idiv__": ("__itruediv__",),
    "__nonzero__": ("__bool__",), "__unicode__": ("__str__",),
}
# Codecs from bytes to bytes, or from text to text, that were methods of a str; those that give letters when they encode
CODECS_OF_LETTERS = ("hex", "base64", "quopri", "uu", "rot13")
CODECS = CODECS_OF_LETTERS + ("hex_codec", "base64_codec", "zlib", "bz2", "rot_13")
# Modules whose functions take a str and no bytes, or give bytes for bytes
MODULES_OF_STR = ("fnmatch", "glob", "json", "ntpath", "os", "os.path", "posix", "posixpath", "re", "time")
