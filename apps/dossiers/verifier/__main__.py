"""`python -m apps.dossiers.verifier`."""

import sys

from apps.dossiers.verifier.command import main

if __name__ == "__main__":
    sys.exit(main())
