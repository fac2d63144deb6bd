"""Decides who may do what: offices, outlets, rights and signatures. It does not read requests; the routes call it."""
