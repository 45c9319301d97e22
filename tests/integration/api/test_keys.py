"""Keys over HTTP: made, listed, revoked; workers enrolled."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.api.conftest import ServedFarm, serve
from tests.integration.api.test_ownership import As


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[As]:
    async with serve(tmp_path) as farm:
        yield As(farm, farm.parts.keys.create("ann", "admin", created_by="root")[1])


async def test_the_first_key_can_be_made_over_http_on_this_machine(served: ServedFarm) -> None:
    made = await served.json("POST", "/keys", {"name": "ann", "role": "admin"}, status=201)
    whoami = await As(served, made["key"])("GET", "/whoami")

    assert made["createdBy"] == "anonymous"
    assert whoami.json() == {
        "principal": "ann",
        "role": "admin",
        "workerId": None,
        "keyId": made["keyId"],
    }


async def test_a_key_is_told_once(admin: As) -> None:
    made = await admin("POST", "/keys", {"name": "bob", "role": "submitter"})
    listed = (await admin("GET", "/keys")).json()["items"]

    assert made.headers["cache-control"] == "no-store"
    assert made.json()["key"].startswith(f"rlk_{made.json()['keyId']}_")
    assert [one["name"] for one in listed] == ["ann", "bob"]
    assert not any("key" in one for one in listed)
    assert listed[1] == {name: value for name, value in made.json().items() if name != "key"}


async def test_a_key_with_a_date_and_one_of_a_worker(admin: As) -> None:
    until = (datetime(2100, 1, 1, tzinfo=UTC)).isoformat()
    bob = await admin("POST", "/keys", {"name": "bob", "role": "auditor", "expiresAt": until})
    node = await admin("POST", "/keys", {"name": "n", "role": "worker", "workerId": "cloud-1"})

    assert datetime.fromisoformat(bob.json()["expiresAt"]) == datetime(2100, 1, 1, tzinfo=UTC)
    assert node.json()["principal"] == "worker:cloud-1"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"name": "bob"}, 400),
        ({"name": "bob", "role": "king"}, 400),
        ({"name": "b b", "role": "admin"}, 400),
        ({"name": "bob", "role": "admin", "expiresAt": "soon"}, 400),
        ({"name": "bob", "role": "worker"}, 422),
        ({"name": "bob", "role": "admin", "workerId": "alpha"}, 422),
        ({"name": "bob", "role": "admin", "expiresAt": "2001-01-01T00:00:00Z"}, 422),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(
    admin: As, body: dict[str, str], status: int
) -> None:
    refused = await admin("POST", "/keys", body)

    assert refused.status_code == status, refused.text
    assert len((await admin("GET", "/keys")).json()["items"]) == 1


async def test_a_revoked_key_stays_on_the_list(admin: As) -> None:
    made = (await admin("POST", "/keys", {"name": "bob", "role": "operator"})).json()
    revoked = await admin("DELETE", f"/keys/{made['keyId']}")

    assert (revoked.status_code, revoked.json()["revokedBy"]) == (200, "ann")
    assert (await As(admin.farm, made["key"])("GET", "/renders")).status_code == 401
    assert (await admin("DELETE", "/keys/nothing")).status_code == 404


async def test_nobody_locks_the_farm_and_throws_the_key_away(admin: As) -> None:
    await admin("POST", "/keys", {"name": "bob", "role": "submitter"})
    own = (await admin("GET", "/whoami")).json()["keyId"]

    refused = await admin("DELETE", f"/keys/{own}")

    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/admin-key-needed"
    assert (await admin("GET", "/keys")).status_code == 200


async def test_the_list_comes_in_pages(admin: As) -> None:
    for number in range(4):
        await admin("POST", "/keys", {"name": f"n{number}", "role": "submitter"})
    names, cursor = [], ""
    while True:
        page = (await admin("GET", f"/keys?limit=2{cursor}")).json()
        names += [one["name"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"

    assert names == ["ann", "n0", "n1", "n2", "n3"]


async def test_a_worker_comes_in_with_a_token(admin: As) -> None:
    enrolment = (await admin("POST", "/workers/alpha/enrolment")).json()
    path, body = "/workers/alpha/key", {"token": enrolment["token"]}

    made = await admin.farm.http.post(path, json=body)
    again = await admin.farm.http.post(path, json=body)

    left = datetime.fromisoformat(enrolment["expiresAt"]) - datetime.fromisoformat(
        made.json()["createdAt"]
    )
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    assert made.status_code == 201
    assert (again.status_code, again.json()["type"]) == (409, "/problems/token-spent")
    ready = await As(admin.farm, made.json()["key"])(
        "PUT", "/workers/alpha/status", {"status": "ready"}
    )
    assert ready.status_code == 200


async def test_a_token_is_for_one_worker(admin: As) -> None:
    token = (await admin("POST", "/workers/alpha/enrolment")).json()["token"]

    other = await admin.farm.http.post("/workers/beta/key", json={"token": token})

    assert other.status_code == 409
    assert "alpha" in other.json()["detail"]
