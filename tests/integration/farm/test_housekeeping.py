"""What the dispatcher does beside its rounds does not harm them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from rushlight.eventlog.folder import LOG_FILE
from rushlight.testing import manual_farm

BREAKS_DELETES = """
CREATE TRIGGER broken BEFORE DELETE ON outcomes BEGIN SELECT * FROM no_such_table; END
"""


async def test_outcomes_that_cannot_be_deleted_fail_no_round(tmp_path: Path) -> None:
    async with manual_farm(tmp_path / "farm") as farm:
        await farm.submit(name="before")
        with closing(sqlite3.connect(tmp_path / "farm" / LOG_FILE)) as connection:
            connection.execute(BREAKS_DELETES)
        farm.clock.advance(farm.settings.outcome_keep_s + 1)
        task = await farm.submit(name="after")
        assert task["status"] == "pending"
