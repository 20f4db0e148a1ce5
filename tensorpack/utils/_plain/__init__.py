"""Reading of pickles, of numpy files with pickles in them, and of JSON, that makes plain data and runs nothing.

`bounds` looks at the bytes before the machine of `pickle` sees them, `arrays` makes dtypes and arrays of what a pickle says
about them, `unpickler` is the machine with a literal list of what it may make, `numpy_files` reads `.npy` and `.npz`, and
`json_text` reads JSON.
"""
