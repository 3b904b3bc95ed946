"""The directory (LDAP): entries as they stand there, and what they mean."""
