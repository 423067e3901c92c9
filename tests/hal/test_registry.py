"""Backends are found by entry point, and every way that can go wrong says what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hal import HalError
from hal.registry import backend, backends
from hal.replay import ReplayHal
from hal.simulated import SimulatedHal


def _install(folder: Path, package: str, points: str) -> None:
    """A distribution's metadata, as an installer leaves it."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[rfgen.hal]\n{points}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that packages can be installed into."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_own_backends_are_there() -> None:
    assert {"sim", "replay"} <= set(backends())
    assert backend("sim") is SimulatedHal
    assert backend("replay") is ReplayHal


def test_a_third_party_backend_is_found_and_made(site: Path) -> None:
    source = "class Bench:\n    def __init__(self, port):\n        self.port = port\n"
    (site / "acme_bench.py").write_text(source)
    _install(site, "acme-bench", "acme = acme_bench:Bench")
    assert list(backends()) == sorted(backends())
    made = backend("acme")("COM3")
    assert type(made).__name__ == "Bench"
    assert made.port == "COM3"  # type: ignore[attr-defined]


def test_listing_runs_no_code_of_a_package(site: Path) -> None:
    (site / "acme_loud.py").write_text("raise RuntimeError('imported')\n")
    _install(site, "acme-loud", "loud = acme_loud:Bench")
    assert backends()["loud"].value == "acme_loud:Bench"
    assert "acme_loud" not in sys.modules


def test_an_unknown_name_names_the_known_and_the_nearest() -> None:
    says = r"^no backend 'relpay'; there are: .*did you mean 'replay'\?$"
    with pytest.raises(HalError, match=says) as caught:
        backend("relpay")
    for known in backends():
        assert known in str(caught.value)


def test_a_name_like_no_other_suggests_none() -> None:
    with pytest.raises(HalError, match=r"there are: .*replay") as caught:
        backend("qqqqqqqq")
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "point", "says"),
    [
        ("raise RuntimeError('no driver')", "acme_broken:Bench", r"RuntimeError: no driver"),
        ("import nobody_has_this", "acme_broken:Bench", r"ModuleNotFoundError: .*nobody_has_this"),
        ("Other = int", "acme_broken:Bench", r"AttributeError: .*Bench"),
        ("Bench = 3", "acme_broken:Bench", r"is a int, not a class or function"),
    ],
)
def test_a_broken_backend_names_its_package(
    site: Path, monkeypatch: pytest.MonkeyPatch, source: str, point: str, says: str
) -> None:
    (site / "acme_broken.py").write_text(source + "\n")
    _install(site, "acme-broken", f"acme = {point}")
    monkeypatch.delitem(sys.modules, "acme_broken", raising=False)
    with pytest.raises(HalError, match=rf"backend 'acme' of package acme-broken.*{says}"):
        backend("acme")
    sys.modules.pop("acme_broken", None)


def test_a_name_claimed_twice_is_refused_and_the_others_work(site: Path) -> None:
    (site / "acme_one.py").write_text("class Bench: pass\n")
    _install(site, "acme-one", "acme = acme_one:Bench\nacme-other = acme_one:Bench")
    _install(site, "zebra", "acme = acme_one:Bench")
    with pytest.raises(HalError, match=r"claimed by acme-one and zebra: uninstall all but one"):
        backend("acme")
    assert type(backend("acme-other")()).__name__ == "Bench"
    assert backend("replay") is ReplayHal
