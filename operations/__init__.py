"""WHAT WE DO: every write to the world outside."""
