"""Inferencers and what runs them."""
from __future__ import annotations

from .._table import Gone, Old, Part

_FEEDFREE = Old("_legacy.inference.FeedfreeInferenceRunner", "InferenceRunner(input, infs)")
_REMAP = "remap_input_source(FeedInput(dataflow, infinite=False), names) as input"
_HOOKS = Gone("runner.register_hook(hook), or HookToCallback(hook) among the callbacks")

PART = Part(
    names={
        "callbacks.inference.InferenceRunner": "callbacks.inference_runner.InferenceRunner",
        "callbacks.inference_runner.FeedfreeInferenceRunner": _FEEDFREE,
    },
    star={"": {"FeedfreeInferenceRunner": _FEEDFREE}, "callbacks": {"FeedfreeInferenceRunner": _FEEDFREE}},
    keywords={
        "callbacks.inference.BinaryClassificationStats": {
            "label_var_name": "label_tensor_name", "pred_var_name": "pred_tensor_name", "summary_prefix": "prefix"},
        "callbacks.inference.ClassificationError": {"wrong_var_name": "wrong_tensor_name"},
        "callbacks.inference.ScalarStats": {"names_to_print": "names"},
        "callbacks.inference_runner.DataParallelInferenceRunner": {"ds": "input"},
        "callbacks.inference_runner.InferenceRunner": {
            "ds": "input", "extra_hooks": _HOOKS, "prefix": "tower_name", "vcs": "infs"},
        "callbacks.inference_runner.InferenceRunnerBase": {"extra_hooks": _HOOKS},
    },
    adapters={
        "callbacks.inference": "inference.adapt_inference",
        "callbacks.inference_runner": "inference.adapt_inference_runner",
    },
    behaviours={
        **{"{}({})".format(cls, keyword): _REMAP for cls, keyword in (
            ("InferenceRunner", "input_names"), ("InferenceRunner", "input_tensors"), ("InferenceRunnerBase", "input_names"),
            ("DataParallelInferenceRunner", "input_names"))},
        "InferenceRunnerBase(prefix)": "InferenceRunner(tower_name=)",
        "Inferencer._get_output_tensors": "Inferencer._get_fetches",
        "Inferencer.get_output_tensors": "Inferencer._get_fetches",
        "Inferencer._datapoint": "Inferencer._on_fetches",
        "Inferencer.datapoint": "Inferencer._on_fetches",
        "Inferencer.before_inference": "Inferencer._before_inference",
        "Inferencer.after_inference": "Inferencer._after_inference",
    },
)
