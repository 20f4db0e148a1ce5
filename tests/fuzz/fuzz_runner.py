"""Changes valid files at random and reads them in processes under limits, so that nothing that happens there ends this one.

An input is what a number makes of the samples of a format. Inputs are not kept.
"""
import collections
import faulthandler
import mmap
import os
import random
import re
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback

from fuzz_format import be_quiet

SECONDS = 10  # for one input
MEMORY = 1 << 30  # bytes, beyond what the process has before the first input
BATCH = 2000  # inputs of a process
READ, REFUSED, OTHER, DIED, HUNG, OUTSIDE = "read", "refused", "other error", "died", "hung", "wrote outside"
OUTCOMES = (READ, REFUSED, OTHER, DIED, HUNG, OUTSIDE)

_INTERESTING = [0, 1, 2, 7, 8, 16, 31, 32, 64, 100, 127, 128, 255, 256, 1000, 1024, 4096, 32767, 32768, 65535, 65536,
                2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 63 - 1, 2 ** 64 - 1]
_TOKENS = [b"0", b"-1", b"1e999", b"NaN", b"null", b"[]", b"{}", b'"', b"'", b"\\", b"\n", b" ", b"..", b"/", b"%s", b"\x00",
           b"\xff\xfe", b"99999999999999999999", b"\xc3\xa9", b"[", b"{", b",", b":", b"-", b"="]


# What a text may have in place of a number or a word.
_WORDS = [b"0", b"-1", b"1e999", b"Infinity", b"-Infinity", b"NaN", b"null", b"true", b"[]", b"{}", b"[1]", b'{"a": 1}', b'""',
          b'"x"', b"1.5", b"9" * 30, b"9" * 5000, b"[" * 3000, b'{"a":' * 3000]
_VALUE = re.compile(rb'"[^"\n]*"|-?\d+(?:\.\d+)?|null|true|false|None')


def changed(rng, data):
    """The bytes with one to eight changes."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 5, 8])):
        rng.choice(_CHANGES)(rng, data)
    return bytes(data)


def _flip(rng, data):
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _byte(rng, data):
    if data:
        data[rng.randrange(len(data))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])


def _number(rng, data):
    width = rng.choice([2, 4, 8])
    if len(data) >= width:
        start = rng.randrange(len(data) - width + 1)
        value = rng.choice(_INTERESTING) & (1 << 8 * width) - 1
        data[start:start + width] = value.to_bytes(width, rng.choice(["little", "big"]))


def _piece(rng, data):
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice([1, 2, 4, 8, 30, 200, 1000]))


def _remove(rng, data):
    start, end = _piece(rng, data)
    del data[start:end]


def _double(rng, data):
    start, end = _piece(rng, data)
    place = rng.randrange(len(data) + 1)
    data[place:place] = data[start:end] * rng.choice([1, 1, 2, 20])


def _insert(rng, data):
    place = rng.randrange(len(data) + 1)
    data[place:place] = rng.choice(_TOKENS + [bytes(rng.randrange(256) for _ in range(4))])


def _overwrite(rng, data):
    start, end = _piece(rng, data)
    place = rng.randrange(len(data) + 1)
    data[place:place + end - start] = data[start:end]


def _replace_value(rng, data):
    found = list(_VALUE.finditer(data[:20000]))
    if found:
        start, end = rng.choice(found).span()
        data[start:end] = rng.choice(_WORDS)


def _cut(rng, data):
    del data[rng.randrange(len(data) + 1):]


_CHANGES = [_flip, _flip, _byte, _byte, _number, _number, _remove, _double, _insert, _overwrite, _replace_value, _cut]


class Result:
    """How many inputs came to which end, and some words about those that should not be."""

    def __init__(self):
        self.counts = collections.Counter()
        self.words = []

    @property
    def is_well(self):
        return not any(self.counts[outcome] for outcome in (OTHER, DIED, HUNG, OUTSIDE))


def run(form, count, seed=0, seconds=None):
    """Read so many changed inputs of a format, or as many as there is time for."""
    result, number = Result(), 0
    folder = tempfile.mkdtemp(prefix="fuzz-", dir=in_memory())
    try:
        samples = form.prepare(folder)
        start = time.time()
        while number < count and (seconds is None or time.time() - start < seconds):
            number = _batch(form, samples, folder, number, min(count, number + BATCH), seed, result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return result


def in_memory():
    """A directory without a disk behind it, where there is one: small files cost a hundredth there."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _batch(form, samples, folder, first, end, seed, result):
    """Read the inputs in a process of their own; returns the number of the first that was not read."""
    inside = os.path.join(folder, "inside")
    os.makedirs(inside, exist_ok=True)
    before = set(os.listdir(folder))
    shared = mmap.mmap(-1, 4096)  # next number, counts of the outcomes that the process itself sees, length of words, words
    _LAYOUT.pack_into(shared, 0, first, 0, 0, 0, 0)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _child(form, samples, inside, first, end, seed, shared)
    status = _watch(pid, shared)
    number, read, refused, other, size = _LAYOUT.unpack_from(shared, 0)
    result.counts.update({READ: read, REFUSED: refused, OTHER: other})
    if size:
        result.words.append(bytes(shared[_LAYOUT.size:_LAYOUT.size + size]).decode("utf-8", "replace"))
    if status is None or status != 0:
        result.counts[HUNG if status is None else DIED] += 1
        number += 1
    if set(os.listdir(folder)) != before:
        result.counts[OUTSIDE] += 1
        result.words.append("made {}".format(sorted(set(os.listdir(folder)) - before)))
    shutil.rmtree(inside, ignore_errors=True)
    return number


_LAYOUT = struct.Struct("<5Q")


def _watch(pid, shared):
    """The status of the process; None if it was stopped since an input took too long."""
    last, since = None, time.time()
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        number = _LAYOUT.unpack_from(shared, 0)[0]
        if number != last:
            last, since = number, time.time()
        if time.time() - since > SECONDS * _patience():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None
        time.sleep(0.01)


def _patience():
    """How much longer things take, since other programs run as well."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def _child(form, samples, inside, first, end, seed, shared):
    code = 1
    try:
        be_quiet()
        _limit()
        counts = collections.Counter()
        words = b""
        for number in range(first, end):
            _LAYOUT.pack_into(shared, 0, number, counts[READ], counts[REFUSED], counts[OTHER], len(words))
            outcome, said = _one(form, samples, inside, random.Random("{} {}".format(seed, number)))
            counts[outcome] += 1
            if said and not words:
                words = said.encode()[-3000:]
                shared[_LAYOUT.size:_LAYOUT.size + len(words)] = words
        _LAYOUT.pack_into(shared, 0, end, counts[READ], counts[REFUSED], counts[OTHER], len(words))
        code = 0
    finally:
        os._exit(code)


def _limit():
    faulthandler.disable()  # whoever starts this counts deaths
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    with open("/proc/self/statm") as f:
        used = int(f.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEMORY,) * 2)


def _one(form, samples, inside, rng):
    data = changed(rng, rng.choice(samples))
    try:
        form.read(data, inside, rng)
    except form.errors:
        return REFUSED, ""
    except BaseException as e:  # a SystemExit would end a program
        return OTHER, "{}: {}\n{}".format(type(e).__name__, e, traceback.format_exc())
    return READ, ""
