"""The reaper: heartbeats in; every ``sweep_s`` timeouts, preemptions, retries, new workers."""
