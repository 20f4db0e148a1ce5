"""How sessions are initialised, and checkpoints."""
from __future__ import annotations

from .._table import Ignored, Old, Part

_TRY_RESUME = Old("_legacy.session.TryResumeTraining", "AutoResumeTrainConfig(...)")

PART = Part(
    names={
        "tfutils.sessinit.NewSession": "tfutils.sessinit.JustCurrentSession",
        "tfutils.sessinit.ParamRestore": "tfutils.sessinit.DictRestore",
        "tfutils.sessinit.TryResumeTraining": _TRY_RESUME,
        "tfutils.sessinit.dump_session_params": "tfutils.varmanip.dump_session_params",
    },
    star={package: {
        "NewSession": "tfutils.sessinit.JustCurrentSession",
        "ParamRestore": "tfutils.sessinit.DictRestore",
        "TryResumeTraining": _TRY_RESUME,
    } for package in ("", "tfutils")},
    keywords={
        "tfutils.sessinit.ChainInit": {"new_session": Ignored("a session is always a new one")},
        "tfutils.sessinit.DictRestore": {"param_dict": "variable_dict"},
    },
    adapters={"tfutils.sessinit": "session.adapt_sessinit"},
    behaviours={
        "SessionInit._init": "SessionInit._run_init",
    },
)
