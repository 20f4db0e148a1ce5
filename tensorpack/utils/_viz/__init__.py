"""Behind `utils/viz.py`: images put side by side, and a window that shows one."""
