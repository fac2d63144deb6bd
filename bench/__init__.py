"""`python -m bench`: every figure that the README quotes."""
