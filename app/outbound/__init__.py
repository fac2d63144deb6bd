"""The only calls to other hosts, each to an address that was judged first. It does not know what is sent or why."""
