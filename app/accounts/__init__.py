"""Who may do what: offices, outlets, rights and signatures. It does not read requests; routes ask it."""
