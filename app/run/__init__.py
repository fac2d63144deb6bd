"""The processes: the server's parent, the background worker, the data directory, the doctor."""
