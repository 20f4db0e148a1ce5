"""File formats of datapoints, read and written without the frameworks they come from.

`lmdb`, `tfrecord` and `caffe` know bytes and files only; the flows over them are in `dataflow/format.py` and `serialize.py`.
The others hold a flow each, all of them kinds of `records.RecordData`, and what writes such files.
"""
