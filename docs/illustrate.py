"""Draw the pictures of docs/training.md: `python -m docs.illustrate`.

A server is started for it on a free port, and the scripts of examples/models train what is drawn.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping

from docs.examples import ROOT
from docs.generate import server

PICTURES: Mapping[str, tuple[str, ...]] = {
    "digits-mlp.svg": ("train.sh", "digits-mlp"),
    "digits-cnn.svg": ("train.sh", "digits-cnn"),
    "characters.svg": ("characters.sh",),
    "moons.svg": ("moons.sh",),
}
"""By name the script that draws it, with its arguments."""
FOLDER = ROOT / "docs" / "pictures"


def main() -> int:
    """Draw all of them.  The trainings are the same every time, and so are the pictures, but for a last digit."""
    with tempfile.TemporaryDirectory() as data, server(data) as address:
        for name, (script, *arguments) in PICTURES.items():
            subprocess.run(
                ["sh", str(ROOT / "examples" / "models" / script), *arguments],
                env={
                    **os.environ,
                    "ADJOINT_URL": f"http://{address}",
                    "NO_PROXY": "*",
                    "PICTURE": str(FOLDER / name),
                    "CHARACTERS": "0",
                },
                check=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
