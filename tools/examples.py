"""Runs examples/ as a newcomer does: copied out of this repository, rfgen installed from its wheel, and every step of
the workflow file run as a hosted CI runs it.

    python tools/examples.py WHEEL
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = Path(".github/workflows/treatments.yml")


def matrices(job: dict[str, dict[str, dict[str, list[object]]]]) -> Iterator[dict[str, object]]:
    """Every combination of a job's matrix."""
    matrix = job.get("strategy", {}).get("matrix", {})
    for values in itertools.product(*matrix.values()):
        yield dict(zip(matrix, values, strict=True))


def steps(workflow: Path) -> Iterator[tuple[str, str]]:
    """(job, command) of every step that runs one, with the matrix put in."""
    for name, job in yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].items():
        for chosen in matrices(job):
            for step in job["steps"]:
                if "run" in step:
                    put = lambda found, chosen=chosen: str(chosen[found[1]])  # noqa: E731
                    yield name, re.sub(r"\$\{\{ matrix\.(\w+) \}\}", put, step["run"])


def main(wheel: Path) -> int:
    """0 where every step ended well."""
    with tempfile.TemporaryDirectory(prefix="rfgen-examples-") as scratch:
        place = Path(scratch) / "tests of ours"
        shutil.copytree(ROOT / "examples", place, ignore=shutil.ignore_patterns("runs", ".rfgen", "*cache*"))
        (place / "wheels").mkdir()
        shutil.copy(wheel, place / "wheels")
        environment = Path(scratch) / "venv"
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST", "RFGEN"))}
        env["PATH"] = f"{environment / 'bin'}{os.pathsep}{env['PATH']}"
        env["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
        where = "import rfgen, sys; sys.exit(not rfgen.__file__.startswith(sys.prefix))"
        extra = [("tests", f"python -c '{where}'"), ("tests", "pytest --rig map:bench.yaml@simulated")]
        for job, command in [*steps(place / WORKFLOW), *extra]:
            print(f"--- {job}: {command}", flush=True)
            quiet = " --quiet" if command.startswith("pip install") else ""
            done = subprocess.run(["bash", "-e", "-c", command + quiet], cwd=place, env=env, check=False)
            if done.returncode:
                print(f"--- exit code {done.returncode}")
                return 1
        left = sorted(p.name for p in place.rglob("*.xml"))
        print(f"examples: passed from the wheel; reports: {', '.join(left)}")
        return 0 if left == ["check-1.xml", "check-2.xml", "pytest.xml"] and not (place / "runs").exists() else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
