#!/usr/bin/env python
"""See dump-model-params.py --help; an installed library has it as the command tensorpack-dump-model-params."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tensorpack._cli.dump_model_params import main  # noqa: E402

sys.exit(main())
