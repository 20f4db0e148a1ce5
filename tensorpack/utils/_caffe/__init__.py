"""Files of Caffe, read without Caffe: `utils/loadcaffe.py` and `dataflow/format.py` are what uses them.

`wire_format` and `prototxt` read the two forms of protocol buffers, the others know the messages. Bytes and arrays only.
"""
