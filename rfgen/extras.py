"""Parts that are not installed by default, and what to type to have them."""

from __future__ import annotations

from importlib import metadata


def install_command(extra: str) -> str:
    """What installs the packages of one extra beside this rfgen, however it was itself installed.

    By the packages' names and bounds, not as `rfgen[extra]`: the public index knows another project of that name.
    """
    try:
        declared = metadata.requires("rfgen") or []
    except metadata.PackageNotFoundError:  # run from a folder that was never installed
        declared = []
    packages = []
    for requirement in declared:
        package, _, marker = requirement.partition(";")
        if marker.replace('"', "'").replace(" ", "") == f"extra=='{extra}'":
            packages.append(f"'{package.strip()}'")
    return f"pip install {' '.join(packages)}" if packages else f"pip install '.[{extra}]', in the checkout"
