# Made by scripts/make-stubs from the table in __init__.py.
from .digits import Digits as Digits
from .mnist import FashionMnist as FashionMnist
from .mnist import Mnist as Mnist
