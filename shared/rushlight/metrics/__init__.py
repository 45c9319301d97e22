"""What the services count and measure, for Prometheus; ``docs/metrics.md`` has a row for each.

Every service gets its metrics passed in, on a registry that its ``main`` made. Only services import
this package: a worker, the command line and the domain measure nothing.
"""
