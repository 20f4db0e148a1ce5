#!/usr/bin/env python
"""See checkpoint-prof.py --help; an installed library has it as the command tensorpack-checkpoint-prof."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tensorpack._cli.checkpoint_prof import main  # noqa: E402

sys.exit(main())
