"""First light on rigs with more thermocouples, and with fewer: half a minute of real time."""

from __future__ import annotations

import json
from pathlib import Path

from tests.serial.served import BRIEF, rfgen, rig_process


def test_first_light_uses_as_many_thermocouples_as_there_are(tmp_path: Path) -> None:
    three = BRIEF.replace(
        "{name: second, place: electrode}]", "{name: second, place: electrode}, {name: third, place: electrode}]"
    )
    (tmp_path / "brief.yaml").write_text(BRIEF, encoding="utf-8")
    (tmp_path / "three.yaml").write_text(three, encoding="utf-8")
    with rig_process("brief.yaml", folder=tmp_path) as (port, _):
        code, out, _ = rfgen("run", "three.yaml", "--hal", "serial", "--port", port, "--json", folder=tmp_path)
    assert code == 0
    assert list(json.loads(out)["peak_c"]) == ["tip", "second"]
    with rig_process("three.yaml", folder=tmp_path) as (port, _):
        code, out, _ = rfgen("run", "brief.yaml", "--hal", "serial", "--port", port, "--json", folder=tmp_path)
    assert code == 0
    assert list(json.loads(out)["peak_c"]) == ["tip", "second"]
