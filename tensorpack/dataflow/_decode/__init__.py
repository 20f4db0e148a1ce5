"""From the bytes of image files to pixels: all of the image, or the part and scale of it that is used.

Private: the public names are in `tensorpack.dataflow.image`.
"""
