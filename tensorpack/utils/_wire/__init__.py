"""What processes tell each other over a network: data that run nothing when they are read, and who may talk.

`codec` makes bytes of plain data, `dtypes` names dtypes, `keys` are the files that let somebody in, `addresses` says which
addresses need one, `strays` counts what others send.
"""
