"""Arithmetic on boxes: of tensors, and of arrays."""
