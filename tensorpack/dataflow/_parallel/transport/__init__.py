"""How all parallel flows move datapoints between processes; private.

`memory` is shared memory without names, `slots` recycles it for big arrays, `ring` is a stream of bytes in it. `codec`
pickles datapoints around their arrays, `rows` are small ones of one form, `frames` is what travels and `reader` cuts it out
of a stream. `stream` is a socket, `channel` the whole connection of two processes, `worker` the life of a worker process and
`group` the side of the process that started it.
"""
