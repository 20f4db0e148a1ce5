"""`tensorpack.RL`: environments with `current_state()` and `action(act)`, and players made of others."""
