"""Behind `contrib/ray.py`: the model of an actor, and the columns that it reads and writes."""
