"""``python -m csi2pc`` is ``csi2pc``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
