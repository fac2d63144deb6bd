"""The processes of a server: the parent, the background worker, the puller; also the data directory, the metrics and the doctor."""
