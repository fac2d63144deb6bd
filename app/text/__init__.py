"""Work on texts: characters, words, HTML, differences, embargo wordings, and the masking of secrets. Pure: no clock, no files, no
network, no database.
"""
