"""Proving that an exported file computes what the session computes.

`examples` draws inputs, `reference` computes the truth, `compare` and `nearly` judge the difference, `first_difference` finds
where it begins; `verify` has the engines run the file, each in a process of its own.
"""
