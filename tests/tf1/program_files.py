"""Programs of TensorFlow 1 for tests: `write(folder, {"train.py": text})`."""
import os
import textwrap


def write(folder, files):
    """Write files, which are dedented, below a folder."""
    for name, text in files.items():
        path = os.path.join(str(folder), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else textwrap.dedent(text).lstrip("\n").encode())
