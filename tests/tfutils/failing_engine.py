"""An engine for tests, in a module that imports no TensorFlow, so that its process starts soon."""
import os
import signal
import sys
import time

from tensorpack.tfutils._engines.engine import Engine
from tensorpack.tfutils._engines.signature import Signature, TensorInfo


class Failing(Engine):
    """Crashes, hangs or complains, as its file says."""

    name, title, modules, pip = "failing", "The engine", ("numpy",), "numpy"

    def _load(self, told):
        with open(self.path) as f:
            self.fault = f.read()
        if self.fault == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.fault == "hang":
            time.sleep(60)
        if self.fault == "refuse":
            raise OSError("no such operation")
        if self.fault == "modules":
            raise OSError("loaded: {}".format(" ".join({"tensorflow", "tensorpack.compat"} & set(sys.modules)) or "none"))
        return Signature([TensorInfo("x", "float32", [None])], [TensorInfo("y", "float32", [None])], {})

    def _run(self, inputs):
        if self.fault == "leave":
            os._exit(3)
        return [inputs[0] * 2]

    def close(self):
        pass
