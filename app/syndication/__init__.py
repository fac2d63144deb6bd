"""A feed goes out: its page of articles, the catalogue of feeds, and their titles. It does not read requests."""
