"""Augmentors of older releases that are gone, and the ways in which augmentors used to be written and called."""
