"""What a feed is asked for: the canonical query and its cursors. Pure: it does not ask the database or the cache."""
