#!/usr/bin/env python
"""See look.py --help; an installed library has it as the command tensorpack-look."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tensorpack._cli.look import main  # noqa: E402

sys.exit(main())
