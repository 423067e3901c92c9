"""Faults that a test puts on and takes off."""

from __future__ import annotations

from types import TracebackType

from pydantic import ValidationError

from rfgen.crosscheck import Parts, cross_faults
from rfgen.device import DeviceProfile
from rfgen.faultpanel import Put
from rfgen.hostfaults import HOST_FAULTS
from rfgen.problems import Refusal
from rfgen.scenario import FaultLine
from rfgen.session import Session
from rfgen.testing.chronicle import Chronicle
from rfgen.when import When


def checked(device: DeviceProfile, kind: str, channel: int | None, size: float | None) -> FaultLine:
    """The fault as a line of a scenario. Raises ValueError where there is no such fault, or none on this device."""
    try:
        line = FaultLine(at=When(None, 1, 0.0), kind=kind, channel=channel, size=size)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, Refusal):
            said = "; ".join(f"{f.path[0]} {f.message}; {f.remedy}" for f in cause.faults)
            raise ValueError(f"fault {kind!r}: {said}") from None
        raise ValueError(f"fault {kind!r} {cause or detail['msg']}") from None
    for fault in cross_faults(Parts(device, None, None, [line], [], None)):
        raise ValueError(f"fault {kind!r} {fault.message}; {fault.remedy}")
    return line


class PutFault:
    """A fault that is on until it is taken off. As a context manager it comes off at the end of the block."""

    def __init__(self, line: FaultLine, put: Put, session: Session, chronicle: Chronicle) -> None:
        self.kind = line.kind
        self._put: Put | None = put
        self._session = session
        self._chronicle = chronicle
        self._entry = chronicle.put(session.tick, line)

    def take_off(self) -> None:
        """Take it off, from the next tick on. Harmless to repeat. Raises ValueError for one that has no end."""
        if self._put is None:
            return
        if self.kind in HOST_FAULTS and not HOST_FAULTS[self.kind].ends:
            raise ValueError(f"{self.kind} has no end: it stays until the next start, or longer")
        put, self._put = self._put, None
        self._session.tell(put.take_off())
        self._chronicle.took_off(self._entry, self._session.tick)

    def __enter__(self) -> PutFault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.kind not in HOST_FAULTS or HOST_FAULTS[self.kind].ends:
            self.take_off()
