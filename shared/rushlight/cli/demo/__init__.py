"""The demo: a whole farm on this machine, put to the test before your eyes.

``rushlight.cli.demo.run`` runs it; nothing is loaded here, because ``rushlight --help`` looks in.
"""
