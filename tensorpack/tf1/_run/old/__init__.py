"""Values and objects with the meaning that they had in Python 2, for programs that are translated from it."""
