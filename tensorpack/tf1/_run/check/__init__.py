"""`python -m tensorpack.tf1 --check`: what programs use that is lost, found without running them."""
