"""Files of Caffe, read without Caffe: `utils/loadcaffe.py` and `dataflow/format.py` are what uses them.

`schema` tells the package protobuf which messages there are, the others know what these mean.
"""
