"""What people read: how objects show themselves, short descriptions of values, progress bars."""
