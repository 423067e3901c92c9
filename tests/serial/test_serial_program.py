"""The program on a rig: what it prints, how it ends, and that RF goes off first on every way out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from served import BRIEF, PROGRAM, rfgen, rig_process, until

from hal import RigUnavailable
from hal.serialport import Line, explain
from hal.serialrig import SerialHal
from rfgen.record.loader import load_run

LONG = BRIEF.replace("hold_s: 1}", "hold_s: 60}").replace("hold_s: 1\n", "hold_s: 60\n")


@pytest.fixture(name="brief")
def _brief(tmp_path: Path) -> Path:
    (tmp_path / "brief.yaml").write_text(BRIEF, encoding="utf-8")
    (tmp_path / "long.yaml").write_text(LONG, encoding="utf-8")
    return tmp_path


def test_a_treatment_on_a_served_rig_in_real_time(brief: Path) -> None:
    with rig_process("brief.yaml", "--link", "rig", folder=brief) as (port, rig):
        assert port == "rig"
        code, out, err = rfgen(
            "run", "brief.yaml", "--hal", "serial", "--port", "rig", "--baud", "115200", "--out", "run", folder=brief
        )
        assert (code, err) == (0, "")
        assert "every step was held" in out
        assert "SIMULATED" in out
        assert "ticks missed" in out
        assert "  priority    " in out
        timing = json.loads((brief / "run/timing.json").read_text())
        assert {"late_s", "overruns", "left_out", "real_time_priority"} <= timing.keys()
        rig.send_signal(signal.SIGTERM)
        out_rig, err_rig = rig.communicate(timeout=20)
        assert (rig.returncode, err_rig) == (0, b"")
        assert b"ended with RF off; 0 bad frames" in out_rig
    assert not (brief / "rig").is_symlink()
    assert rfgen("replay", "run", folder=brief)[0] == 0


def test_faults_of_the_scenario_are_the_served_rigs_to_put_on(brief: Path) -> None:
    text = BRIEF.replace("completed, reason: hold_complete, tripped: []", "cutoff, reason: ESTOP")
    text += "faults: [{at: ramp + 0.2 s, kind: emergency_stop}]\n"
    (brief / "stopped.yaml").write_text(text, encoding="utf-8")
    with rig_process("stopped.yaml", folder=brief) as (port, _):
        code, out, err = rfgen("run", "stopped.yaml", "--hal", "serial", "--port", port, folder=brief)
    assert (code, err) == (0, "")
    assert "tripped by ESTOP" in out


def test_a_profile_that_needs_what_the_rig_lacks_is_refused_before_any_rf(brief: Path) -> None:
    with rig_process("brief.yaml", folder=brief) as (port, _):
        code, out, err = rfgen("run", "bench-self-test", "--hal", "serial", "--port", port, "--json", folder=brief)
    assert (code, out) == (3, "")
    assert err.startswith("rig: profile bench needs what this rig lacks: ")
    for lacking in ("pump", "phase", "return monitor", "sentinel", "3 thermocouples (it has 2)", "15 W (it gives 8 W)"):
        assert lacking in err
    assert not list(brief.glob("runs/*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_switches_rf_off_and_says_bye(number: signal.Signals, brief: Path) -> None:
    with rig_process("long.yaml", folder=brief) as (port, rig):
        words = [*PROGRAM, "run", "long.yaml", "--hal", "serial", "--port", port, "--out", "run", "--quiet"]
        with subprocess.Popen(words, cwd=brief, stderr=subprocess.PIPE) as run:
            file = brief / "run/run.mcap"
            until(lambda: file.exists() and file.stat().st_size > 20_000, "the run records nothing", 40.0)
            run.send_signal(number)
            _, err = run.communicate(timeout=20)
        assert (run.returncode, err) == (130, b"interrupted; RF was switched off first\n")
        rig.send_signal(signal.SIGINT)
        out, _ = rig.communicate(timeout=20)
        # its watchdog had nothing to do
        assert b"held RF off" not in out
    assert load_run(brief / "run").complete


def test_a_rig_that_goes_away_is_a_lost_link(brief: Path) -> None:
    with rig_process("long.yaml", folder=brief) as (port, rig):
        words = [*PROGRAM, "run", "long.yaml", "--hal", "serial", "--port", port, "--out", "run", "--json"]
        with subprocess.Popen(words, cwd=brief, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            file = brief / "run/run.mcap"
            until(lambda: file.exists() and file.stat().st_size > 20_000, "the run records nothing", 40.0)
            rig.kill()
            out, err = run.communicate(timeout=30)
    assert run.returncode == 1, err
    summary = json.loads(out)
    assert (summary["outcome"], summary["reason"]) == ("cutoff", "LINK_LOST")


# --- ports that do not open ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ("/dev/nothing", "there is no port /dev/nothing; this machine has: "),
        ("brief.yaml", "not a serial port but a file"),
        (".", "not a serial port but a folder"),
        ("socket://127.0.0.1:9", "cannot be opened"),
        ("nosuch://x", "cannot be opened"),
    ],
)
def test_ports_that_are_none(port: str, said: str, brief: Path) -> None:
    code, out, err = rfgen("run", "brief.yaml", "--hal", "serial", "--port", port, "--quiet", folder=brief)
    assert (code, out) == (3, ""), err
    assert err.startswith("rig: ")
    assert said in err
    assert "Traceback" not in err


def test_a_busy_port_is_told_with_the_process_that_has_it(brief: Path) -> None:
    hold = """import serial, sys, time
port = serial.Serial(sys.argv[1], exclusive=True)
print("has it", flush=True)
time.sleep(60)
"""
    with (
        rig_process("brief.yaml", folder=brief) as (port, _),
        subprocess.Popen([sys.executable, "-c", hold, port], stdout=subprocess.PIPE) as holder,
    ):
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"has it\n"
            code, _, err = rfgen("run", "brief.yaml", "--hal", "serial", "--port", port, "--quiet", folder=brief)
        finally:
            holder.kill()
    assert code == 3
    assert err.startswith(f"rig: {port} is busy: held by ")
    assert f"process {holder.pid} (" in err


def test_a_second_host_of_one_process_is_told_too(brief: Path) -> None:
    with rig_process("brief.yaml", folder=brief) as (port, _):
        first = SerialHal(port)
        first.identify()
        with pytest.raises(RigUnavailable, match="is busy"):
            Line(port, 921_600)
        first.close()
        Line(port, 921_600).close()


@pytest.mark.parametrize(
    ("mode", "gid", "said"),
    [
        (0o660, 20, "`sudo usermod -aG "),
        (0o660, 0, "joining that does not help. Have a udev rule"),
        (0o620, 20, "joining that does not help. Have a udev rule"),
    ],
)
def test_a_port_that_is_not_permitted_names_the_group_and_a_remedy_that_helps(
    mode: int, gid: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    master, slave = os.openpty()
    try:
        port = os.ttyname(slave)
        there = list(os.stat(port))
        there[0], there[5] = there[0] & ~0o777 | mode, gid
        monkeypatch.setattr(Path, "stat", lambda path, **options: os.stat_result(there))
        told = explain(port, PermissionError(13, "Permission denied"))
    finally:
        os.close(master)
        os.close(slave)
    assert "may not be opened by you: it belongs to the group " in told
    assert said in told


def test_a_device_that_is_no_serial_port_and_one_that_speaks_in_lines(brief: Path) -> None:
    code, _, err = rfgen("check-rig", "/dev/null", folder=brief)
    assert (code, err) == (3, "rig: /dev/null is a device, but not a serial port; `rfgen ports` lists ports\n")
    code, _, err = rfgen("run", "brief.yaml", "--hal", "serial", folder=brief)
    assert (code, err) == (2, "--port: is not given, and backend serial needs one; give it: `rfgen ports`\n")


# --- rfgen ports, rfgen rig ------------------------------------------------------------------------------------------


def test_ports_are_listed_without_a_word_to_them_and_probed_when_asked(brief: Path) -> None:
    with rig_process("brief.yaml", folder=brief) as (port, rig):
        code, out, _ = rfgen("ports", port, folder=brief)
        assert (code, out) == (0, f"{port}\n")
        code, out, _ = rfgen("ports", "--probe", port, "/dev/nothing", folder=brief)
        assert code == 0
        assert f"{port}  " in out
        assert "rig rfgen simulation seed 1 (firmware 1, a simulation): 8 W, 2 thermocouples, simulation" in out
        assert "no rig: there is no port /dev/nothing" in out
        rig.kill()
    assert rfgen("ports", folder=brief)[0] == 0


def test_a_link_that_is_taken_or_has_no_place(brief: Path) -> None:
    code, _, err = rfgen("rig", "brief.yaml", "--link", "long.yaml", folder=brief)
    assert (code, err) == (2, "long.yaml: --link: is there already; give a name that is free\n")
    code, _, err = rfgen("rig", "brief.yaml", "--link", "no/such/rig", folder=brief)
    assert (code, err) == (2, "no/such/rig: --link: is in a folder that does not exist; give a name that is free\n")
    assert rfgen("rig", "nosuch", folder=brief)[0] == 2


def test_a_link_left_by_a_killed_rig_is_taken_over(brief: Path) -> None:
    with rig_process("brief.yaml", "--link", "rig", folder=brief) as (_, rig):
        rig.kill()
        rig.wait()
    link = brief / "rig"
    assert link.is_symlink()
    terminals: list[int] = []
    try:
        while not link.exists():  # until somebody has the number of its terminal
            terminals += os.openpty()
        with rig_process("brief.yaml", "--link", "rig", folder=brief) as (_, rig):
            assert rfgen("ports", "--probe", "rig", folder=brief)[1].count("rfgen simulation") == 1
            code, _, err = rfgen("rig", "brief.yaml", "--link", "rig", folder=brief)
            assert (code, err) == (2, "rig: --link: is there already; give a name that is free\n")
            rig.terminate()
            rig.wait()
    finally:
        for handle in terminals:
            os.close(handle)
    assert sorted(os.listdir(brief)) == ["brief.yaml", "long.yaml"]
