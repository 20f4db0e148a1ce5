#!/bin/sh
# The optimizers with decoupled weight decay of TensorFlow 1 (tf.contrib.opt.AdamWOptimizer, MomentumWOptimizer) document decay_var_list of
# minimize as the variables that decay. It has no effect: all variables decay, biases and scales too, without a warning. That of
# apply_gradients works, if the list is not empty; an empty list means all variables. Needs Python 3.7, by FINDINGS_PYTHON.
# Answered by the optimizers of these names in the stand-in for tf.contrib, which warn and say what to call instead.
. "$(dirname "$0")/lib/finding.sh"
FINDINGS_PYTHON=${FINDINGS_PYTHON:-python3.7}
export PIP_NO_DEPS=1  # TensorFlow 1.15 asks for gast 0.2.2, of which there is no wheel
environment python tensorflow==1.15.5 tensorflow-estimator==1.15.1 numpy==1.18.5 protobuf==3.20.3 gast==0.3.3 h5py==2.10.0 astor==0.8.1
environment python absl-py==2.1.0 google-pasta==0.2.0 keras-applications==1.0.8 keras-preprocessing==1.1.2 opt-einsum==3.3.0
environment python grpcio==1.62.3 six==1.17.0 termcolor==2.3.0 wrapt==1.16.0 tensorboard==1.15.0 typing-extensions==4.7.1
observe python <<'END'
import tensorflow as tf

v1 = tf.compat.v1
v1.logging.set_verbosity(v1.logging.ERROR)
print("tensorflow", tf.__version__)
optimizers = {"AdamWOptimizer": lambda: tf.contrib.opt.AdamWOptimizer(0.1, 0.001),
              "MomentumWOptimizer": lambda: tf.contrib.opt.MomentumWOptimizer(0.1, 0.001, 0.9)}
for name, make in optimizers.items():
    for given in None, ["weights"], []:
        for method in "minimize", "apply_gradients":
            with tf.Graph().as_default(), v1.Session() as session:
                variables = {each: v1.get_variable(each, initializer=[1.]) for each in ("weights", "biases")}
                loss = 0. * tf.add_n(list(variables.values()))
                decayed = None if given is None else [variables[each] for each in given]
                optimizer = make()
                if method == "minimize":
                    step = optimizer.minimize(loss, decay_var_list=decayed)
                else:
                    step = optimizer.apply_gradients(optimizer.compute_gradients(loss), decay_var_list=decayed)
                session.run(v1.global_variables_initializer())
                session.run(step)
                smaller = [each for each in sorted(variables) if session.run(variables[each])[0] < 1]
            print("{}.{}, decay_var_list {}: {} decay".format(name, method, given, " and ".join(smaller)))
END
expect <<'END'
tensorflow 1.15.5
AdamWOptimizer.minimize, decay_var_list None: biases and weights decay
AdamWOptimizer.apply_gradients, decay_var_list None: biases and weights decay
AdamWOptimizer.minimize, decay_var_list ['weights']: biases and weights decay
AdamWOptimizer.apply_gradients, decay_var_list ['weights']: weights decay
AdamWOptimizer.minimize, decay_var_list []: biases and weights decay
AdamWOptimizer.apply_gradients, decay_var_list []: biases and weights decay
MomentumWOptimizer.minimize, decay_var_list None: biases and weights decay
MomentumWOptimizer.apply_gradients, decay_var_list None: biases and weights decay
MomentumWOptimizer.minimize, decay_var_list ['weights']: biases and weights decay
MomentumWOptimizer.apply_gradients, decay_var_list ['weights']: weights decay
MomentumWOptimizer.minimize, decay_var_list []: biases and weights decay
MomentumWOptimizer.apply_gradients, decay_var_list []: biases and weights decay
END
