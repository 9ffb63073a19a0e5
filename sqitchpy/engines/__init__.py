"""Databases: ``protocol`` says what one must offer, each folder beside it is one that does."""
