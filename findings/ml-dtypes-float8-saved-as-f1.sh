#!/bin/sh
# numpy.save of an array of ml_dtypes' float8_e5m2 succeeds and writes the dtype "<f1" into the header, which numpy.load refuses,
# as there is no such type: the file cannot be read back. float8_e4m3fn and bfloat16 become "<V1" and "<V2", which load as raw bytes
# that have lost the name of their type. Checkpoints of TensorFlow keep all three.
# Answered by docs/notes/compatibility.md (npz files of bfloat16 and float8).
. "$(dirname "$0")/lib/finding.sh"
environment python ml_dtypes==0.5.3 numpy==2.2.6
observe python <<'END'
import io

import ml_dtypes
import numpy as np

print("ml_dtypes", ml_dtypes.__version__, "numpy", np.__version__)
for name in "bfloat16", "float8_e4m3fn", "float8_e5m2":
    file = io.BytesIO()
    np.save(file, np.arange(3).astype(getattr(ml_dtypes, name)))
    file.seek(0)
    header = file.getvalue()[10:]
    descriptor = header[header.index(b"'descr': '") + 10:].split(b"'")[0].decode()
    try:
        result = "loads as " + np.load(file).dtype.str
    except Exception as error:
        result = "np.load raises " + type(error).__name__
    print(name, "is written as", descriptor, "and", result)
END
expect <<'END'
ml_dtypes 0.5.3 numpy 2.2.6
bfloat16 is written as <V2 and loads as |V2
float8_e4m3fn is written as <V1 and loads as |V1
float8_e5m2 is written as <f1 and np.load raises ValueError
END
