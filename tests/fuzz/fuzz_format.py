"""What a format is whose readers are fuzzed, and what its samples are made with."""
import multiprocessing
import os


class Format:
    """A reader.

    Args:
        samples: a function of a folder, which gives bytes of valid inputs.
        read: a function of the bytes, a folder and a random generator.
        errors: what it may raise.
        native: the package whose C code parses it, where that is not ours to choose.
        needs: modules.
    """

    def __init__(self, samples, read, errors=(ValueError,), native=None, needs=()):
        self.samples, self.read, self.errors, self.native, self.needs = samples, read, errors, native, needs

    def prepare(self, folder):
        """The samples, after a process has read each. What reading needs is imported, for processes that are forked later."""
        for name in self.needs:
            __import__(name)
        samples = self.samples(folder)
        process = multiprocessing.get_context("fork").Process(target=self._read_valid, args=(samples,))
        process.start()  # not here: what has used TensorFlow cannot be forked
        process.join()
        if process.exitcode:
            raise RuntimeError("valid samples cannot be read")
        return samples

    def _read_valid(self, samples):
        import random
        import tempfile

        be_quiet()
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            for sample in samples:
                self.read(sample, folder, random.Random(0))


def be_quiet():
    """For a process that reads changed inputs: no log of what is wrong with them."""
    import logging

    from tensorpack.utils import logger

    logger._logger.setLevel(logging.CRITICAL)


def written(folder, data, name="file"):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def content(path):
    with open(path, "rb") as f:
        return f.read()


def in_one(files):
    """One input that stands for one of several files, all of which a reader needs: the name and the content of this one."""
    return [name.encode() + b"\n" + body for name, body in sorted(files.items())]


def parts_of(data, folder, files):
    """Write the files, one of them as the input has it; an input whose name is changed stands for the first."""
    name, _, body = data.partition(b"\n")
    name = name.decode("latin1")
    for each, valid in files.items():
        path = os.path.join(folder, *each.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(body if each == (name if name in files else min(files)) else valid)
