"""Utilities of older releases that have no counterpart today, and what they add to those of today."""
