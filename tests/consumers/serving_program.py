"""Starts the server of simple-tensorflow-serving 0.8.2, whose arguments it takes, on any Flask.

Two faults of the server are mended, none of which has to do with the models: Flask 2.3 dropped `before_first_request`; and
of several signatures the server needs `serving_default` to come first, although protobuf gives them in random order.
"""
import flask

if not hasattr(flask.Flask, "before_first_request"):
    flask.Flask.before_first_request = lambda app, function: function()

import simple_tensorflow_serving.server as server  # puts its folder on sys.path
import tensorflow_inference_service as service


def unless_none(find):
    return lambda signature: ([], []) if signature is None else find(signature)


for name in ["get_input_tensor_names_by_signature", "get_output_tensor_names_by_signature"]:
    setattr(service, name, unless_none(getattr(service, name)))

if __name__ == "__main__":
    server.main()
