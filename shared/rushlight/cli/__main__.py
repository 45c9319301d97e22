"""``python -m rushlight.cli``: the command line, without a script on the PATH."""

from rushlight.cli import main

if __name__ == "__main__":
    main()
