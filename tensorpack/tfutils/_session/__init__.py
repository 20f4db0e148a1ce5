"""How a session is run at little cost: hooks around cached callables, and which thread computes.

`hooked_session` serves the training loop, `thread_trial` and `calling_thread` decide where small models run, `feed_value`
makes the arrays that are fed. They know sessions and graphs, nothing of trainers.
"""
