"""The model: `InputDesc`, and the hooks of `ModelDesc`."""
from __future__ import annotations

from .._table import Gone, Moved, Old, Part

_INPUT_DESC = Old("_legacy.input_desc.InputDesc", "tf.TensorSpec(shape, dtype, name)", loud=False)
_INPUT_VAR = Old("_legacy.input_desc.InputVar", "tf.TensorSpec(shape, dtype, name)")
_MODEL_DESC = Old("graph_builder.model_desc.ModelDesc", "tensorpack.ModelDesc", loud=False)
_MODEL_DESC_BASE = Old("graph_builder.model_desc.ModelDescBase", "tensorpack.ModelDescBase", loud=False)
_FROM_META_GRAPH = Gone("tf.train.import_meta_graph(filename), then an OnlinePredictor of its tensors")

PART = Part(
    names={
        "graph_builder.model_desc.InputDesc": _INPUT_DESC,
        "graph_builder.model_desc.build_or_reuse_placeholder": "input_source.input_source_base.build_or_reuse_placeholder",
        "models.model_desc.InputDesc": _INPUT_DESC,
        "models.model_desc.InputVar": _INPUT_VAR,
        "models.model_desc.ModelFromMetaGraph": _FROM_META_GRAPH,
        "train.model_desc.InputDesc": _INPUT_DESC,
    },
    star={
        "": {"InputDesc": _INPUT_DESC, "InputVar": _INPUT_VAR, "ModelFromMetaGraph": _FROM_META_GRAPH},
        "models": {"InputDesc": _INPUT_DESC, "InputVar": _INPUT_VAR, "ModelDesc": _MODEL_DESC,
                   "ModelFromMetaGraph": _FROM_META_GRAPH},
        "graph_builder": {"InputDesc": _INPUT_DESC, "ModelDesc": _MODEL_DESC, "ModelDescBase": _MODEL_DESC_BASE},
    },
    modules={"models.model_desc": Moved("graph_builder.model_desc tfutils.tower", "tensorpack.ModelDesc")},
    adapters={"graph_builder.model_desc": "model_desc.adapt_model_desc"},
    behaviours={
        "self.cost": "return the cost from ModelDesc.build_graph",
        "InputDesc.type": "TensorSpec.dtype",
        **{"{}._get_inputs".format(cls): "ModelDesc.inputs" for cls in ("ModelDesc", "ModelDescBase")},
        **{"{}._build_graph".format(cls): "ModelDesc.build_graph(self, *inputs), which returns the cost"
           for cls in ("ModelDesc", "ModelDescBase")},
        **{"{}.get_inputs_desc".format(cls): "ModelDesc.get_input_signature" for cls in ("ModelDesc", "ModelDescBase")},
        "ModelDesc._get_input_vars": "ModelDesc.inputs",
        "ModelDesc._get_optimizer": "ModelDesc.optimizer",
        "ModelDesc.get_input_vars_desc": "ModelDesc.get_input_signature",
        **{"ModelDesc." + method: "build_or_reuse_placeholder(spec) for each spec of get_input_signature()" for method in (
            "get_input_vars", "get_placeholders", "get_reused_placehdrs", "reuse_input_vars", "build_placeholders")},
        **{"ModelDesc." + method: "what ModelDesc.build_graph returns" for method in (
            "get_cost", "_get_cost", "build_graph_get_cost", "_build_graph_get_cost")},
        **{"ModelDesc." + method: "a SingleCostTrainer, which computes gradients by itself" for method in (
            "get_cost_and_grad", "build_graph_get_grads")},
        **{"ModelDesc." + method: "apply_grad_processors(opt, [...]) in ModelDesc.optimizer" for method in (
            "get_gradient_processor", "_get_gradient_processor")},
    },
)
