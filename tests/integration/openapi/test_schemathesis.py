"""The API against its own document, once per role; ``make contract`` does the same for longer."""

from pathlib import Path

import pytest
from tests.integration.openapi.run import KEYLESS, ROLES, contract

# The same cases in every run, so that a failure is one of the change at hand.
SHORT = ["--generation-deterministic", "--max-examples=3"]
# What does not depend on who asks is tried once; so is what a boundary of a schema is.
PHASES = {KEYLESS: "examples,coverage,fuzzing,stateful", "worker": "examples,coverage,fuzzing"}
OTHERS = "examples,fuzzing,stateful"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", ROLES)
def test_the_farm_keeps_to_its_document(tmp_path: Path, role: str) -> None:
    code, said = contract(tmp_path, role, [*SHORT, f"--phases={PHASES.get(role, OTHERS)}"])

    assert code == 0, said[-20_000:]
