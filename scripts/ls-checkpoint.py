#!/usr/bin/env python
"""See ls-checkpoint.py --help; an installed library has it as the command tensorpack-ls-checkpoint."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tensorpack._cli.ls_checkpoint import main  # noqa: E402

sys.exit(main())
