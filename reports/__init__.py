"""WHAT HAPPENED: reports of Puppet runs, kept as a history that can be asked."""
