#!/bin/sh
# A Resize by the scale 9/7, in float32, makes 9 of 7 pixels in ONNX Runtime. Shape inference agreed in onnx 1.19 and ONNX Runtime 1.23; that
# of onnx 1.23 and ONNX Runtime 1.32 says 8, since the product is taken in another precision before it is rounded down. What is built on
# the inferred shape is wrong: tf2onnx 1.17 makes a Reshape to 8 pixels of a transposition behind such a Resize of one channel, and ONNX
# Runtime refuses that with an error when it runs.
# Answered by docs/tutorial/inference.md: exports run what they wrote.
. "$(dirname "$0")/lib/finding.sh"
cat > "$FOLDER/resize.py" <<'END'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
for size, wanted in (7, 8), (7, 14), (7, 9), (5, 9):
    scale = np.float32(wanted) / np.float32(size)
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest", coordinate_transformation_mode="asymmetric",
                            nearest_mode="floor")
    graph = helper.make_graph([node], "resize", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1, size])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
                              [helper.make_tensor("scales", TensorProto.FLOAT, [4], [1, 1, 1, scale])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    inferred = onnx.shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim[3].dim_value
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    result = session.run(None, {"x": np.zeros([1, 1, 1, size], np.float32)})[0]
    print("{} to {}: onnx infers {}, ONNX Runtime infers {} and makes {}".format(
        size, wanted, inferred, session.get_outputs()[0].shape[3], result.shape[3]))
END
environment former onnx==1.19.1 onnxruntime==1.23.2 numpy==2.2.6
observe former < "$FOLDER/resize.py"
environment newer onnx==1.23.2 onnxruntime==1.32.0 numpy==2.2.6
observe newer < "$FOLDER/resize.py"
expect <<'END'
onnx 1.19.1 onnxruntime 1.23.2
7 to 8: onnx infers 8, ONNX Runtime infers 8 and makes 8
7 to 14: onnx infers 14, ONNX Runtime infers 14 and makes 14
7 to 9: onnx infers 9, ONNX Runtime infers 9 and makes 9
5 to 9: onnx infers 9, ONNX Runtime infers 9 and makes 9
onnx 1.23.2 onnxruntime 1.32.0
7 to 8: onnx infers 8, ONNX Runtime infers 8 and makes 8
7 to 14: onnx infers 14, ONNX Runtime infers 14 and makes 14
7 to 9: onnx infers 8, ONNX Runtime infers 8 and makes 9
5 to 9: onnx infers 8, ONNX Runtime infers 8 and makes 9
END
