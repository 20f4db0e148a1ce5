"""Experience replay: a memory of what happened, and a callback that plays and learns from it."""
from collections import deque

import numpy as np

from tensorpack import *


class ReplayMemory:
    """The last `size` steps; a state is made of the `history` observations that led to it.

    Args:
        shape, dtype: of an observation.
    """

    def __init__(self, size, shape, dtype, history):
        self.size, self.history = size, history
        self.observations = np.zeros((size,) + tuple(shape), dtype)
        self.actions = np.zeros(size, "int32")
        self.rewards = np.zeros(size, "float32")
        self.terminated = np.zeros(size, bool)
        self.truncated = np.zeros(size, bool)
        self._count = 0  # of all steps ever

    def __len__(self):
        return min(self._count, self.size)

    def append(self, observation, action, reward, terminated, truncated):
        k = self._count % self.size
        self.observations[k], self.actions[k], self.rewards[k] = observation, action, reward
        self.terminated[k], self.truncated[k] = terminated, truncated
        self._count += 1

    def states(self, steps):
        """The states before the given steps, which are numbered from the oldest: [N, *shape, history]."""
        parts, valid = [], np.ones(len(steps), bool)
        for back in range(self.history):
            k = self._positions(steps - back)
            if back:  # what lies before the start of the episode is blank
                valid &= (steps >= back) & ~(self.terminated[k] | self.truncated[k])
            parts.append(np.where(valid.reshape((-1,) + (1,) * (self.observations.ndim - 1)), self.observations[k], 0))
        return np.stack(parts[::-1], axis=-1)

    def sample(self, batch_size, rng):
        """A batch [state, action, reward, next state, terminated] of different moments."""
        steps = rng.randint(0, len(self) - 1, size=batch_size)
        while True:
            unusable = self.truncated[self._positions(steps)]  # the next state was not recorded
            if not unusable.any():
                break
            steps[unusable] = rng.randint(0, len(self) - 1, size=unusable.sum())
        k = self._positions(steps)
        return [self.states(steps), self.actions[k], self.rewards[k], self.states(steps + 1), self.terminated[k]]

    def _positions(self, steps):
        return (self._count - len(self) + steps) % self.size


class Player(Callback):
    """Plays with the network as it is, remembers, and yields batches of memories.

    Attributes:
        exploration: the probability of a random action.
    """

    def __init__(self, environment, memory, batch_size, warm_up, steps_per_batch):
        self.exploration = 1.0
        self._env, self._memory = environment, memory
        self._batch_size, self._warm_up, self._steps_per_batch = batch_size, warm_up, steps_per_batch
        self._rng = get_rng(self)
        self._recent = deque(maxlen=memory.history)
        self._returns = []
        self._start_episode()

    def dataflow(self):
        """An endless DataFlow of batches; each is preceded by some steps of the game."""
        return DataFromGenerator(self._batches)

    def _setup_graph(self):
        self._predict = self.trainer.get_predictor(["state"], ["Qvalue"])

    def _before_train(self):
        for _ in range(self._warm_up):
            self._play_step(self._rng.randint(self._env.num_actions))

    def _batches(self):
        while True:
            for _ in range(self._steps_per_batch):
                explore = self._rng.rand() < self.exploration
                self._play_step(self._rng.randint(self._env.num_actions) if explore else greedy(self._predict, self._recent))
            yield self._memory.sample(self._batch_size, self._rng)

    def _play_step(self, action):
        observation = self._recent[-1]
        following, reward, terminated, truncated = self._env.step(action)
        self._memory.append(observation, action, np.sign(reward), terminated, truncated)
        self._return += reward
        self._recent.append(following)
        if terminated or truncated:
            self._returns.append(self._return)
            self._start_episode()

    def _start_episode(self):
        self._return = 0.0
        start_history(self._recent, self._env)

    def _trigger_epoch(self):
        if self._returns:
            self.trainer.monitors.put_scalar("mean_return", np.mean(self._returns))
            self.trainer.monitors.put_scalar("max_return", np.max(self._returns))
        self.trainer.monitors.put_scalar("exploration", self.exploration)
        self._returns = []


class Evaluator(Callback):
    """Plays some episodes with the best actions whenever it is triggered; gives the statistic `mean_score`."""

    def __init__(self, environment, num_episodes):
        self._env, self._num_episodes = environment, num_episodes

    def _setup_graph(self):
        self._predict = self.trainer.get_predictor(["state"], ["Qvalue"])

    def _trigger(self):
        scores = play_episodes(self._env, self._predict, self._num_episodes)
        self.trainer.monitors.put_scalar("mean_score", np.mean(scores))


def play_episodes(env, predict, num_episodes):
    """The sums of rewards of some episodes."""
    scores = []
    for _ in range(num_episodes):
        recent, score, over = deque(maxlen=env.history), 0.0, False
        start_history(recent, env)
        while not over:
            observation, reward, terminated, truncated = env.step(greedy(predict, recent))
            recent.append(observation)
            score += reward
            over = terminated or truncated
        scores.append(score)
    return scores


def start_history(recent, env):
    first = env.reset()
    recent.extend([np.zeros_like(first)] * (recent.maxlen - 1) + [first])


def greedy(predict, recent):
    """The action of the highest value."""
    return predict(np.stack(recent, axis=-1)[np.newaxis])[0][0].argmax()
