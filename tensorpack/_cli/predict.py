"""predict: what an exported model computes from images, arrays, or the datapoints of a file."""
from __future__ import annotations

import argparse
import os
import shutil
from contextlib import contextmanager
from typing import IO, Any, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from ._common import new_parser, run

__all__ = ["main"]

_ENDINGS = (".jsonl", ".npz")


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the tool; returns the exit status."""
    parser = new_parser("Predict with a model that ModelExporter or tensorpack-export-model wrote.")
    parser.add_argument("model", help="a SavedModel directory, a frozen graph, an ONNX or a TFLite file")
    parser.add_argument("--input", nargs="+", required=True, metavar="FILE",
                        help="images, or a pattern such as 'images/*.png'; or one file: .npz with an array for each input of "
                             "the model, .npy with that of the only one, .tfrecords or .lmdb with datapoints that begin with "
                             "the inputs")
    parser.add_argument("--output", required=True, type=_output, metavar="FILE", help="what to write: .jsonl or .npz")
    parser.add_argument("--engine", help="what computes: tensorflow, onnxruntime, openvino, litert or opencv; default: the "
                                         "fastest one that is installed and known to compute the same")
    parser.add_argument("--threads", type=int, help="how many threads compute; default: one for each core")
    parser.add_argument("--batch", type=_positive, default=16, help="examples in one call, where the model takes any number; "
                                                                    "default 16")
    parser.add_argument("--classes", metavar="FILE", help="a text file with the name of a class on each line")
    parser.add_argument("--sheet", metavar="FILE", help="write a picture of the first 100 inputs with their classes")
    parser.add_argument("--size", type=_size, metavar="HxW", help="the size of images; default: what the model takes")
    parser.add_argument("--shortest-edge", type=_positive, metavar="N",
                        help="resize images so that the shortest edge is N, then cut out the middle in the size of the model: "
                             "what imgaug.ResizeShortestEdge and CenterCrop do")
    parser.add_argument("--rgb", action="store_true", help="give colour images as RGB; default: BGR, as cv2.imread does")
    parser.add_argument("--divide", type=float, default=1, metavar="NUMBER",
                        help="divide the pixels, which are 0 to 255, by this number; default 1")
    return run(_predict, parser, argv)


def _output(text: str) -> str:
    if not text.endswith(_ENDINGS):
        raise argparse.ArgumentTypeError("must end in {}; got {!r}".format(" or ".join(_ENDINGS), text))
    return text


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number of at least 1; got {!r}".format(text))
    return int(text)


def _size(text: str) -> Tuple[int, int]:
    height, _, width = text.partition("x")
    return _positive(height), _positive(width or height)


def _predict(args: argparse.Namespace) -> None:
    from ..predict.exported import ExportedPredictor
    from ..utils.utils import get_tqdm
    from ._predict.examples import batches, source_of
    from ._predict.results import Classes, Sheet

    with ExportedPredictor(args.model, args.engine, threads=args.threads) as predictor:
        source = source_of(args.input, predictor, args)
        classes = Classes(args.classes, predictor.output_signature)
        sheet = Sheet(classes) if args.sheet else None
        fixed = _fixed_batch(predictor)
        count = 0
        with _written(args, predictor, classes) as results, get_tqdm(total=source.size) as bar:
            for batch in batches(source.examples, fixed or args.batch):
                for example, outputs in zip(batch, _outputs(predictor, [each.values for each in batch], fixed)):
                    if sheet is not None:
                        sheet.add(example, outputs)
                    results.add(example, outputs)
                count += len(batch)
                bar.update(len(batch))
            if not count:
                raise ValueError("--input must have at least one example; got none")
        if sheet is not None:
            sheet.write(args.sheet)
    print("{} of {} are written to {}, computed by {}".format(count, args.model, args.output, predictor.engine))


def _fixed_batch(predictor: Any) -> Optional[int]:
    sizes = {spec.shape.as_list()[0] for spec in predictor.input_signature if spec.shape.ndims}
    return sizes.pop() if len(sizes) == 1 else None


def _outputs(predictor: Any, rows: List[List[np.ndarray]], fixed: Optional[int]) -> Iterator[Tuple[np.ndarray, ...]]:
    """The outputs of each example; a batch that is smaller than the model takes is filled up."""
    filled = rows + [rows[-1]] * ((fixed or len(rows)) - len(rows))
    outputs = predictor(*[np.stack(column) for column in zip(*filled)])
    for name, value in zip(predictor.output_names, outputs):
        if np.ndim(value) == 0 or len(value) != len(filled):
            raise ValueError("{}: each output must have a row for each example; got the shape {} of {!r} for {} "
                             "examples".format(predictor.path, np.shape(value), name, len(filled)))
    return zip(*(value[:len(rows)] for value in outputs))


@contextmanager
def _written(args: argparse.Namespace, predictor: Any, classes: Any) -> Iterator[Any]:
    """What takes the results; the file takes its place when all are there. What comes before an error is in another file."""
    from ..utils.fs import atomic_write, mkdir_p
    from ._predict.results import JsonLines, Npz

    mkdir_p(os.path.dirname(os.path.abspath(args.output)))
    names = [name if ":" in name else name + ":0" for name in predictor.output_names]  # some formats leave it out
    is_binary = args.output.endswith(".npz")
    with atomic_write(args.output, "wb" if is_binary else "w") as f:
        results = (Npz if is_binary else JsonLines)(f, names, classes)
        try:
            yield results
        except BaseException:
            if results.count:
                _keep(results, f, args.output)
            raise
        results.finish()


def _keep(results: Any, f: IO[Any], output: str) -> None:
    """Have the results that there are in a file beside the one that is not complete."""
    from ..utils import logger

    results.finish()
    f.flush()
    partial = ".partial".join(os.path.splitext(output))
    shutil.copyfile(f.name, partial)
    logger.warning("The error comes after %d examples, whose results are in %s.", results.count, partial)
