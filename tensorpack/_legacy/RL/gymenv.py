"""Environments of the package gym."""
from __future__ import annotations

import time
from typing import Any, List, Optional, Tuple

from ...utils.optional import optional_import
from .envbase import DiscreteActionSpace, RLEnvironment

__all__ = ["GymEnv"]

gym = optional_import("gym", needed_by="RL.GymEnv", pip="gym")


class GymEnv(RLEnvironment):
    """An environment of gym; `stats["score"]` has the sums of rewards of the episodes that are over.

    Args:
        name: of the environment.
        dumpdir: where gym writes videos; releases of gym from 0.26 on, which lack the wrapper for that, raise an error.
        viz: draw each state: False; True for at once; a number for a pause of so many seconds after it.
        auto_restart: begin a new episode when one is over.
    """

    def __init__(self, name: str, dumpdir: Optional[str] = None, viz: Any = False, auto_restart: bool = True):
        super().__init__()
        self.gymenv = _recorded(gym.make(name), dumpdir)
        self.use_dir = dumpdir
        self.viz = viz
        self.auto_restart = auto_restart
        self.rwd_counter: List[float] = []
        self.restart_episode()

    def restart_episode(self) -> None:
        self.rwd_counter = []
        started = self.gymenv.reset()
        # since gym 0.26 with a dictionary of what else is known
        self._ob = started[0] if isinstance(started, tuple) and len(started) == 2 and isinstance(started[1], dict) else started

    def finish_episode(self) -> None:
        if self.use_dir is not None and hasattr(self.gymenv, "flush"):
            self.gymenv.flush()
        self.stats["score"].append(sum(self.rwd_counter))

    def current_state(self) -> Any:
        if self.viz:
            self.gymenv.render()
            if not isinstance(self.viz, bool):
                time.sleep(self.viz)
        return self._ob

    def action(self, act: Any) -> Tuple[float, bool]:
        self._ob, reward, *ended, _ = self.gymenv.step(act)
        is_over = any(ended)  # one flag, or since gym 0.26 two: for an end and for a limit
        self.rwd_counter.append(reward)
        if is_over:
            self.finish_episode()
            if self.auto_restart:
                self.restart_episode()
        return reward, is_over

    def get_action_space(self) -> DiscreteActionSpace:
        spaces = self.gymenv.action_space
        if not hasattr(spaces, "n"):
            raise TypeError("GymEnv.get_action_space: the actions must be discrete; got {!r}".format(spaces))
        return DiscreteActionSpace(int(spaces.n))


def _recorded(environment: Any, dumpdir: Optional[str]) -> Any:
    if dumpdir is None:
        return environment
    if not hasattr(gym.wrappers, "Monitor"):
        raise NotImplementedError("GymEnv(dumpdir={!r}): this release of gym has no wrappers.Monitor; leave dumpdir out and "
                                  "wrap an environment in gym.wrappers.RecordVideo".format(dumpdir))
    return gym.wrappers.Monitor(environment, dumpdir)
