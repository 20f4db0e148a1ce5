"""Layers of older releases that are gone, and the arguments that layers of today used to take."""
