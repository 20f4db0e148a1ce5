"""The flows that work where they are iterated: in the process and thread of their consumer.

One idea a file; a flow holds the flow below it and keeps no state of an iteration. `dataflow/common.py` offers them. They
may use `dataflow/base.py` and `utils`, never TensorFlow.
"""
