"""The flows that work in threads and processes, and the transport under them.

`worker_flow` starts, watches and ends workers; `process_runner` and `thread_runner` run copies of a flow; `map_logic` is
what all parallel maps are, `process_map`, `thread_map` and `map_and_batch` are the maps. Between processes only `transport`
moves anything. `dataflow/parallel.py` and `parallel_map.py` offer the flows.
"""
