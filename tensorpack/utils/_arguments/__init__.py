"""Checks of what a user gives: each takes the name of who was given it, and says what it must be, what it is, and what to try.

One kind of argument a file. Nothing here knows what an argument is for.
"""
