"""WHAT SHOULD BE: rules, merge, classes, parameters, environment, and why. Pure functions."""
