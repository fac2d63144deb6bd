"""The files of releases: stored by hash, with their types and texts. It does not know articles or the database."""
