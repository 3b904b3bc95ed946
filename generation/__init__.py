"""WHAT WE STAND BY: the numbered, guarded, persisted set of answers."""
