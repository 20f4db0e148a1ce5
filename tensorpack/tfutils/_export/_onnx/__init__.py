"""What ONNX files need beyond the conversion by tf2onnx: a real choice, names of open dimensions, weights in a file beside."""
