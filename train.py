"""``python train.py --config configs/demo.yaml`` is ``csi2pc train --config configs/demo.yaml``."""

import sys

from csi2pc.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
