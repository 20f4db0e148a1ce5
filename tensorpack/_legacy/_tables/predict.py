"""Prediction."""
from __future__ import annotations

from typing import Dict

from .._table import Gone, Moved, Name, Old, Part

_FUNC = Old("_legacy.predict.get_predict_func", "tensorpack.OfflinePredictor")
_RESULT = Old("_legacy.predict.PredictResult", "a pair (inputs, outputs)")
_TOWER = Gone("trainer.get_predictor(input_names, output_names), or the model built in a PredictTowerContext")
_ASYNC = "predict.base.AsyncPredictorBase"
_WORKER = "predict.concurrency.MultiProcessPredictWorker"
_QUEUE_WORKER = "predict.concurrency.MultiProcessQueuePredictWorker"
_THREADS = "MultiThreadAsyncPredictor([trainer.get_predictor(...) for k in range(num_threads)])"

_STAR: Dict[str, Name] = {
    "AsyncPredictorBase": _ASYNC,
    "MultiProcessPredictWorker": _WORKER,
    "MultiProcessQueuePredictWorker": _QUEUE_WORKER,
    "PredictResult": _RESULT,
    "PredictorTowerBuilder": _TOWER,
    "build_multi_tower_prediction_graph": _TOWER,
    "build_prediction_graph": _TOWER,
    "get_predict_func": _FUNC,
}

PART = Part(
    names={
        "graph_builder.predict.SimplePredictBuilder": _TOWER,
        "graph_builder.predictor_factory.PredictorFactory": _TOWER,
        "graph_builder.predictor_factory.PredictorTowerHandle": _TOWER,
        "graph_builder.predictor_factory.SimplePredictBuilder": _TOWER,
        "predict.DatasetPredictor": "predict.dataset.SimpleDatasetPredictor",
        "predict.base.DataParallelOfflinePredictor": "predict.multigpu.DataParallelOfflinePredictor",
        "predict.common.PredictResult": _RESULT,
        "predict.common.get_predict_func": _FUNC,
    },
    star={
        "": _STAR,
        "predict": _STAR,
        "predict.base": {
            "AsyncPredictorBase": Old(_ASYNC, loud=False),
            "MultiTowerOfflinePredictor": "predict.multigpu.MultiTowerOfflinePredictor",
            "PredictorTowerBuilder": _TOWER,
            "build_multi_tower_prediction_graph": _TOWER,
            "build_prediction_graph": _TOWER,
            "get_predict_func": _FUNC,
        },
    },
    keywords={
        "predict.base.OnlinePredictor": {"input_vars": "input_tensors", "output_vars": "output_tensors"},
        "predict.config.PredictConfig": {
            "input_var_names": "input_names", "inputs_desc": "input_signature", "output_var_names": "output_names"},
    },
    methods={"predict.concurrency.MultiThreadAsyncPredictor": {"run": "start"}},
    modules={
        "graph_builder.predict": Moved("", "trainer.get_predictor"),
        "graph_builder.predictor_factory": Moved("", "trainer.get_predictor"),
        "predict.common": Moved("predict.config"),
    },
    adapters={
        "predict.base": "predict.adapt_base",
        "predict.concurrency": "predict.adapt_concurrency",
        "predict.config": "predict.adapt_config",
        "predict.multigpu": "predict.adapt_multigpu",
    },
    behaviours={
        "predictor([dp])": "predictor(*dp)",
        "OnlinePredictor.session": "OnlinePredictor.sess",
        "PredictConfig(session_config)": "session_creator=NewSessionCreator(config=...)",
        "PredictConfig(input_data_mapping)": "input_names",
        **{"MultiThreadAsyncPredictor({})".format(keyword): _THREADS for keyword in (
            "trainer", "input_names", "output_names", "nr_thread")},
        "towerp<k>": "tower-pred-<k>, the tower of trainer.get_predictor(..., device=k)",
    },
)
