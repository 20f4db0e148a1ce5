"""Players that change what another one does: its states, its actions, or the end of its episodes."""
from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Tuple

from .envbase import ProxyPlayer, RLEnvironment

__all__ = ["AutoRestartPlayer", "LimitLengthPlayer", "MapPlayerState", "PreventStuckPlayer"]


class PreventStuckPlayer(ProxyPlayer):
    """After `nr_repeat` equal actions in a row the environment gets `action` instead (a game that waits for its start)."""

    def __init__(self, player: RLEnvironment, nr_repeat: int, action: Any):
        super().__init__(player)
        self.act_que: Deque[Any] = deque(maxlen=nr_repeat)
        self.trigger_action = action

    def action(self, act: Any) -> Tuple[float, bool]:
        self.act_que.append(act)
        if len(self.act_que) == self.act_que.maxlen and self.act_que.count(self.act_que[0]) == len(self.act_que):
            act = self.trigger_action
        reward, is_over = self.player.action(act)
        if is_over:
            self.act_que.clear()
        return reward, is_over

    def restart_episode(self) -> None:
        super().restart_episode()
        self.act_que.clear()


class LimitLengthPlayer(ProxyPlayer):
    """Episodes are over after `limit` actions at the latest; then a new one is begun."""

    def __init__(self, player: RLEnvironment, limit: int):
        super().__init__(player)
        self.limit = limit
        self.cnt = 0

    def action(self, act: Any) -> Tuple[float, bool]:
        reward, is_over = self.player.action(act)
        self.cnt += 1
        if self.cnt >= self.limit:
            is_over = True
        if is_over:
            self.finish_episode()
            self.restart_episode()
        return reward, is_over

    def restart_episode(self) -> None:
        self.player.restart_episode()
        self.cnt = 0


class AutoRestartPlayer(ProxyPlayer):
    """Begins a new episode when one is over."""

    def action(self, act: Any) -> Tuple[float, bool]:
        reward, is_over = self.player.action(act)
        if is_over:
            self.player.finish_episode()
            self.player.restart_episode()
        return reward, is_over


class MapPlayerState(ProxyPlayer):
    """The state is a function of that of the other player."""

    def __init__(self, player: RLEnvironment, func: Callable[[Any], Any]):
        super().__init__(player)
        self.func = func

    def current_state(self) -> Any:
        return self.func(self.player.current_state())
