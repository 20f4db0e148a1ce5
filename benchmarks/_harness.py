"""What all benchmarks share: interleaved rounds, ratios to a peer measured in the same run, a table and JSON.

Machines are shared and their speed drifts, so contenders take turns and only ratios of medians are judged.
"""
from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)


class Row(NamedTuple):
    """One line of a report: `value` against the value of `peer`, and what DESIGN asks for ('<=' or '>=', ratio)."""
    what: str
    value: float
    unit: str
    peer: Optional[str] = None
    peer_value: Optional[float] = None
    target: Optional[str] = None

    @property
    def ratio(self) -> Optional[float]:
        return None if self.peer_value is None else self.value / self.peer_value

    @property
    def met(self) -> Optional[bool]:
        if self.ratio is None or self.target is None:
            return None
        sign, bound = self.target.split()
        return self.ratio <= float(bound) if sign == "<=" else self.ratio >= float(bound)


def pin_threads(num_cores: int) -> None:
    """Restrict this process, and all that it starts, to the first `num_cores` cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:num_cores])


def time_calls(function: Callable[[], object], count: int) -> float:
    """Seconds per call over `count` calls."""
    start = time.perf_counter()
    for _ in range(count):
        function()
    return (time.perf_counter() - start) / count


def take_turns(contenders: Dict[str, Callable[[], float]], rounds: int) -> Dict[str, List[float]]:
    """Call every contender once per round, in an order that rotates; each returns its figure."""
    results: Dict[str, List[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for i in range(rounds):
        for name in names[i % len(names):] + names[:i % len(names)]:
            results[name].append(contenders[name]())
    return results


def median(values: List[float]) -> float:
    return statistics.median(values)


def run_worker(script: str, *args: str) -> dict:
    """Run `script args...` in a process of its own and return the JSON object that its last line of output is."""
    run = subprocess.run([sys.executable, script] + list(args), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                         encoding="utf-8", check=True)
    return json.loads(run.stdout.strip().splitlines()[-1])


def tensorflow_version() -> str:
    """Version of the TensorFlow that is installed, without importing it here."""
    code = "import tensorflow; print(tensorflow.__version__)"
    return subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          encoding="utf-8").stdout.strip()


def print_row(cells: Sequence[object], is_head: bool = False) -> None:
    """Print a line of a table in Markdown."""
    print("| {} |".format(" | ".join(str(cell) for cell in cells)))
    if is_head:
        print("|" + "---|" * len(cells), flush=True)


def report(title: str, rows: List[Row], json_file: Optional[str] = None, **facts: object) -> None:
    """Print the table in Markdown, the facts, then one line of JSON; write the JSON to `json_file` too when given."""
    print("\n### {}\n".format(title))
    print_row(["what", "median", "unit", "ratio", "target", "peer"], is_head=True)
    for row in rows:
        print_row([row.what, "{:.2f}".format(row.value), row.unit, "" if row.ratio is None else "{:.3f}".format(row.ratio),
                   "" if row.target is None else "{} {}".format(row.target, "met" if row.met else "MISSED"), row.peer or ""])
    print("\n" + "; ".join("{}: {}".format(name, value) for name, value in facts.items()) + "\n")
    text = json.dumps({"title": title, "facts": {k: str(v) for k, v in facts.items()}, "rows": [
        dict(row._asdict(), ratio=row.ratio, met=row.met) for row in rows]})
    print(text)
    if json_file:
        with open(json_file, "w") as f:
            f.write(text + "\n")
