"""The C rig's core as a library: the test gives it its clock and its line, and a plant is linked in beside it."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, byref, c_bool, c_char, c_float, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64

from firmware_build import made

from hal.types import RigInfo

MOST_SENT = 64 * 252


class Identity(Structure):
    """struct rig_identity"""

    _fields_ = [
        ("thermocouples", c_uint8), ("capabilities", c_uint32), ("boot_count", c_uint32),
        ("watchdog_min_ms", c_uint16), ("watchdog_max_ms", c_uint16), ("max_power_w", c_float),
        ("model", c_char * 16), ("serial", c_char * 16), ("firmware", c_char * 16),
    ]  # fmt: skip


class Sensors(Structure):
    """struct rig_sensors"""

    _fields_ = [
        ("power_w", c_float), ("voltage_v", c_float), ("current_a", c_float), ("phase_deg", c_float),
        ("flow_ml_min", c_float), ("coolant_c", c_float), ("stage_c", c_float),
        ("temperature_c", c_float * 8), ("tc_fault", c_uint8 * 8),
        ("rf_enabled", c_bool), ("pump_turning", c_bool), ("loop_closed", c_bool), ("start_pressed", c_bool),
        ("estop_pressed", c_bool), ("return_attached", c_bool), ("stage_fault", c_bool),
    ]  # fmt: skip


class Scripted(Structure):
    """struct scripted (firmware/tests/scripted.h)"""

    _fields_ = [
        ("sensors", Sensors), ("stuck", c_bool), ("output_on", c_bool), ("cut_open", c_bool),
        ("output_w", c_float), ("flow_ml_min", c_float),
    ]  # fmt: skip


class Truth(Structure):
    """struct dummy_truth"""

    _fields_ = [
        ("delivered_w", c_float), ("block_c", c_float), ("asked_flow_ml_min", c_float),
        ("enabled", c_bool), ("second_cut_open", c_bool), ("changed_us", c_uint64),
    ]  # fmt: skip


def identity_of(info: RigInfo) -> Identity:
    """What the C rig is told that it is."""
    names = (name.encode() for name in info.identity)
    return Identity(
        info.thermocouples, int(info.capabilities), info.boot_count, info.watchdog_min_ms, info.watchdog_max_ms,
        info.max_power_w, *names,
    )  # fmt: skip


class LibraryRig:
    """`receive` and `poll` as `hal.serveprotocol.RigProtocol` has them, so that `hal.serve` serves it as well."""

    def __init__(self, name: str) -> None:
        self.library = library = ctypes.CDLL(str(made(name)))
        library.in_process_boot.restype = c_bool
        library.in_process_boot.argtypes = [POINTER(Identity), c_uint64]
        library.in_process_poll.restype = None
        library.in_process_poll.argtypes = [c_uint64]
        library.in_process_receive.restype = c_size_t
        library.in_process_receive.argtypes = [c_uint64, ctypes.c_char_p, c_size_t, ctypes.c_void_p]
        self._sent = ctypes.create_string_buffer(MOST_SENT)
        self.works = self

    def boot(self, identity: Identity, now_us: int = 0) -> None:
        """Power on."""
        assert self.library.in_process_boot(byref(identity), now_us), "no rig can be like that"

    def poll(self, now_us: int) -> None:
        """The timer's interrupt."""
        self.library.in_process_poll(now_us)

    def receive(self, data: bytes, now_us: int) -> bytes:
        """Bytes from the host; what goes back."""
        count = self.library.in_process_receive(now_us, data, len(data), ctypes.cast(self._sent, ctypes.c_void_p))
        return self._sent.raw[:count]

    def switch_off(self) -> None:
        """What a server does at its end: the power goes."""
        self.library.rig_port_set_output(c_bool(False), c_float(0.0))

    def close(self) -> None:
        """Nothing to give back."""


class DummyRig(LibraryRig):
    """On the dummy load."""

    def __init__(self) -> None:
        super().__init__("librig-dummy.so")
        self.library.dummy_truth.restype = Truth

    def boot(self, identity: Identity, now_us: int = 0) -> None:
        self.library.dummy_init(c_uint8(identity.thermocouples), c_uint32(1))
        super().boot(identity, now_us)

    def truth(self) -> Truth:
        """What no sensor tells."""
        truth: Truth = self.library.dummy_truth()
        return truth


class ScriptedRig(LibraryRig):
    """On sensors that read what `plant` is told."""

    def __init__(self) -> None:
        super().__init__("librig-scripted.so")
        self.plant = Scripted.in_dll(self.library, "scripted")
        ctypes.memset(ctypes.byref(self.plant), 0, ctypes.sizeof(self.plant))  # a library is loaded once
