"""Statistics as curves: `arrange` decides what belongs together, free of pictures; `picture` draws for notebooks."""
