#!/usr/bin/env python
"""See report.py --help; an installed library has it as the command tensorpack-report."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tensorpack._cli.report import main  # noqa: E402

sys.exit(main())
