"""Writes the page of the documentation."""

def write(*a): pass
