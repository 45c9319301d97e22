"""API, dispatcher and reaper in one process: the farm behind `rushlight up`."""
