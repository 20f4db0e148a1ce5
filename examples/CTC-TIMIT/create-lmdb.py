#!/usr/bin/env python
"""Write the features and phonemes of TIMIT into an LMDB file, for train-timit.py.

Usage: create-lmdb.py --timit FOLDER --part train|test --output FILE
"""
import argparse

from timitdata import FakeSpeech, Timit

from tensorpack.dataflow import LMDBSerializer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timit", default="TIMIT", help="folder with TRAIN and TEST")
    parser.add_argument("--part", choices=["train", "test"], default="train")
    parser.add_argument("--output", help="default: PART.lmdb")
    parser.add_argument("--fake", action="store_true", help="80 sentences of an imitation")
    args = parser.parse_args()
    flow = FakeSpeech(80) if args.fake else Timit(args.timit, args.part)
    LMDBSerializer.save(flow, args.output or args.part + ".lmdb")


if __name__ == "__main__":
    main()
