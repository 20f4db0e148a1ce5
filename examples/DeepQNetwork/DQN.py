#!/usr/bin/env python
"""Deep Q-learning of a gymnasium environment: cart pole within a minute, Atari games within days.

Usage: DQN.py [--env CartPole-v1] [--algo dqn|double|dueling] [--logdir DIR] [--epochs N]
       DQN.py --play EPISODES --load train_log/DQN/max-mean_score
"""
import argparse
import os

from environment import Environment
from replay import Evaluator, Player, ReplayMemory, play_episodes

from tensorpack import *
from tensorpack.tfutils.gradproc import GlobalNormClip
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.tfutils.tower import get_current_tower_context
from tensorpack.tfutils.varreplace import freeze_variables

tf = tfv1


class Model(ModelDesc):
    def __init__(self, env, algo, gamma=0.99):
        self.shape, self.dtype, self.num_actions = env.shape + (env.history,), tf.as_dtype(env.dtype), env.num_actions
        self.algo, self.gamma = algo, gamma

    def inputs(self):
        return [tf.TensorSpec((None,) + self.shape, self.dtype, "state"),
                tf.TensorSpec((None,), tf.int32, "action"),
                tf.TensorSpec((None,), tf.float32, "reward"),
                tf.TensorSpec((None,) + self.shape, self.dtype, "next_state"),
                tf.TensorSpec((None,), tf.bool, "terminated")]

    def q_values(self, state):
        """[N, ...] states to [N, num_actions] values."""
        if self.dtype == tf.uint8:  # the network of Mnih et al. 2015
            with argscope(Conv2D, activation=tf.nn.relu, padding="valid"):
                x = (LinearWrap(tf.cast(state, tf.float32) / 255.0)
                     .Conv2D("conv0", 32, 8, strides=4)
                     .Conv2D("conv1", 64, 4, strides=2)
                     .Conv2D("conv2", 64, 3)
                     .FullyConnected("fc0", 512, activation=tf.nn.relu)())
        else:
            # bounded features: values of states that were never seen do not grow without limit
            x = FullyConnected("fc0", state, 256, activation=tf.nn.tanh)
            x = FullyConnected("fc1", x, 256, activation=tf.nn.tanh)
        if self.algo != "dueling":
            return FullyConnected("value", x, self.num_actions)
        advantage = FullyConnected("advantage", x, self.num_actions)
        return FullyConnected("state_value", x, 1) + advantage - tf.reduce_mean(advantage, 1, keepdims=True)

    def build_graph(self, state, action, reward, next_state, terminated):
        values = tf.identity(self.q_values(state), name="Qvalue")
        if not get_current_tower_context().is_training:
            return None
        chosen = tf.reduce_sum(values * tf.one_hot(action, self.num_actions), 1)
        with tf.variable_scope("target"), freeze_variables(skip_collection=True):
            next_values = self.q_values(next_state)
        if self.algo == "dqn":
            best = tf.argmax(next_values, 1)
        else:  # the network that learns chooses, the target network judges (van Hasselt et al. 2016)
            with tf.variable_scope(tf.get_variable_scope(), reuse=True):
                best = tf.argmax(self.q_values(next_state), 1)
        future = tf.reduce_sum(next_values * tf.one_hot(best, self.num_actions), 1)
        target = tf.stop_gradient(reward + self.gamma * tf.where(terminated, tf.zeros_like(future), future))
        cost = tf.reduce_mean(tf.losses.huber_loss(target, chosen, reduction=tf.losses.Reduction.NONE), name="cost")
        add_moving_summary(cost, tf.reduce_mean(tf.reduce_max(values, 1), name="mean_max_Q"))
        return cost

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=5e-4, trainable=False)
        return optimizer.apply_grad_processors(tf.train.AdamOptimizer(rate), [GlobalNormClip(10)])


def update_target():
    """The operation that copies the network to the target network."""
    variables = {v.op.name: v for v in tf.global_variables()}
    pairs = [(v, variables[name[len("target/"):]]) for name, v in variables.items() if name.startswith("target/")]
    return tf.group(*[target.assign(source) for target, source in pairs], name="update_target")


def train(args):
    env = Environment(args.env, seed=args.seed)
    is_video = env.dtype == "uint8"
    memory = ReplayMemory(args.memory or (1000000 if is_video else 50000), env.shape, env.dtype, env.history)
    warm_up, steps = (200, 20) if args.fake else (50000, 25000) if is_video else (1000, 1000)
    player = Player(env, memory, batch_size=32 if is_video else 128, warm_up=warm_up, steps_per_batch=4)
    logger.set_logger_dir(args.logdir, action="d")
    launch_train_with_config(TrainConfig(
        model=Model(env, args.algo),
        data=FeedInput(player.dataflow()),
        callbacks=[
            ModelSaver(),
            PeriodicTrigger(RunOp(update_target, verbose=False), every_k_steps=10000 if is_video else 100),
            player,
            ScheduledHyperParamSetter(ObjAttrParam(player, "exploration"), [(0, 1.0), (5, 0.05)], interp="linear"),
            ScheduledHyperParamSetter("learning_rate", [(0, 5e-4), (args.epochs, 1e-4)], interp="linear"),
            Evaluator(Environment(args.env, seed=args.seed + 1), num_episodes=2 if args.fake else 10),
            MaxSaver("mean_score"),
        ],
        steps_per_epoch=steps,
        max_epoch=1 if args.fake else args.epochs,
        session_init=SmartInit(args.load),
    ), SimpleTrainer())


def play(args):
    env = Environment(args.env, seed=args.seed)
    predict = OfflinePredictor(PredictConfig(
        model=Model(env, args.algo), session_init=SmartInit(args.load), input_names=["state"], output_names=["Qvalue"]))
    for score in play_episodes(env, predict, args.play):
        print("score: {:g}".format(score))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", default="CartPole-v1", help="its name in gymnasium, such as ALE/Breakout-v5")
    parser.add_argument("--algo", choices=["dqn", "double", "dueling"], default="double")
    parser.add_argument("--logdir", default=os.path.join("train_log", "DQN"))
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--memory", type=int, help="how many steps to remember")
    parser.add_argument("--seed", type=int, default=0)
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
