"""One migration a file, named for its revision."""
