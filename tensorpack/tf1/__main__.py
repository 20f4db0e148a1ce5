"""`python -m tensorpack.tf1 program.py ...`"""
import sys

from ._run.command import main

if __name__ == "__main__":
    sys.exit(main())
