#!/usr/bin/env python
"""See export-model.py --help; an installed library has it as the command tensorpack-export-model."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tensorpack._cli.export_model import main  # noqa: E402

sys.exit(main())
