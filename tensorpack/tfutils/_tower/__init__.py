"""What a tower is made of: the context in which it is built, what it has made, and the handle by which others find that.

`tfutils/tower.py` is the door.
"""
