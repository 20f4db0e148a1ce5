"""Engines that run exported models: TensorFlow, ONNX Runtime, OpenVINO, LiteRT and OpenCV behind one class.

`engine` is the class, each engine has a file of its own, `signature` knows names, dtypes and shapes of a file, `file_kind`
tells what a file is from its content, `choose` which engines read it. Exports run engines to prove themselves, predictors to
predict. Nothing here but `tensorflow` imports TensorFlow, so that a process can run another engine without it.
"""
