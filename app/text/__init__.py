"""What texts say: characters, words, HTML, differences, wordings of embargoes, and what of them may not be told. Pure: no clock, no
files, no network, no database.
"""
