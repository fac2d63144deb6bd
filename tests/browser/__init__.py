"""Tests in a real browser: Debian's chromium, steered by playwright, at a real server with the corpus of tests/releases."""
