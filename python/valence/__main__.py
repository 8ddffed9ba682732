"""`python -m valence` is the command valence."""
from __future__ import annotations

import os
import shutil
import sys

from valence._library import PACKAGE, folders


def command() -> str:
    """Where the command is: in the wheel, in the build tree, or on the path."""
    for place in (PACKAGE / "bin", *folders()):
        if os.access(place / "valence", os.X_OK) and (place / "valence").is_file():
            return str(place / "valence")
    found = shutil.which("valence")
    if not found:
        sys.exit("valence: the command is not installed")
    return found


def main() -> None:
    found = command()
    sys.stdout.flush()
    os.execv(found, [found, *sys.argv[1:]])


if __name__ == "__main__":
    main()
