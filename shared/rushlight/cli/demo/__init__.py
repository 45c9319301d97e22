"""The demo: a whole farm on this machine, put to the test before your eyes."""
