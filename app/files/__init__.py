"""What came with releases: bytes by hash, their types, their text. It does not know articles or the database."""
