"""Python environments that begin empty but for what this one has; nothing is fetched."""

import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """Its interpreter, and the folder for packages of its own."""

    python: Path
    packages: Path


def beside_this_one(folder: Path) -> Environment:
    """A new one in ``folder``; it sees the packages here, Rushlight among them."""
    made = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(made, check=True)
    python = folder / "bin" / "python"
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    said = subprocess.run(asked, check=True, capture_output=True, text=True)
    packages = Path(said.stdout.strip())
    # `addsitedir` and not a plain path: so what is installed editable is found too.
    ours = sysconfig.get_path("purelib")
    (packages / "beside.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    return Environment(python, packages)
