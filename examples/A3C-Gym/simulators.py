"""Processes that each play an environment, and a DataFlow that decides for all of them and yields what they lived through."""
import multiprocessing as mp
import os
import sys
from collections import deque
from multiprocessing.connection import wait

import numpy as np

from tensorpack.dataflow import *
from tensorpack.utils.concurrency import enable_death_signal, ensure_proc_terminate, start_proc_mask_signal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "DeepQNetwork"))
from environment import Environment  # noqa: E402
from replay import Evaluator, play_episodes, start_history  # noqa: E402, F401


class Step:
    """A state, what was done in it, and what came of it."""

    def __init__(self, state, action, probability, value):
        self.state, self.action, self.probability, self.value = state, action, probability, value
        self.reward = 0.0


class SimulatorData(RNGDataFlow):
    """Yields [state, action, discounted return, probability of the action], in the order in which they become known.

    Make it before there is a session, since it forks. Iterate it in the process that made it, once `predict` is set.

    Attributes:
        predict: a function from a batch of states to [policies, values].
        scores: of the episodes that have ended; whoever reads it empties it.
    """

    def __init__(self, env_name, num_simulators, max_steps=5, gamma=0.99):
        self.predict = None
        self.scores = []
        self._max_steps, self._gamma = max_steps, gamma
        self._connections, self._processes = [], []
        for k in range(num_simulators):
            ours, theirs = mp.Pipe()
            self._connections.append(ours)
            self._processes.append(mp.Process(target=simulate, args=(theirs, self._connections[:], env_name, k), daemon=True))
            start_proc_mask_signal(self._processes[-1])
            theirs.close()
        ensure_proc_terminate(self._processes)

    def __iter__(self):
        episodes = {connection: [] for connection in self._connections}  # the steps whose returns are not known yet
        while True:
            ready = wait(self._connections)
            messages = [self._receive(connection) for connection in ready]
            policies, values = self.predict(np.stack([state for state, _, _, _ in messages]))
            for k, (connection, (state, reward, over, score)) in enumerate(zip(ready, messages)):
                steps = episodes[connection]
                if steps:
                    steps[-1].reward = reward
                    yield from self._finished(steps, over, values[k])
                if score is not None:
                    self.scores.append(score)
                action = self.rng.choice(len(policies[k]), p=policies[k] / policies[k].sum())
                steps.append(Step(state, action, policies[k][action], values[k]))
                connection.send(action)

    def _receive(self, connection):
        try:
            return connection.recv()
        except (EOFError, OSError):
            k = self._connections.index(connection)
            self._processes[k].join(10)
            raise RuntimeError("Simulator {} has ended with status {}".format(k, self._processes[k].exitcode)) from None

    def _finished(self, steps, over, next_value):
        """The datapoints of steps whose return is known now; they are removed from the list."""
        if not over and len(steps) < self._max_steps:
            return
        future = 0.0 if over else next_value
        while steps:
            step = steps.pop()
            future = step.reward + self._gamma * future
            yield [step.state, step.action, future, step.probability]

    def close(self):
        """End the processes."""
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            process.join(10)


def simulate(connection, of_others, env_name, seed):
    """The work of a process: send (state, last reward, whether it ended an episode, score of that), receive an action."""
    enable_death_signal()
    for other in of_others:  # inherited; as long as they are open here nobody notices their end
        other.close()
    env = Environment(env_name, seed)
    recent = deque(maxlen=env.history)
    start_history(recent, env)
    reward, over, score, total = 0.0, False, None, 0.0
    while True:
        try:
            connection.send((np.stack(recent, axis=-1), reward, over, score))
            action = connection.recv()
        except (EOFError, OSError):  # the training has ended
            return
        observation, reward, terminated, truncated = env.step(action)
        over, total = terminated or truncated, total + reward
        score = total if over else None
        recent.append(observation)
        if over:
            total = 0.0
            start_history(recent, env)
