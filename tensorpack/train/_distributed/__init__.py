"""Training by several processes: `CollectiveTrainer` on TensorFlow's own runtime, `HorovodTrainer`, and what became of
parameter servers.

`cluster` reads who takes part, `ops` are the operations that all workers run together, `watchdog` tells when one is gone,
`settings` brings the chief's hyper-parameters to all.
Trainers here may use everything of `train` and below; of the rest of the library only `train/trainers.py`,
`train/__init__.py` and `launch` may look in.
"""
