"""Exports of fewer bits: the ways there are, the examples that ranges are measured with, and the quantizers of each format."""
