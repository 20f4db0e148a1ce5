"""Behind `contrib/rnn.py`: recurrent cells, cells made of cells, and the loops that run them."""
