"""What the log of a run says that its statistics do not: starts, durations, verdicts, variables, warnings and errors."""
from __future__ import annotations

import glob
import os
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

FILENAME = "log.log"

_BEGIN = re.compile(r"\[\d{4} \d\d:\d\d:\d\d @[^\]]*?:\d+\] ?")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # which logs of tensorpack 0.11 have
_SECONDS = {"day": 86400, "hour": 3600, "min": 60, "sec": 1}
_END_OF_YEAR = "1231-235959"
_KEPT = 20  # of the last errors and warnings
_MAX_BYTES = 16 << 20  # of a log: of a longer one its beginning and its end are read


class Mark(NamedTuple):
    """Something that happened in the course of a run: a restart before epoch `epoch`, counted from 1, or a stall in it."""

    epoch: int
    kind: str  # "restart" or "stall"
    text: str


class LogFacts:
    """What is known from the log files of a directory, oldest first.

    Attributes:
        arguments: the command line of each start.
        versions: of packages, as the last start says; "" where the log has no such line.
        variables: the last table of trainable variables, with its lines of sums.
        seconds: {epoch: how long its steps took}.
        steps: {epoch: the global step at its end}.
        verdicts: {epoch: (name of the queue, what the log says of it)}.
        marks: restarts and stalls.
        settings: names of the hyper-parameters that were set.
        best: {statistic: "maximum" or "minimum"}, where a best model was kept.
        messages: the last errors and warnings, as (level, text).
    """

    def __init__(self) -> None:
        self.arguments: List[str] = []
        self.versions = ""
        self.variables: List[str] = []
        self.seconds: Dict[int, float] = {}
        self.steps: Dict[int, int] = {}
        self.verdicts: Dict[int, Tuple[str, str]] = {}
        self.marks: List[Mark] = []
        self.settings: List[str] = []
        self.best: Dict[str, str] = {}
        self.messages: List[Tuple[str, str]] = []
        self._epoch = 0  # the last that began
        self._is_start = False  # a start whose first epoch has not begun

    def read(self, text: str) -> None:
        """Take the text of one more file."""
        for message in _messages(text):
            for pattern, take in _FACTS:
                found = pattern.match(message)
                if found:
                    take(self, found)
                    break

    def _take_start(self, found: re.Match[str]) -> None:
        self.arguments.append(found.group(1))
        self._is_start = self._epoch > 0

    def _take_epoch(self, found: re.Match[str]) -> None:
        self._epoch = int(found.group(1))
        if self._is_start:
            self.marks.append(Mark(self._epoch, "restart", self.arguments[-1]))
        self._is_start = False

    def _take_end(self, found: re.Match[str]) -> None:
        epoch, step, duration = int(found.group(1)), int(found.group(2)), found.group(3)
        self.steps[epoch] = step
        self.seconds[epoch] = sum(float(number) * _SECONDS[unit]
                                  for number, unit in re.findall(r"(\d[\d.e+-]*) ?(day|hour|min|sec)", duration))

    def _take_verdict(self, found: re.Match[str]) -> None:
        self.verdicts[self._epoch] = found.group(1), found.group(2)

    def _take_versions(self, found: re.Match[str]) -> None:
        self.versions = found.group(1)

    def _take_variables(self, found: re.Match[str]) -> None:
        self.variables = found.group(1).strip("\n").split("\n")

    def _take_setting(self, found: re.Match[str]) -> None:
        if found.group(1) not in self.settings:
            self.settings.append(found.group(1))

    def _take_best(self, found: re.Match[str]) -> None:
        self.best[found.group(2)] = found.group(1)

    def _take_stall(self, found: re.Match[str]) -> None:
        self.marks.append(Mark(max(self._epoch, 1), "stall", found.group(1)))
        self._take_message(found)

    def _take_message(self, found: re.Match[str]) -> None:
        self.messages = self.messages[1 - _KEPT:] + [(found.group()[:3], found.group()[4:])]


_FACTS = [(re.compile(pattern, re.S), take) for pattern, take in (
    (r"Argv: (.*)", LogFacts._take_start),
    (r"Versions: (.*)", LogFacts._take_versions),
    (r"Start Epoch (\d+)", LogFacts._take_epoch),
    (r"Epoch (\d+) \(global_step (\d+)\) finished, time:(.*)\.$", LogFacts._take_end),
    (r"(\S+) was (\d+% full on average.*)", LogFacts._take_verdict),
    (r"List of Trainable Variables: *\n(.*)", LogFacts._take_variables),
    (r"\[[^\]]*\] At global_step=\d+, (\S+) changes from ", LogFacts._take_setting),
    (r"Model at global_step=\d+ with (maximum|minimum) (.*)=\S+ saved\.$", LogFacts._take_best),
    (r"WRN ((?:Step|Outside of the steps).* has been running for .*)", LogFacts._take_stall),
    (r"(?:WRN|ERR) .*", LogFacts._take_message),
)]


def read_logs(folder: str) -> Optional[LogFacts]:
    """The facts of the log files in a directory, those of former starts first; None where there is no log."""
    paths = glob.glob(os.path.join(glob.escape(folder), FILENAME + "*"))
    texts = {os.path.basename(path)[len(FILENAME):]: _text(path) for path in paths if os.path.isfile(path)}
    facts = LogFacts()
    for suffix in in_order(list(texts), _first_moment(texts.get("", ""))):
        facts.read(texts[suffix])
    return facts if texts else None


def in_order(suffixes: List[str], now: str) -> List[str]:
    """The suffixes of log files, the oldest first: `.MMDD-HHMMSS` and perhaps `-2`, when they were renamed, and "" at last.

    Args:
        now: `MMDD-HHMMSS`, when the last of them began. What was renamed later in a year was so in the year before.

    >>> in_order(["", ".0102-100000", ".1231-100000-10", ".1231-100000-2", ".1231-100000"], "0102-110000")
    ['.1231-100000', '.1231-100000-2', '.1231-100000-10', '.0102-100000', '']
    """
    def key(suffix: str) -> Tuple[bool, bool, str, int]:
        stamp, number = suffix[1:12], suffix[13:]
        return not suffix, stamp <= now, stamp, int(number) if number.isdigit() else 0

    return sorted(suffixes, key=key)


def _first_moment(text: str) -> str:
    found = _BEGIN.search(text)
    return found.group()[1:14].replace(":", "").replace(" ", "-") if found else _END_OF_YEAR


def _text(path: str) -> str:
    try:
        with open(path, "rb") as f:
            content = f.read(_MAX_BYTES // 2)
            rest = os.path.getsize(path) - len(content)
            if rest > 0:
                f.seek(max(-rest, -_MAX_BYTES // 2), os.SEEK_END)
                content += f.read()
    except OSError:  # what the other files say is shown
        return ""
    return _COLOURS.sub("", content.decode("utf-8", errors="replace"))


def _messages(text: str) -> Iterator[str]:
    """Each message without the time and place before it; a message has as many lines as come before the next one."""
    begins = list(_BEGIN.finditer(text))
    for begin, following in zip(begins, begins[1:] + [None]):
        yield text[begin.end():following.start() if following else len(text)].rstrip("\n")
