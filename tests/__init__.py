"""The tests. This file makes the folder a package of its own: some libraries install theirs as `tests`, too."""
