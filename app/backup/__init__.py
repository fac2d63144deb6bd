"""Backs a server up and restores it: one state of the database, and the files of its articles by hash. It knows the format of a
backup and where it is kept. SQL is in the store, and no request comes here."""
