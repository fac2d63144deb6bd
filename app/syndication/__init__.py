"""Outgoing feeds: their pages of articles, the catalogue of feeds, and their titles. This room does not read requests."""
