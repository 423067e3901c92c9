"""The name of a served rig: what a killed one left is known, and nothing else is taken for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hal.servelink import ServedLink, left_behind


@pytest.fixture(name="ports")
def _ports() -> Iterator[list[str]]:
    """Two terminals, somebody's."""
    handles = [*os.openpty(), *os.openpty()]
    yield [os.ttyname(handles[1]), os.ttyname(handles[3])]
    for handle in handles:
        os.close(handle)


@pytest.fixture(name="link")
def _link(tmp_path: Path) -> Path:
    return tmp_path / "rig"


def killed(link: Path, port: str) -> None:
    """A rig that served there and was killed; its terminal's number is another's by now."""
    served = ServedLink(link, port)
    assert served._handle is not None
    os.close(served._handle)  # as the kernel does


def test_a_link_left_behind_is_taken_over_though_its_terminal_is_another_s(link: Path, ports: list[str]) -> None:
    killed(link, ports[0])
    assert left_behind(link)
    served = ServedLink(link, ports[1])
    assert os.readlink(link) == ports[1]
    assert not left_behind(link)
    served.remove()
    assert list(link.parent.iterdir()) == []


def test_the_link_of_a_rig_that_lives_stays(link: Path, ports: list[str]) -> None:
    served = ServedLink(link, ports[0])
    assert not left_behind(link)
    with pytest.raises(FileExistsError):
        ServedLink(link, ports[1])
    assert os.readlink(link) == ports[0]
    served.remove()
    served.remove()


@pytest.mark.parametrize("how", ["made again", "made anew, to the same terminal", "no lock", "a file"])
def test_a_link_of_somebody_else_stays(how: str, link: Path, ports: list[str]) -> None:
    killed(link, ports[0])
    if how == "no lock":
        (link.parent / ".rig.lock").unlink()
    else:
        link.unlink()
    if how == "a file":
        link.write_text("mine", encoding="ascii")
    elif how != "no lock":
        link.symlink_to(ports[how == "made again"])
    assert not left_behind(link)
    there = os.lstat(link)
    with pytest.raises(FileExistsError):
        ServedLink(link, ports[1] if how != "made again" else "/dev/pts/4194304")
    assert os.path.samestat(os.lstat(link), there)


def test_one_that_leads_nowhere_is_nobody_s(link: Path, ports: list[str]) -> None:
    link.symlink_to("/dev/pts/4194304")
    assert left_behind(link)
    ServedLink(link, ports[0]).remove()
    assert list(link.parent.iterdir()) == []


def test_what_is_wrong_with_a_link_is_said_of_the_link(link: Path, ports: list[str]) -> None:
    with pytest.raises(FileNotFoundError) as wrong:
        ServedLink(link / "no" / "such", ports[0])
    assert wrong.value.filename == str(link / "no" / "such")


def test_without_a_lock_there_is_a_link_still(link: Path, ports: list[str]) -> None:
    """In a folder like /tmp the lock's name may be another user's."""
    (link.parent / ".rig.lock").mkdir()
    served = ServedLink(link, ports[0])
    assert os.readlink(link) == ports[0]
    served.remove()
    assert not link.is_symlink()
