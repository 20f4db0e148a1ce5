"""What is shown differently in the cells of a notebook: whether this is one, and its progress bars."""
