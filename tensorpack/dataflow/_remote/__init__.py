"""The ZMQ connections of `send_dataflow_zmq` and `RemoteDataZMQ`: `security` decides who may connect, `sender` and `receiver`
are the two ends, `connections` notices who connects and leaves.

A datapoint is one message, in the format of `utils._wire.codec`, with a further part for each big array. The receiver answers
an error of the sender, which is the last message, and a pickle that it does not take.
"""
