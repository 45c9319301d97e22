"""The demo: a whole farm on this machine, put to the test before your eyes."""

from rushlight.cli.demo.run import run_demo as run_demo
