#!/usr/bin/env python
"""Advantage actor-critic with asynchronous simulators: cart pole within a minute, Atari games within hours.

Usage: train.py [--env CartPole-v1] [--simulators N] [--logdir DIR] [--epochs N]
       train.py --play EPISODES --load train_log/A3C/max-mean_score
"""
import argparse
import os

from simulators import Environment, Evaluator, SimulatorData, play_episodes

from tensorpack import *
from tensorpack.tfutils.gradproc import GlobalNormClip
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.tfutils.tower import get_current_tower_context

tf = tfv1


class Model(ModelDesc):
    def __init__(self, env):
        self.shape, self.dtype, self.num_actions = env.shape + (env.history,), tf.as_dtype(env.dtype), env.num_actions

    def inputs(self):
        return [tf.TensorSpec((None,) + self.shape, self.dtype, "state"),
                tf.TensorSpec((None,), tf.int64, "action"),
                tf.TensorSpec((None,), tf.float32, "future_reward"),
                tf.TensorSpec((None,), tf.float32, "probability")]

    def features(self, state):
        if self.dtype != tf.uint8:
            x = FullyConnected("fc0", state, 128, activation=tf.nn.relu)
            return FullyConnected("fc1", x, 128, activation=tf.nn.relu)
        with argscope(Conv2D, activation=tf.nn.relu):
            return (LinearWrap(tf.cast(state, tf.float32) / 255.0)
                    .Conv2D("conv0", 32, 5).MaxPooling("pool0", 2)
                    .Conv2D("conv1", 32, 5).MaxPooling("pool1", 2)
                    .Conv2D("conv2", 64, 4).MaxPooling("pool2", 2)
                    .Conv2D("conv3", 64, 3)
                    .FullyConnected("fc0", 512).PReLU("prelu")())

    def build_graph(self, state, action, future_reward, probability):
        x = self.features(state)
        logits = FullyConnected("policy_logits", x, self.num_actions)
        value = tf.squeeze(FullyConnected("value_output", x, 1), 1, name="value")
        policy = tf.nn.softmax(logits, name="policy")
        tf.identity(policy, name="Qvalue")  # the best action has the highest value
        if not get_current_tower_context().is_training:
            return None
        log_policy = tf.nn.log_softmax(logits)
        log_chosen = tf.reduce_sum(log_policy * tf.one_hot(action, self.num_actions), 1)
        # the simulators acted on an older policy
        importance = tf.stop_gradient(tf.clip_by_value(tf.exp(log_chosen) / (probability + 1e-8), 0, 10))
        advantage = tf.stop_gradient(future_reward - value)
        policy_cost = tf.reduce_mean(-log_chosen * advantage * importance, name="policy_cost")
        value_cost = tf.reduce_mean(0.5 * tf.square(future_reward - value), name="value_cost")
        entropy = tf.reduce_mean(-tf.reduce_sum(policy * log_policy, 1), name="entropy")
        entropy_weight = tf.get_variable("entropy_weight", initializer=0.01, trainable=False)
        cost = tf.add_n([policy_cost, 0.5 * value_cost, -entropy_weight * entropy], name="cost")
        add_moving_summary(policy_cost, value_cost, entropy, tf.reduce_mean(value, name="mean_value"))
        return cost

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=1e-3, trainable=False)
        return optimizer.apply_grad_processors(tf.train.AdamOptimizer(rate, epsilon=1e-5), [GlobalNormClip(0.5)])


class Deciding(Callback):
    """Lets the simulators act by the network as it is, and reports their scores."""

    def __init__(self, simulators):
        self._simulators = simulators

    def _setup_graph(self):
        self._simulators.predict = self.trainer.get_predictor(["state"], ["policy", "value"])

    def _trigger_epoch(self):
        scores, self._simulators.scores = self._simulators.scores, []
        if scores:
            self.trainer.monitors.put_scalar("mean_return", sum(scores) / len(scores))

    def _after_train(self):
        self._simulators.close()


def train(args):
    simulators = SimulatorData(args.env, args.simulators)
    env = Environment(args.env, seed=args.simulators)
    dtypes = [tf.as_dtype(env.dtype), tf.int64, tf.float32, tf.float32]
    steps = 20 if args.fake else 2000 if env.dtype == "uint8" else 500
    logger.set_logger_dir(args.logdir, action="d")
    launch_train_with_config(TrainConfig(
        model=Model(env),
        data=QueueInput(BatchData(simulators, 128), queue=tf.FIFOQueue(4, dtypes)),  # a long queue would hold old policies
        callbacks=[
            ModelSaver(),
            Deciding(simulators),
            ScheduledHyperParamSetter("learning_rate", [(0, 1e-3), (args.epochs, 1e-4)], interp="linear"),
            Evaluator(env, num_episodes=2 if args.fake else 10),
            MaxSaver("mean_score"),
        ],
        steps_per_epoch=steps,
        max_epoch=1 if args.fake else args.epochs,
        session_init=SmartInit(args.load),
    ), SimpleTrainer())


def play(args):
    env = Environment(args.env)
    predict = OfflinePredictor(PredictConfig(
        model=Model(env), session_init=SmartInit(args.load), input_names=["state"], output_names=["policy"]))
    for score in play_episodes(env, predict, args.play):
        print("score: {:g}".format(score))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", default="CartPole-v1", help="its name in gymnasium, such as ALE/Breakout-v5")
    parser.add_argument("--simulators", type=int, default=8, help="how many processes play")
    parser.add_argument("--logdir", default=os.path.join("train_log", "A3C"))
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--load", help="checkpoint")
    parser.add_argument("--play", type=int, metavar="EPISODES", help="play with a trained model; needs --load")
    parser.add_argument("--fake", action="store_true", help="a few steps only")
    args = parser.parse_args()
    if args.play and not args.load:
        parser.error("--play needs --load CHECKPOINT")
    if args.play:
        play(args)
    else:
        train(args)


if __name__ == "__main__":
    main()
