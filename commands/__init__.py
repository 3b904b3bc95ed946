"""The commands of `enclume`, a module each; what several share stands beside them."""
