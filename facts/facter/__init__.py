"""Puppet facts: what nodes say of themselves, delivered by them or read from a Puppet server's cache."""
