"""The HTTP client of the farm, for the command line and the worker."""
