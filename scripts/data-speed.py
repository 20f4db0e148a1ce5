#!/usr/bin/env python
"""See data-speed.py --help; an installed library has it as the command tensorpack-data-speed."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tensorpack._cli.data_speed import main  # noqa: E402

sys.exit(main())
