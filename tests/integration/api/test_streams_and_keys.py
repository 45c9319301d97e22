"""Who may follow the farm's events, and for how long."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.api.conftest import ServedFarm, serve
from tests.integration.api.listener import Listener

from rushlight.keys.store import KEYS_FILE


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[ServedFarm]:
    """A farm whose streams have frequent heartbeats."""
    async with serve(tmp_path, events_heartbeat_s=0.1, streams_per_principal_max=2) as running:
        yield running


def bearer(served: ServedFarm, name: str, role: str, worker_id: str | None = None) -> str:
    """A new key, as the header that carries it."""
    keys = served.parts.keys
    return f"Bearer {keys.create(name, role, worker_id=worker_id, created_by='test')[1]}"


async def test_a_revoked_key_ends_its_streams_and_no_others(quick: ServedFarm) -> None:
    admin = bearer(quick, "root", "admin")
    key, text = quick.parts.keys.create("ann", "auditor", created_by="test")
    async with (
        Listener(quick.url, authorization=f"Bearer {text}") as hers,
        Listener(quick.url, authorization=admin) as other,
    ):
        revoked = await quick.http.delete(f"/keys/{key.key_id}", headers={"authorization": admin})
        await hers.until(lambda: hers.ended)
        beats = len(other.frames)
        await other.until(lambda: len(other.frames) > beats + 2)

        assert revoked.status_code in {200, 204}
        assert not other.ended
    async with Listener(quick.url, authorization=f"Bearer {text}") as again:
        assert again.answer is not None
        assert again.answer.status_code == 401


async def test_the_first_key_ends_streams_that_had_none(quick: ServedFarm) -> None:
    async with Listener(quick.url) as listener:
        bearer(quick, "root", "admin")
        await listener.until(lambda: listener.ended)


async def test_a_stream_ends_while_nobody_knows_whose_keys_count(
    quick: ServedFarm, tmp_path: Path
) -> None:
    key = bearer(quick, "root", "admin")
    async with Listener(quick.url, authorization=key) as listener:
        (tmp_path / KEYS_FILE).rename(tmp_path / "elsewhere")
        await listener.until(lambda: listener.ended)
        answers = [await quick.http.get(path) for path in ("/renders", "/nowhere", "/readyz")]
        (tmp_path / "elsewhere").rename(tmp_path / KEYS_FILE)

        assert [answer.status_code for answer in answers] == [503, 503, 503]
        assert (await quick.http.get("/healthz")).status_code == 200


async def test_one_principal_takes_no_streams_from_others(quick: ServedFarm) -> None:
    bearer(quick, "root", "admin")
    ann, anew, bob = (bearer(quick, name, "operator") for name in ("ann", "ann", "bob"))
    async with (
        Listener(quick.url, authorization=ann),
        Listener(quick.url, authorization=anew),
        Listener(quick.url, authorization=ann) as third,
        Listener(quick.url, authorization=bob) as other,
    ):
        assert third.answer is not None
        assert other.answer is not None
        assert (third.answer.status_code, other.answer.status_code) == (429, 200)


@pytest.mark.parametrize(
    ("role", "status"),
    [("submitter", 200), ("operator", 200), ("auditor", 200), ("admin", 200), ("worker", 403)],
)
async def test_readers_may_follow(quick: ServedFarm, role: str, status: int) -> None:
    bearer(quick, "root", "admin")
    key = bearer(quick, "ann", role, "w-1" if role == "worker" else None)
    async with Listener(quick.url, authorization=key) as listener, Listener(quick.url) as nobody:
        assert listener.answer is not None
        assert nobody.answer is not None
        assert (listener.answer.status_code, nobody.answer.status_code) == (status, 401)
