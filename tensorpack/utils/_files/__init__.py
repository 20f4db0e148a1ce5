"""Files and where they come from: paths, locks between processes, downloads. `utils/fs.py` offers what is public."""
