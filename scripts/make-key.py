#!/usr/bin/env python
"""See make-key.py --help; an installed library has it as the command tensorpack-make-key."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tensorpack._cli.make_key import main  # noqa: E402

sys.exit(main())
