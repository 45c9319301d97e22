"""The reaper: heartbeats in; timeouts, preemptions, retries and new workers out."""
