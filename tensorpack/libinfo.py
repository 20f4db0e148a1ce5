"""The version of the library; `setup.py` reads it as text."""

__all__ = ["__version__"]

__version__ = "1.0.0.dev0"
