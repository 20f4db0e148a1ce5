#!/bin/sh
# tf.contrib.opt.AdamWOptimizer of TensorFlow 1.15 documents minimize(decay_var_list=) as the variables that decay. All variables decay,
# whatever the list holds: networks that were meant to spare biases and normalisation did not.
# TensorFlow 1.15 needs Python 3.7: FINDINGS_PYTHON=python3.7 sh findings/tensorflow-1-contrib-adamw-decay-list.sh
# Answered by tensorpack/tf1 (the optimizers of tf.contrib.opt), which does the same and says so in a warning.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow==1.15.5 'protobuf<3.21'
observe python <<'END'
import tensorflow as tf

v1 = tf.compat.v1
print("tensorflow", tf.__version__)
for given in "not given", "the first variable":
    with tf.Graph().as_default(), v1.Session() as session:
        first, second = [v1.get_variable(name, initializer=1.) for name in ("first", "second")]
        optimizer = tf.contrib.opt.AdamWOptimizer(weight_decay=.5, learning_rate=0.)
        options = {} if given == "not given" else {"decay_var_list": [first]}
        train = optimizer.minimize(first * 0 + second * 0, **options)
        session.run(v1.global_variables_initializer())
        session.run(train)
        print("decay_var_list {}: {}".format(given, session.run([first, second])))
END
expect <<'END'
tensorflow 1.15.5
decay_var_list not given: [0.5, 0.5]
decay_var_list the first variable: [0.5, 0.5]
END
