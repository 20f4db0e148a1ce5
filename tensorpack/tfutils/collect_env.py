"""What a report of a problem should tell about the machine; `python -m tensorpack.tfutils.collect_env` prints it."""
from __future__ import annotations

from ..compat import tfv1 as tf
from ._environment import collect_env_info, parse_TF_build_info

__all__ = ["collect_env_info", "parse_TF_build_info"]


def _main() -> None:
    print(collect_env_info())
    with tf.Session() as sess:
        gpus = [device.name for device in sess.list_devices() if device.device_type == "GPU"]
    print("GPUs that TensorFlow sees: {}".format(", ".join(gpus) or "none"))


if __name__ == "__main__":
    _main()
