"""`tensorpack.RL`: environments and players."""
import os
import subprocess
import sys
import types

import numpy as np
import pytest

from tensorpack import RL

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Corridor(RL.RLEnvironment):
    """States are the position as an image of one channel; at 4 an episode is over, whose score is its sum of rewards."""

    def __init__(self):
        super().__init__()
        self.restart_episode()

    def current_state(self):
        return np.full([2, 2, 1], self.position)

    def action(self, act):
        self.position += act
        self.total += act
        is_over = self.position >= 4
        if is_over:
            self.finish_episode()
        return act, is_over

    def restart_episode(self):
        self.position, self.total = 0, 0

    def finish_episode(self):
        self.stats["score"].append(self.total)

    def get_action_space(self):
        return RL.DiscreteActionSpace(3)


def test_an_episode_is_played():
    player = RL.MapPlayerState(RL.AutoRestartPlayer(Corridor()), lambda state: int(state[0, 0, 0]))
    assert player.play_one_episode(lambda state: 1 if state < 2 else 2) == [4, 4]
    assert not player.stats["score"] and player.current_state() == 0
    assert player.get_action_space().num_actions() == 3 and player.get_action_space().sample() in (0, 1, 2)
    assert player.play_one_episode(lambda state: 2, ["score", "other"]) == [[4, 4], []]


def test_equal_actions_are_broken_up():
    seen = []
    environment = Corridor()
    environment.action = lambda act: (seen.append(act), (0, act == 9))[1]
    player = RL.PreventStuckPlayer(environment, 3, 5)
    for act in (1, 1, 1, 1, 2, 2, 9, 2, 2, 2):
        player.action(act)
    assert seen == [1, 1, 5, 5, 2, 2, 9, 2, 2, 5]


def test_episodes_are_limited():
    player = RL.LimitLengthPlayer(Corridor(), 3)
    assert [player.action(1)[1] for _ in range(7)] == [False, False, True, False, False, True, False]
    assert player.stats["score"] == [3, 3]


def test_states_hold_those_before():
    player = RL.HistoryFramePlayer(RL.AutoRestartPlayer(Corridor()), 3)
    assert player.current_state().shape == (2, 2, 3)
    seen = [player.current_state()[0, 0].tolist()]
    for act in (1, 2, 1, 1):
        player.action(act)
        seen.append(player.current_state()[0, 0].tolist())
    assert seen == [[0, 0, 0], [0, 0, 1], [0, 1, 3], [0, 0, 0], [0, 0, 1]]
    player.restart_episode()
    assert player.current_state()[0, 0].tolist() == [0, 0, 0]


def test_states_at_some_times_and_buffers():
    from tensorpack.RL.history import HistoryBuffer, TimePointHistoryFramePlayer

    player = TimePointHistoryFramePlayer(Corridor(), [0, 2])
    for _ in range(3):
        player.action(1)
    assert player.current_state()[0, 0].tolist() == [1, 3]
    buffer = HistoryBuffer(2, concat_axis=0)
    buffer.push(np.ones([1, 2]))
    np.testing.assert_array_equal(buffer.get(), [[0, 0], [1, 1]])
    with pytest.raises(ValueError, match="must rise from 0"):
        TimePointHistoryFramePlayer(Corridor(), [1])


class Gym:
    """An environment with the interface of one release of gym."""

    action_space = types.SimpleNamespace(n=2)

    def __init__(self, is_new):
        self.is_new = is_new

    def reset(self):
        self.count = 0
        return (0, {}) if self.is_new else 0

    def step(self, act):
        self.count += act
        over = self.count >= 3
        return (self.count, 1.0, False, over, {}) if self.is_new else (self.count, 1.0, over, {})


@pytest.mark.parametrize("is_new", [False, True], ids=["before-0.26", "since-0.26"])
def test_environments_of_gym(monkeypatch, is_new):
    gym = types.ModuleType("gym")
    gym.make, gym.wrappers = lambda name: Gym(is_new), types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "gym", gym)
    from tensorpack._legacy.RL import gymenv
    monkeypatch.setattr(gymenv, "gym", gym)
    player = RL.GymEnv("Any-v0")
    assert player.get_action_space().num_actions() == 2
    assert player.play_one_episode(lambda state: 1) == [3]
    assert player.current_state() == 0 and player.action(1) == (1, False)
    with pytest.raises(NotImplementedError, match="RecordVideo"):
        RL.GymEnv("Any-v0", dumpdir="videos")


def test_what_programs_ship_themselves_says_so():
    from tensorpack.RL.simulator import SimulatorMaster

    with pytest.raises(NotImplementedError, match="SimulatorMaster of older releases is not provided; instead: the copy that"):
        class Mine(SimulatorMaster):
            pass


def test_it_needs_no_tensorflow():
    code = ("import sys\nfrom tensorpack.RL import *\nfrom tensorpack.utils.rect import *\n"
            "from tensorpack.dataflow import *\ndftools\nprint('LOADED', 'tensorflow' in sys.modules)")
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                         timeout=300)
    assert "LOADED False" in run.stdout
