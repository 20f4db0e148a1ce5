"""The examples of reinforcement learning."""
import glob
import os
import signal
import sys

import numpy as np
import pytest
from example_runner import EXAMPLES, run_example

pytestmark = pytest.mark.slow_on(1)  # the scripts are the same, and what they are made of is tested on both

pytest.importorskip("gymnasium")


@pytest.fixture
def modules(monkeypatch):
    """`replay` and `environment` of the examples."""
    monkeypatch.setattr(sys, "path", [os.path.join(EXAMPLES, "DeepQNetwork")] + sys.path)
    import environment
    import replay

    yield environment, replay
    for name in ("environment", "replay"):
        del sys.modules[name]


def checkpoint(folder, pattern):
    path, = glob.glob(str(folder / pattern / "max-mean_score.index"))
    return path[:-len(".index")]


@pytest.mark.parametrize("algo", ["dqn", "double", "dueling"])
def test_q_learning_trains_and_plays(monkeypatch, tmp_path, capsys, algo):
    run_example(monkeypatch, tmp_path, "DeepQNetwork/DQN.py", "--fake", "--algo", algo)
    if algo == "double":
        return
    from tensorpack.compat import tfv1 as tf

    with tf.Graph().as_default():
        run_example(monkeypatch, tmp_path, "DeepQNetwork/DQN.py", "--algo", algo, "--play", "2", "--load",
                    checkpoint(tmp_path, "train_log/DQN"))
    scores = [float(line.split()[1]) for line in capsys.readouterr().out.splitlines() if line.startswith("score:")]
    assert len(scores) == 2 and all(1 <= score <= 500 for score in scores)


def test_actor_critic_trains_and_leaves_no_simulator(monkeypatch, tmp_path):
    names = run_example(monkeypatch, tmp_path, "A3C-Gym/train.py", "--fake", "--simulators", "3")
    assert "Model" in names and checkpoint(tmp_path, "train_log/A3C")


def test_the_death_of_a_simulator_ends_the_iteration(monkeypatch):
    monkeypatch.setattr(sys, "path", [os.path.join(EXAMPLES, "A3C-Gym")] + sys.path)
    import simulators

    data = simulators.SimulatorData("CartPole-v1", 2)
    data.predict = lambda states: [np.full((len(states), 2), 0.5, "float32"), np.zeros(len(states), "float32")]
    data.reset_state()
    iterator = iter(data)
    state, action, future_reward, probability = next(iterator)
    assert state.shape == (4, 1) and action in (0, 1) and probability == 0.5
    os.kill(data._processes[1].pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="Simulator 1 has ended with status -9"):
        for _ in range(10000):
            next(iterator)
    data.close()
    for name in ("simulators", "environment", "replay"):
        del sys.modules[name]


def test_returns_are_discounted_sums(monkeypatch):
    monkeypatch.setattr(sys, "path", [os.path.join(EXAMPLES, "A3C-Gym")] + sys.path)
    import simulators

    data = simulators.SimulatorData("CartPole-v1", 0, max_steps=3, gamma=0.5)
    steps = [simulators.Step(np.zeros(1), k, 1.0, 0.0) for k in range(3)]
    for k, step in enumerate(steps):
        step.reward = 1.0 + k
    assert list(data._finished(steps[:2], False, 8.0)) == []
    assert [(dp[1], dp[2]) for dp in data._finished(steps[:2], True, 8.0)] == [(1, 2.0), (0, 2.0)]
    assert [(dp[1], dp[2]) for dp in data._finished(steps, False, 8.0)] == [(2, 7.0), (1, 5.5), (0, 3.75)]
    assert steps == []
    for name in ("simulators", "environment", "replay"):
        del sys.modules[name]


def test_a_state_has_no_pictures_of_the_episode_before(modules):
    _, replay = modules
    memory = replay.ReplayMemory(5, (1,), "float32", history=3)
    for k in range(8):  # 3 ... 7 remain; an episode ends with 4
        memory.append([k], k, 0.0, k == 4, False)
    assert memory.states(np.arange(5))[:, 0].tolist() == [[0, 0, 3], [0, 3, 4], [0, 0, 5], [0, 5, 6], [5, 6, 7]]


def test_memories_are_of_steps_whose_next_state_is_known(modules):
    _, replay = modules
    memory = replay.ReplayMemory(100, (1,), "float32", history=1)
    for k in range(70):
        memory.append([k], k % 2, 1.0, False, k % 5 == 0)
    state, action, reward, next_state, terminated = memory.sample(200, np.random.RandomState(0))
    assert state.shape == (200, 1, 1) and (next_state == state + 1).all() and not terminated.any()
    assert (state[:, 0, 0] % 5 != 0).all() and (action == state[:, 0, 0] % 2).all()
    assert state.max() < 69
