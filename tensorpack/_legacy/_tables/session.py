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
        "tfutils.varmanip.dump_chkpt_vars": Old("_legacy.session.dump_chkpt_vars", "varmanip.load_chkpt_vars"),
    },
    star={package: {
        "NewSession": "tfutils.sessinit.JustCurrentSession",
        "ParamRestore": "tfutils.sessinit.DictRestore",
        "TryResumeTraining": _TRY_RESUME,
    } for package in ("", "tfutils")},
    keywords={
        "tfutils._restore.checkpoint.get_checkpoint_path": {"model_path": "path"},
        "tfutils.sessinit.ChainInit": {"new_session": Ignored("a session is always a new one")},
        "tfutils.sessinit.DictRestore": {"param_dict": "variable_dict"},
    },
    adapters={
        "tfutils._restore.assigning": "session.adapt_assigning",
        "tfutils._restore.matching": "session.adapt_matching",
        "tfutils.sessinit": "session.adapt_sessinit",
    },
    behaviours={
        "SessionInit._init": "SessionInit._run_init",
        "ChainInit._init": "SessionInit._run_init",
        "SaverRestore._init": "SessionInit._run_init",
        "SaverRestore.set_path": "a new SaverRestore",
        "SessionUpdate.load_value_to_var": "SessionUpdate(sess, [var]).update({name: value})",
        "summary variables <name>/EMA": "EMA/<name>, local variables that are not saved",
        "max-": "max-<stat>",
    },
)
