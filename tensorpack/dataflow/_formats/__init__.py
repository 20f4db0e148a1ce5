"""File formats of datapoints, read and written without the frameworks they come from.

Bytes and files only; the flows over them are in `dataflow/format.py` and `serialize.py`.
"""
