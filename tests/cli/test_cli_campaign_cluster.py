"""`rfgen campaign --cluster`: what is refused, what a lost cluster costs, and what becomes of runs that fail."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask
import pytest
from distributed import KilledWorker, LocalCluster
from rfgen_program import here
from test_cli_campaign import SPEC

from rfgen.campaign import cluster
from rfgen.campaign.journal import Journal
from rfgen.campaign.program import program
from rfgen.campaign.spec import CampaignSpec, parse_spec
from rfgen.problems import InputError

Row = dict[str, Any]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Two workers within this process: what they run can be replaced."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0", silence_logs=50
    ) as found:
        yield found.scheduler_address


@pytest.fixture
def spec() -> CampaignSpec:
    return parse_spec(SPEC, "c.yaml")


def test_what_cannot_be_an_address_is_told(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(SPEC, encoding="utf-8")
    for words, told in (
        (("nowhere",), r"--cluster nowhere: cannot be a scheduler's address .*; give it as tcp://HOST:8786"),
        (("xyz://nowhere:1",), r"--cluster xyz://nowhere:1: cannot be a scheduler's address .*'xyz'"),
        (("tcp://nowhere:99999",), r"cannot be a scheduler's address \(a port is 1 to 65535\)"),
        (("inproc://a/b/c",), r"cannot be a scheduler's address .*does not match"),
        (
            ("tls://127.0.0.1:1",),
            r"needs certificates, and Dask's configuration names none; set distributed\.comm\.tls",
        ),
        (("tcp://nowhere:1", "-j", "2"), r"-j is for this machine"),
    ):
        code, out, err = here("campaign", "c.yaml", "--cluster", *words, folder=tmp_path)
        assert (code, out) == (2, "")
        assert re.search(told, err), err
        assert os.listdir(tmp_path) == ["c.yaml"]
    files = {"ca-file": "no.pem", "client.cert": "no.pem", "client.key": "no.pem"}
    with dask.config.set({f"distributed.comm.tls.{name}": file for name, file in files.items()}):
        code, out, err = here("campaign", "c.yaml", "--cluster", "tls://127.0.0.1:1", folder=tmp_path)
    assert (code, out) == (2, "")
    assert "cannot be read (No such file or directory); set distributed.comm.tls" in err


def test_nobody_there_from_the_beginning_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.2)
    (tmp_path / "c.yaml").write_text(SPEC, encoding="utf-8")
    code, out, err = here("campaign", "c.yaml", "--cluster", "tcp://127.0.0.1:1", folder=tmp_path)
    assert (code, out) == (3, "")
    assert err.startswith("cluster: no scheduler answers at tcp://127.0.0.1:1"), err
    assert err.endswith(": none of 16 runs is done\n")
    assert os.listdir(tmp_path) == ["c.yaml"]


def test_nobody_there_costs_nothing_that_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.2)
    (tmp_path / "c.yaml").write_text(SPEC, encoding="utf-8")
    spec = parse_spec(SPEC, "c.yaml")
    head = {"spec": spec.digest, "seed": 5, "runs": 16, "versions": program()}
    with Journal(tmp_path / "campaigns/c", head) as journal:
        journal.add({"run": 3})
    code, _, err = here("campaign", "c.yaml", "--cluster", "tcp://127.0.0.1:1", folder=tmp_path)
    assert code == 3
    told = "cluster: no scheduler answers at tcp://127.0.0.1:1"
    assert err.startswith(told), err
    assert "1 of 16 runs are done and kept; the same command goes on" in err
    with Journal(tmp_path / "campaigns/c", head) as journal:
        assert journal.done == {3}


def test_a_cluster_without_workers_is_given_up(spec: CampaignSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ALONE_S", 0.2)
    monkeypatch.setattr(cluster, "LOOK_S", 0.1)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address="127.0.0.1:0", silence_logs=50) as empty,
        pytest.raises(cluster.ClusterFailed, match="no workers"),
    ):
        list(cluster.rows(empty.scheduler_address, spec, 5, range(3)))


def test_every_run_once_whatever_fails(address: str, spec: CampaignSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run 11 always fails; run 17 ends its workers; run 23 fails once. All others are as they would have been."""
    once: list[int] = []
    most = 0

    def stub(_: CampaignSpec, seed: int, number: int) -> Row:
        if number == 11:
            raise RuntimeError("no memory left")
        if number == 17:
            raise KilledWorker("task", SimpleNamespace(address="tcp://worker"), 3)
        if number == 23 and not once:
            once.append(number)
            raise RuntimeError("for once")
        return {"run": number, "seed": seed}

    submit = cluster._Flights._submit

    def counted(flights: cluster._Flights, numbers: list[int]) -> str:
        nonlocal most
        key = submit(flights, numbers)
        most = max(most, len(flights.out))
        return key

    monkeypatch.setattr(cluster, "row_of", stub)
    monkeypatch.setattr(cluster, "MOST_RUNS", 7)
    monkeypatch.setattr(cluster._Flights, "_submit", counted)
    found = list(cluster.rows(address, spec, 9, range(200)))
    assert sorted(row["run"] for row in found) == list(range(200))
    by_run = {row["run"]: row for row in found}
    lost = {number: by_run.pop(number) for number in (11, 17)}
    assert all(row == {"run": number, "seed": 9} for number, row in by_run.items())
    assert [row["outcome"] for row in lost.values()] == ["worker_died"] * 2
    assert lost[11]["problems"] == "it failed 3 times (RuntimeError: no memory left)"
    assert lost[17]["problems"] == "its workers died"
    assert once == [23]
    # two workers of one thread: two tasks each, and one suspect
    assert 2 <= most <= 5


def test_a_worker_with_other_versions_is_refused(
    address: str, spec: CampaignSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = program()
    answers = iter([mine] + [{**mine, "numpy": "0.1"}] * 100)
    monkeypatch.setattr(cluster, "program", lambda: next(answers))
    with pytest.raises(InputError, match=r"numpy .*; install the same on all"):
        list(cluster.rows(address, spec, 9, [1]))
