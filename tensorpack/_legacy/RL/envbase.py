"""What an environment is, its space of actions, and the player that passes everything on."""
from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections import defaultdict
from typing import Any, Callable, DefaultDict, List, Tuple, Union

import six

from ...utils.utils import get_rng

__all__ = ["ActionSpace", "DiscreteActionSpace", "NaiveRLEnvironment", "ProxyPlayer", "RLEnvironment"]


@six.add_metaclass(ABCMeta)
class RLEnvironment:
    """Base of environments.

    `stats` is a dictionary of lists, such as the scores of the episodes that have ended.
    """

    stats: Any

    def __init__(self) -> None:
        self.reset_stat()

    @abstractmethod
    def current_state(self) -> Any:
        """What is seen: the same until the next action."""

    @abstractmethod
    def action(self, act: Any) -> Tuple[float, bool]:
        """Act; returns the reward and whether the episode is over."""

    def restart_episode(self) -> None:
        """Begin a new episode, wherever the present one is."""
        raise NotImplementedError("{} must define restart_episode()".format(type(self).__name__))

    def finish_episode(self) -> None:
        """Called when an episode is over."""

    def get_action_space(self) -> Any:
        """The space of actions."""
        raise NotImplementedError("{} must define get_action_space()".format(type(self).__name__))

    def reset_stat(self) -> None:
        """Forget all statistics."""
        statistics: DefaultDict[str, List[Any]] = defaultdict(list)
        self.stats = statistics

    def play_one_episode(self, func: Callable[[Any], Any], stat: Union[str, List[str]] = "score") -> Any:
        """Play until an episode is over; the statistics begin anew then.

        Args:
            func: from a state to an action.
            stat: the name of a statistic, or a list of names.

        Returns:
            the values of the statistic, a list; of several names a list of such.
        """
        is_over = False
        while not is_over:
            _, is_over = self.action(func(self.current_state()))
        values = [self.stats[name] for name in ([stat] if isinstance(stat, str) else stat)]
        self.reset_stat()
        return values if len(values) > 1 else values[0]


class ActionSpace:
    """Base of spaces of actions; `rng` is a random stream."""

    def __init__(self) -> None:
        self.rng = get_rng(self)

    def sample(self) -> Any:
        """A random action."""
        raise NotImplementedError("{} must define sample()".format(type(self).__name__))

    def num_actions(self) -> int:
        """How many actions there are."""
        raise NotImplementedError("{} has no number of actions".format(type(self).__name__))


class DiscreteActionSpace(ActionSpace):
    """The actions 0, ..., num - 1."""

    def __init__(self, num: int):
        super().__init__()
        self.num = num

    def sample(self) -> int:
        return int(self.rng.randint(self.num))

    def num_actions(self) -> int:
        return self.num

    def __repr__(self) -> str:
        return "DiscreteActionSpace({})".format(self.num)

    __str__ = __repr__


class NaiveRLEnvironment(RLEnvironment):
    """A counter, to try players with: each look at the state adds one, an action sets it and is the reward; over above 10."""

    def __init__(self) -> None:
        super().__init__()
        self.k = 0

    def current_state(self) -> int:
        self.k += 1
        return self.k

    def action(self, act: Any) -> Tuple[float, bool]:
        self.k = act
        return self.k, self.k > 10


class ProxyPlayer(RLEnvironment):
    """Passes everything on to another environment, `player`; the base of those that change something."""

    def __init__(self, player: RLEnvironment):
        self.player = player

    @property
    def stats(self) -> Any:
        return self.player.stats

    def reset_stat(self) -> None:
        self.player.reset_stat()

    def current_state(self) -> Any:
        return self.player.current_state()

    def action(self, act: Any) -> Tuple[float, bool]:
        return self.player.action(act)

    def restart_episode(self) -> None:
        self.player.restart_episode()

    def finish_episode(self) -> None:
        self.player.finish_episode()

    def get_action_space(self) -> Any:
        return self.player.get_action_space()
