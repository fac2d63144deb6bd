"""Makes all calls to other hosts, and only to addresses that were checked first. It does not know what is sent or why."""
