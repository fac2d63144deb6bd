"""`python -m bench`: measures every figure in docs/figures.md."""
