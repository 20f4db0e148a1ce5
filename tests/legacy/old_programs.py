"""A small training in today's spelling, and programs of each era that do the same; all with fixed data and initial values.

A program is the text of a script that ends by training; its namespace has `OUT`, a list for a `Watch` callback.
"""
import numpy as np

DATA = """
class Numbers(DataFlow):
    def __iter__(self):
        for k in range(4):
            yield [np.array([[k, 1.], [2., k]], 'float32'), np.array([3. * k, 5.], 'float32')]

    def __len__(self):
        return 4
"""

OLD_DATA = """
class Numbers(DataFlow):
    def get_data(self):
        for k in range(4):
            yield [np.array([[k, 1.], [2., k]], 'float32'), np.array([3. * k, 5.], 'float32')]

    def size(self):
        return 4

    def reset_state(self):
        pass
"""

WATCH = """
class Watch(Callback):
    def _setup_graph(self):
        self.values = {v.op.name: v for v in tf.trainable_variables()}

    def _trigger_epoch(self):
        OUT.append({name: self.trainer.sess.run(value) for name, value in self.values.items()})
        OUT[-1]['cost'] = self.trainer.monitors.get_latest('cost')
        OUT[-1]['global_step'] = self.trainer.global_step
"""

HEAD = """
import numpy as np
from tensorpack import *
import tensorflow
tf = tensorflow.compat.v1
"""

GRAPH = """
        w = tf.get_variable('w', initializer=np.array([[.5], [-.5]], 'float32'))
        b = tf.get_variable('b', initializer=np.zeros([1], 'float32'))
        error = tf.squeeze(tf.matmul(x, w) + b, 1) - y
        REGULARIZER
        cost = tf.reduce_mean(tf.square(error), name='cost')
        summary.add_moving_summary(cost)
"""
LOSS = "tf.add_to_collection('regularization_losses', tf.reduce_sum(tf.square(w)) * 0.1)"

TODAY = HEAD + DATA + WATCH + """
class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec([None, 2], tf.float32, 'x'), tf.TensorSpec([None], tf.float32, 'y')]

    def build_graph(self, x, y):
""" + GRAPH + """
        return COST

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.01)

launch_train_with_config(
    TrainConfig(model=Model(), data=QueueInput(RepeatedData(Numbers(), -1)), callbacks=[Watch()],
                max_epoch=2, steps_per_epoch=4),
    SimpleTrainer())
"""
PLAIN = TODAY.replace("REGULARIZER", "").replace("COST", "cost")
REGULARIZED = TODAY.replace("REGULARIZER", LOSS).replace("COST", "cost + regularize_cost_from_collection()")

TWO_TOWERS = REGULARIZED.replace("SimpleTrainer())", "SyncMultiGPUTrainerParameterServer(2, 'gpu'))")

ERA_A = HEAD + OLD_DATA + WATCH + """
class Model(ModelDesc):
    def _get_input_vars(self):
        return [InputVar(tf.float32, [None, 2], 'x'), InputVar(tf.float32, [None], 'y')]

    def _build_graph(self, input_vars, is_training):
        x, y = input_vars
        assert is_training in (True, False)
""" + GRAPH.replace("REGULARIZER", "") + """
        self.cost = cost

config = TrainConfig(
    dataset=RepeatedData(Numbers(), -1), optimizer=tf.train.GradientDescentOptimizer(0.01),
    callbacks=Callbacks([Watch(), StatPrinter()]), model=Model(), step_per_epoch=4, max_epoch=2)
QueueInputTrainer(config).train()
"""

OLD_MODEL = """
class Model(ModelDesc):
    def _get_inputs(self):
        return [InputDesc(tf.float32, (None, 2), 'x'), InputDesc(tf.float32, (None,), 'y')]

    def _build_graph(self, inputs):
        x, y = inputs
        assert len(inputs + [x]) == 3
""" + GRAPH + """
        self.cost = cost

    def _get_optimizer(self):
        return tf.train.GradientDescentOptimizer(0.01)
"""

ERA_B = HEAD + OLD_DATA + WATCH + OLD_MODEL.replace("REGULARIZER", "") + """
config = TrainConfig(model=Model(), dataflow=RepeatedData(Numbers(), -1), callbacks=[Watch()], max_epoch=2, steps_per_epoch=4)
config.nr_tower = 1
QueueInputTrainer(config).train()
"""

ERA_C = HEAD + OLD_DATA + WATCH + OLD_MODEL.replace("REGULARIZER", LOSS) + """
config = TrainConfig(model=Model(), data=QueueInput(RepeatedData(Numbers(), -1)), callbacks=[Watch()], max_epoch=2,
                     steps_per_epoch=4, nr_tower=1)
trainer = SyncMultiGPUTrainerReplicated(config)
trainer.train()
"""

ERA_C_TWO_TOWERS = HEAD + OLD_DATA + WATCH + OLD_MODEL.replace("REGULARIZER", LOSS) + """
config = TrainConfig(model=Model(), dataflow=RepeatedData(Numbers(), -1), callbacks=[Watch()], max_epoch=2, steps_per_epoch=4)
config.nr_tower = 2
SyncMultiGPUTrainer(config).train()
"""

ERA_D = HEAD + OLD_DATA + WATCH + OLD_MODEL.replace("REGULARIZER", "") + """
config = TrainConfig(model=Model(), dataflow=RepeatedData(Numbers(), -1), callbacks=[Watch()], max_epoch=2, steps_per_epoch=4)
config.nr_tower = 0
if config.nr_tower > 1:
    SyncMultiGPUTrainer(config).train()
else:
    SyncMultiGPUTrainerParameterServer(config, ps_device='cpu').train()
"""

ERA_D_LAUNCH = HEAD + OLD_DATA + WATCH + OLD_MODEL.replace("REGULARIZER", LOSS) + """
launch_train_with_config(
    TrainConfig(model=Model(), dataflow=RepeatedData(Numbers(), -1), callbacks=[Watch()], max_epoch=2, steps_per_epoch=4),
    SyncMultiGPUTrainerParameterServer([0]))
"""

ERA_E = HEAD + DATA + WATCH + """
class Model(ModelDesc):
    def inputs(self):
        return [tf.placeholder(tf.float32, [None, 2], 'x'), tf.placeholder(tf.float32, [None], 'y')]

    def build_graph(self, x, y):
""" + GRAPH.replace("REGULARIZER", LOSS) + """
        self.cost = cost

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.01)

config = TrainConfig(model=Model(), dataflow=RepeatedData(Numbers(), -1), callbacks=[Watch()], max_epoch=2, steps_per_epoch=4)
launch_train_with_config(config, SimpleTrainer())
"""

ERA_F = HEAD + DATA + WATCH + """
class Model(ModelDesc):
    def inputs(self):
        return [InputDesc(tf.float32, [None, 2], 'x'), InputDesc(tf.float32, [None], 'y')]

    def build_graph(self, *inputs):
        x, y = inputs
""" + GRAPH.replace("REGULARIZER", LOSS) + """
        return cost

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.01)

launch_train_with_config(
    TrainConfig(model=Model(), dataflow=RepeatedData(Numbers(), -1), callbacks=[Watch()], max_epoch=2, steps_per_epoch=4),
    SimpleTrainer())
"""


def run(program, **names):
    """What the `Watch` of the program has seen after each epoch."""
    names.update(OUT=[], __name__="__program__")
    exec(compile(program, "program", "exec"), names)
    return names["OUT"]


def same(one, other, but=()):
    assert len(one) == len(other) > 0
    for epoch, expected in zip(one, other):
        assert set(epoch) == set(expected)
        for name in set(expected) - set(but):
            np.testing.assert_allclose(epoch[name], expected[name], rtol=1e-5, err_msg=name)
