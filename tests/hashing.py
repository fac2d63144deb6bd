"""Passwords hashed at the least cost that Argon2id has: a hash takes a millisecond, and at the cost of app/accounts/passwords.py a
quarter of a second of processor time.

Servers started by tests/forks.py hash like this. tests/test_people.py tests the cost itself, and tests/test_serve.py starts
servers as their users start them.
"""

from argon2 import PasswordHasher

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
NOBODY = CHEAP.hash("nobody has this password")
