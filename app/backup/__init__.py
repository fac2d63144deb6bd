"""Backs a server up and restores it: one state of the database, and the files of its articles by hash. It knows the formats of a
backup and where it is kept; the SQL is the store's, and no request comes here."""
