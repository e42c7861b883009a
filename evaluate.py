"""``python evaluate.py RUN`` is ``csi2pc evaluate RUN``."""

import sys

from csi2pc.cli import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
