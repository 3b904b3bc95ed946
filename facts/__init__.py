"""WHAT IS: the estate's model and the sources that observe it."""
