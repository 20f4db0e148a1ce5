"""From files to variables: reading and writing checkpoints, and which stored value belongs to which variable.

`matching` and `names` are text only; `checkpoint` reads and writes files. `sessinit`, `varmanip` and the command line tools
build on them.
"""
