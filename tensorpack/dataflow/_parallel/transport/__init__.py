"""How all parallel flows move datapoints between processes; private.

`memory` is shared memory without names, `slots` recycles it, `codec` pickles datapoints around their arrays, `channel` sends
them over a socket pair, `worker` is the life of a worker process and `group` the side of the process that started it.
"""
