#!/bin/sh
# quantize_dynamic of ONNX Runtime 1.23, which is the last for Python 3.10, makes ConvInteger with weights of int8 by default. The same
# version has no implementation of that and refuses the file, with an error when it is loaded, not when it is written; products of
# matrices alone load. QuantType.QUInt8 makes a file that loads; 1.24 runs both.
# Answered by ModelExporter.export_onnx(weights="int8"), which asks for uint8 and runs what it wrote.
. "$(dirname "$0")/lib/finding.sh"
cat > "$FOLDER/quantize.py" <<'END'
import logging

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnxruntime.quantization import QuantType, quantize_dynamic

logging.disable(logging.WARNING)
print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
random = np.random.RandomState(0)
kernel = onnx.numpy_helper.from_array(random.randn(4, 3, 3, 3).astype("float32"), "kernel")
matrix = onnx.numpy_helper.from_array(random.randn(8, 5).astype("float32"), "matrix")
models = {
    "convolution": (helper.make_node("Conv", ["x", "kernel"], ["y"]), kernel, [1, 3, 8, 8]),
    "product of matrices": (helper.make_node("MatMul", ["x", "matrix"], ["y"]), matrix, [2, 8]),
}
for name, (node, weights, shape) in models.items():
    graph = helper.make_graph([node], "model", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), "model.onnx")
    for kind, options in ("by default", {}), ("as uint8", {"weight_type": QuantType.QUInt8}):
        quantize_dynamic("model.onnx", "quantized.onnx", **options)
        try:
            session = onnxruntime.InferenceSession("quantized.onnx", providers=["CPUExecutionProvider"])
            session.run(None, {"x": np.ones(shape, "float32")})
            print("{}, weights {}: runs".format(name, kind))
        except Exception as error:
            print("{}, weights {}: {}".format(name, kind, type(error).__name__))
            print("#", error)
END
environment former onnx==1.19.1 onnxruntime==1.23.2 numpy==2.2.6 sympy==1.14.0
observe former < "$FOLDER/quantize.py"
environment newer onnx==1.19.1 onnxruntime==1.24.1 numpy==2.2.6 sympy==1.14.0
observe newer < "$FOLDER/quantize.py"
expect <<'END'
onnx 1.19.1 onnxruntime 1.23.2
convolution, weights by default: NotImplemented
convolution, weights as uint8: runs
product of matrices, weights by default: runs
product of matrices, weights as uint8: runs
onnx 1.19.1 onnxruntime 1.24.1
convolution, weights by default: runs
convolution, weights as uint8: runs
product of matrices, weights by default: runs
product of matrices, weights as uint8: runs
END
