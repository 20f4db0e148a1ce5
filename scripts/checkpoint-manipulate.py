#!/usr/bin/env python
"""See checkpoint-manipulate.py --help; an installed library has it as the command tensorpack-checkpoint-manipulate."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tensorpack._cli.checkpoint_manipulate import main  # noqa: E402

sys.exit(main())
