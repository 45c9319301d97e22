"""The command line `rushlight`."""
