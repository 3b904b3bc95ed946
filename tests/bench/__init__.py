"""Measurements of a large estate; `make bench` prints them as a table."""
