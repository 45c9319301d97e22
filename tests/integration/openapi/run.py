"""Tries a running farm against its own OpenAPI document, with schemathesis, as one role.

``make contract`` runs it for every role, long; ``test_schemathesis.py`` runs it short.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
from tests.integration.farm.process import FarmProcess

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
KEYLESS = "keyless"
ROLES = (KEYLESS, "submitter", "operator", "worker", "auditor", "admin")
# Held requests end at once; nobody is too fast.
SETTINGS: dict[str, Any] = {
    "request_wait_max_s": 0.1,
    "outcome_wait_s": 30,
    "rate_per_s": 1e6,
    "rate_burst": 10**6,
}
# Operations that would end the run: the first key locks a farm that has none, and a key that is
# revoked is the one that asks. The Postman story sends both, and tests of keys much more.
ENDS_THE_RUN = {KEYLESS: ["createKey"], "admin": ["revokeKey"]}


def key_for(farm: FarmProcess, role: str) -> str | None:
    """A key of that role; the farm has an admin then, as real ones do."""
    if role == KEYLESS:
        return None
    with httpx.Client(base_url=farm.url, timeout=30) as http:
        root = http.post("/keys", json={"name": "root", "role": "admin"}).json()["key"]
        body = {"name": role, "role": role, **({"workerId": "alpha"} if role == "worker" else {})}
        made = http.post("/keys", json=body, headers={"Authorization": f"Bearer {root}"})
        return str(made.raise_for_status().json()["key"])


def command(farm: FarmProcess, role: str, options: list[str]) -> list[str]:
    """The command line of schemathesis."""
    key = key_for(farm, role)
    checks = "ignored_auth" if key is None else "none"
    found = [
        str(Path(sys.executable).parent / "schemathesis"),
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
        f"{farm.url}/api-docs/openapi.json",
        "--checks=all",
        "--no-color",
        "--warnings=off",
        "--output-truncate=true",
        *(f"--exclude-operation-id={one}" for one in ENDS_THE_RUN.get(role, ())),
        *options,
    ]
    if key is None:
        return [*found, f"--exclude-checks={checks}"]
    return [*found, "-H", f"Authorization: Bearer {key}"]


def contract(folder: Path, role: str, options: list[str]) -> tuple[int, str]:
    """Run it against a farm of its own: exit code, and what schemathesis and the farm wrote."""
    farm = FarmProcess(folder / "data", **SETTINGS)
    farm.start(60)
    try:
        environment = {
            **os.environ,
            "CONTRACT_ROLE": "" if role == KEYLESS else role,
            "SCHEMATHESIS_HOOKS": "tests.integration.openapi.hooks",
            "PYTHONPATH": str(ROOT),
        }
        ended = subprocess.run(
            command(farm, role, options),
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    finally:
        farm.stop()
    said = (folder / "farm.out").read_text(encoding="utf-8", errors="replace")
    broken = "Traceback" in said or "request_failed" in said
    return ended.returncode or int(broken), ended.stdout + (said if broken else "")


def main() -> int:
    """Every role that is asked for, one after the other; other options go to schemathesis."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--role", choices=ROLES, action="append", help="only these")
    parser.add_argument("--max-examples", default="100")
    known, others = parser.parse_known_args()
    worst = 0
    for role in known.role or ROLES:
        with tempfile.TemporaryDirectory() as folder:
            options = [f"--max-examples={known.max_examples}", *others]
            code, said = contract(Path(folder), role, options)
        sys.stdout.write(f"=== {role}\n{said}\n")
        worst = max(worst, code)
    return worst


if __name__ == "__main__":
    sys.exit(main())
