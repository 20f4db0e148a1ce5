"""Proving an export: the format's engine runs what was written, and has to compute what the session computes."""
from __future__ import annotations

import os
import tempfile
from functools import partial
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Type

import numpy as np

from ....compat import tfv1 as tf
from ....utils import logger
from ..._engines.engine import Engine
from ..._engines.process import EngineError, EngineRun, run_in_process
from ..._engines.signature import read_signature
from ..._inference import InferenceGraph
from ..frozen_model import Converted, FrozenModel
from ..graph_def import GraphEditor, input_op
from .compare import Difference, difference
from .examples import Example
from .first_difference import first_differing
from .nearly import TOLERANCES, Nearness, nearness, to_floats, to_integers
from .reference import Reference, Trial

_MOST_EXAMPLES = 32  # that a file of fewer bits is run with


class ExportMismatch(ValueError):
    """An exported file computes something else than the model, or its engine does not run it; nothing is written.

    Attributes:
        differences: {name of an output: its largest absolute difference}; empty if the engine does not run the file.
        operation: name of the first operation whose output differs while its inputs do not, None if it was not found.
    """

    def __init__(self, message: str, differences: Optional[Dict[str, float]] = None, operation: Optional[str] = None):
        super().__init__(message)
        self.differences = dict(differences or {})
        self.operation = operation


class Subject(NamedTuple):
    """What is proven: a model and the way to its file, which the search for a fault goes for parts of the model, too."""

    model: FrozenModel
    convert: Callable[[FrozenModel], Converted]


class Proof:
    """Examples with the session's results, and the comparison with those of engines.

    Args:
        who: the function to name in errors and in the log.
        built: the graph with its session.
        names: names of all inputs of the config.
        needed: names of those that the export has.
        example: what the user gave, or None.
        wanted: whether anything is to be proven.
    """

    def __init__(self, who: str, built: InferenceGraph, names: Sequence[str], needed: Sequence[str], example: Any,
                 wanted: bool):
        self._who, self._wanted = who, wanted
        self._reference = Reference(who, built, names, needed, example)
        self._trial: Optional[Trial] = None

    def of(self, engine: Type[Engine], path: str, subject: Optional[Subject], *, tables: Sequence[str] = (),
           batch: Optional[int] = None, closes: bool = False, spare: Sequence[Example] = ()) -> Dict[str, Any]:
        """What the JSON beside the file tells of the proof: `{"engines": {name: {"version", "worst_difference"}}}`, or `{}`.

        Args:
            engine: runs the file.
            path: the file, or the directory of a SavedModel, with its JSON.
            subject: where to search for the operation to name; None if there is just the graph itself.
            tables: operations that fill lookup tables.
            batch: the size of the batch if the file allows just one.
            closes: whether to close the session before the engine runs, as two of a large model need too much memory.
            spare: examples for a model that refuses drawn ones.

        Raises:
            ExportMismatch: an output differs, or the engine does not run the file.
        """
        if not self._wanted:
            return {}
        if not engine.is_installed():
            logger.warning("%s: nothing is proven, as %s is not installed; pip install %s.", self._who, engine.title,
                           engine.pip)
            return {}
        self._trial = trial = self._reference.trial(tables, batch, _spread(spare))
        if trial is None:
            return {}
        if closes:
            self._reference.close()
        run = self._run(engine, path, trial)
        worst = self._compare(engine, run, trial, subject)
        logger.info("%s: %s %s computes the same; worst difference in %d examples: %.3g.", self._who, engine.title, run.version,
                    len(trial.examples), worst)
        return {"engines": {engine.name: {"version": run.version, "worst_difference": worst}}}

    def of_smaller(self, engine: Type[Engine], path: str, weights: str, described: Dict[str, Any],
                   examples: Sequence[Example]) -> Dict[str, Any]:
        """As `of`, for a file of fewer bits that was made of the one that `of` has proven; see `nearly`.

        Args:
            weights: a key of `TOLERANCES`.
            described: what the JSON of the file says.
            examples: what to compare with, if the user gave no example; none: what `of` compared with.

        Raises:
            ExportMismatch: an output is not near enough, or the engine does not run the file.
        """
        if self._trial is None:
            return {}
        trial = self._reference.trial_of(self._trial, _spread(examples))
        inputs, outputs = described["inputs"], described["outputs"]
        run = self._run(engine, path, trial._replace(examples=[to_integers(each, inputs) for each in trial.examples]))
        results = [each if isinstance(each, str) else to_floats(each, outputs) for each in run.results]
        found = _nearness(results, trial)
        far = {i: each for i, each in found.items() if not each.typical <= TOLERANCES[weights]}
        if far:
            raise self._too_far(engine, run, far, trial, weights)
        typical, worst = [max([getattr(each, name) for each in found.values()] + [0.]) for name in Nearness._fields]
        logger.info("%s: %s %s computes nearly the same: in the typical one of %d examples outputs differ by %.2g %% of their "
                    "size, by %.3g at most.", self._who, engine.title, run.version, len(trial.examples), 100 * typical, worst)
        return {"engines": {engine.name: {"version": run.version, "worst_difference": worst, "typical_part": typical}}}

    def _too_far(self, engine: Type[Engine], run: EngineRun, far: Dict[int, Nearness], trial: Trial, weights: str
                 ) -> ExportMismatch:
        names = self._reference.built.output_names
        words = "; ".join("output {!r} differs by {:.3g} %, by {:.3g} at most".format(names[i], 100 * each.typical, each.worst)
                          for i, each in sorted(far.items()))
        return ExportMismatch(
            "{}: with weights of {} the file must compute nearly what the model computes: in the typical one of {} examples, "
            "outputs may differ by {:g} % of their size; in {} {} {}; nothing is written; calibrate with data as the model "
            "will see it, keep more bits, or pass verify=False if this is near enough".format(
                self._who, weights, len(trial.examples), 100 * TOLERANCES[weights], engine.title, run.version, words),
            {names[i]: each.worst for i, each in far.items()})

    def _run(self, engine: Type[Engine], path: str, trial: Trial) -> EngineRun:
        try:
            run = run_engine(engine, path, trial.examples)
        except EngineError as e:
            raise self._refused(engine, str(e)) from e
        failed = [each for each in run.results if isinstance(each, str)]
        if len(failed) == len(run.results):
            raise self._refused(engine, failed[0])
        if failed:
            logger.info("%s: %s does not run the file with other sizes: %s", self._who, engine.title, failed[0])
        return run

    def _refused(self, engine: Type[Engine], words: str) -> ExportMismatch:
        return ExportMismatch("{}: {} must run the file; it did not: {}; nothing is written; use another format, or pass "
                              "verify=False to write it unproven".format(self._who, engine.title, words))

    def _compare(self, engine: Type[Engine], run: EngineRun, trial: Trial, subject: Optional[Subject]) -> float:
        built, worst = self._reference.built, 0.
        differing: Dict[int, Difference] = {}
        example = trial.examples[0]
        for values, result, expected in zip(trial.examples, run.results, trial.expected):
            if isinstance(result, str):
                continue
            for i, wanted in expected.items():
                found = difference(result[i], wanted, partial(self._reference.noisy, i, values))
                worst = max(worst, found.worst)
                if found and found.worst >= differing.get(i, found).worst:
                    differing[i], example = found, values
        if differing:
            first = min(differing)
            operation = None if subject is None else _search(self._reference, engine, subject, first, example)
            by_name = {built.output_names[i]: each for i, each in sorted(differing.items())}
            raise self._mismatch(engine, run, by_name, operation, subject)
        return worst

    def _mismatch(self, engine: Type[Engine], run: EngineRun, differing: Dict[str, Difference], operation: Optional[str],
                  subject: Optional[Subject]) -> ExportMismatch:
        where = ""
        if operation is not None and subject is not None:
            kinds = {node.name: node.op for node in subject.model.graph_def.node}
            where = "; the first operation that differs is {!r} ({})".format(operation, kinds.get(operation, "?"))
        outputs = "; ".join("output {!r} differs: {}".format(name, each.words) for name, each in differing.items())
        return ExportMismatch(
            "{}: the file must compute what the model computes; in {} {} {}{}; nothing is written; replace the operation, use "
            "another format, or pass verify=False if this is near enough".format(
                self._who, engine.title, run.version, outputs, where),
            {name: each.worst for name, each in differing.items()}, operation)


def _spread(examples: Sequence[Example]) -> List[Example]:
    """Some of many, from all over them."""
    step = -(-len(examples) // _MOST_EXAMPLES) or 1
    return list(examples[::step])


def _nearness(results: Sequence[Any], trial: Trial) -> Dict[int, Nearness]:
    """Of each output that is compared, over the examples that the engine computed."""
    computed = [(result, expected) for result, expected in zip(results, trial.expected) if not isinstance(result, str)]
    return {i: nearness([result[i] for result, _ in computed], [expected[i] for _, expected in computed])
            for i in sorted(trial.expected[0])}


def run_engine(engine: Type[Engine], path: str, examples: Sequence[Example]) -> EngineRun:
    """Run the engine: TensorFlow's own here, another one in its own process.

    Raises:
        EngineError: the engine does not load the file, crashes or hangs.
    """
    if engine.name != "tensorflow":
        return run_in_process(engine, path, examples)
    results: List[Any] = []
    try:
        loaded = engine(path, read_signature(path))
    except (ValueError, tf.errors.OpError) as e:
        raise EngineError(str(e)) from e
    try:
        for example in examples:
            try:
                results.append(loaded.run(example))
            except RuntimeError as e:
                results.append(str(e))
    finally:
        loaded.close()
    return EngineRun(tf.version.VERSION, results)


def _search(reference: Reference, engine: Type[Engine], subject: Subject, output: int, example: Example) -> Optional[str]:
    """The first operation that differs: of the frozen graph from the session, else of the file from the frozen graph."""
    name = subject.model.outputs[output].name
    editor = GraphEditor(subject.model.graph_def)
    with _Frozen(subject.model, example) as frozen:
        def freezing_differs(op: str) -> Optional[bool]:
            if any(input_op(each).endswith("/folded_weight") for each in editor.nodes[op].input):
                return None  # scaled on purpose; the operation behind it computes what it did
            return _unequal(frozen.value(op), reference.value(op, example))

        def file_differs(op: str) -> Optional[bool]:
            wanted = frozen.value(op)
            return None if wanted is None else _unequal(_value_in_file(engine, subject, frozen.spec(op), example), wanted)

        op = input_op(name)
        for differs in (freezing_differs, file_differs):
            if differs(op):
                return first_differing(editor, op, differs)
    return None


def _unequal(got: Any, wanted: Any) -> Optional[bool]:
    return None if got is None or wanted is None else bool(difference(got, wanted))


def _value_in_file(engine: Type[Engine], subject: Subject, spec: Any, example: Example) -> Optional[np.ndarray]:
    """What the engine computes for an inner tensor, made the output of a file of its own; None if that does not work."""
    part = subject.model._replace(outputs=[spec])
    needed = GraphEditor(part.graph_def).needed([input_op(spec.name)])
    used = [input_op(each.name) in needed for each in part.inputs]
    part = part._replace(inputs=[each for each, is_used in zip(part.inputs, used) if is_used])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "part")
        try:
            subject.convert(part).write(path)
            result = run_engine(engine, path, [[value for value, is_used in zip(example, used) if is_used]]).results[0]
        except (ValueError, EngineError):
            return None
    return None if isinstance(result, str) else result[0]


class _Frozen:
    """A frozen graph with a session: a context."""

    def __init__(self, model: FrozenModel, example: Example):
        self._graph = tf.Graph()
        with self._graph.as_default():
            tf.import_graph_def(model.graph_def, name="")
        self._feed = {spec.name: value for spec, value in zip(model.inputs, example)}
        self._tables = model.tables

    def __enter__(self) -> _Frozen:
        self._sess = tf.Session(graph=self._graph)
        self._sess.run(self._tables)
        return self

    def __exit__(self, *args: Any) -> None:
        self._sess.close()

    def spec(self, op: str) -> Any:
        """Of output 0 of an operation."""
        tensor = self._graph.get_tensor_by_name(op + ":0")
        return tf.TensorSpec(tensor.shape, tensor.dtype.base_dtype, tensor.name)

    def value(self, op: str) -> Optional[np.ndarray]:
        """Of output 0 of an operation; None if it has none or cannot be fetched, as what is inside of a loop."""
        try:
            value = self._sess.run(self._graph.get_tensor_by_name(op + ":0"), self._feed)
        except (KeyError, ValueError, TypeError, tf.errors.OpError):
            return None
        return np.asarray(value)
