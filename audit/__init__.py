"""WHAT IS WRONG: verdicts, pure functions of what is, what we stand by, and the time."""
