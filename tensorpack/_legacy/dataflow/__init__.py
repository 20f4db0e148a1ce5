"""DataFlows of older releases that are gone, and arguments and methods of those of today."""
