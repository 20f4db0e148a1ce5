"""gymnasium environments whose observations are vectors, or small gray pictures made of video frames."""
import sys

import cv2
import numpy as np

try:
    import gymnasium
except ImportError:
    sys.exit("These examples need gymnasium: pip install gymnasium, and for Atari games: pip install 'gymnasium[atari]'")

PICTURE_SIZE = 84
FRAME_SKIP = 4


class Environment:
    """An environment with discrete actions.

    Attributes:
        shape, dtype: of an observation.
        num_actions: the actions are 0 ... num_actions - 1.
        history: of how many observations a state should be made.
    """

    def __init__(self, name, seed=0):
        if name.startswith("ALE/"):
            import ale_py  # noqa: F401  (registers the games)
        self._env = gymnasium.make(name, frameskip=1) if name.startswith("ALE/") else gymnasium.make(name)
        if not hasattr(self._env.action_space, "n"):
            raise ValueError("{}: actions must be discrete; got {}".format(name, self._env.action_space))
        self._is_video = len(self._env.observation_space.shape) == 3
        self.shape = (PICTURE_SIZE, PICTURE_SIZE) if self._is_video else self._env.observation_space.shape
        self.dtype = "uint8" if self._is_video else "float32"
        self.history = 4 if self._is_video else 1
        self.num_actions = int(self._env.action_space.n)
        self._seed = seed

    def reset(self):
        """Start an episode; returns the first observation."""
        observation, _ = self._env.reset(seed=self._seed)
        self._seed = None  # the seed of the first episode determines the others
        return self._convert([observation])

    def step(self, action):
        """Returns (observation, reward, terminated, truncated); a truncated episode would have gone on."""
        frames, total = [], 0.0
        for _ in range(FRAME_SKIP if self._is_video else 1):
            frame, reward, terminated, truncated, _ = self._env.step(int(action))
            frames.append(frame)
            total += float(reward)
            if terminated or truncated:
                break
        return self._convert(frames), total, bool(terminated), bool(truncated)

    def _convert(self, frames):
        if not self._is_video:
            return np.asarray(frames[-1], dtype="float32")
        picture = np.max(frames[-2:], axis=0)  # sprites flicker: each is drawn in every other frame
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        return cv2.resize(gray, (PICTURE_SIZE, PICTURE_SIZE), interpolation=cv2.INTER_AREA)
