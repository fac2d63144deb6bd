"""The only access to Redis: rendered feeds, revisions, counters, and the marks of this host. It must not import the store."""
