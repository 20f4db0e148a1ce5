"""Data sets: an interface, a registry, and two kinds of them."""
from .balloon import *
from .coco import *
from .dataset import *
