"""What ``/metrics`` says, and that the page about it says the same."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics import parser as open_metrics
from prometheus_client.parser import text_string_to_metric_families as families
from tests.integration.api.conftest import ServedFarm

from rushlight.errors import LogUnavailable
from rushlight.messages.work import Heartbeat

PAGE = Path(__file__).resolve().parents[3] / "docs" / "metrics.md"
OPEN = "application/openmetrics-text; version=1.0.0"
Sample = tuple[str, frozenset[tuple[str, str]]]


async def samples(served: ServedFarm) -> dict[Sample, float]:
    """Every sample by its name and labels."""
    answer = await served.http.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families(answer.text)
        for sample in family.samples
    }


def of(found: dict[Sample, float], name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


async def some_work(served: ServedFarm) -> str:
    """Two tasks, of which one renders; a refusal, a wrong address."""
    await served.join("w1", "i1")
    rendering = await served.submit(priority="RUSH")
    await served.submit(priority="LOW")
    refused = await served.http.post(f"/renders/{rendering}/retry")
    assert refused.status_code == 409
    await served.http.get("/no/such/address")
    return rendering


async def test_the_farm_is_counted_as_it_is(served: ServedFarm) -> None:
    await some_work(served)
    found = await samples(served)

    assert of(found, "rushlight_tasks", status="rendering") == 1
    assert of(found, "rushlight_tasks", status="pending") == 1
    assert of(found, "rushlight_tasks_waiting", priority="LOW") == 1
    assert of(found, "rushlight_tasks_waiting", priority="RUSH") == 0
    assert of(found, "rushlight_tasks_waiting_oldest_seconds", priority="LOW") > 0
    assert of(found, "rushlight_tasks_waiting_oldest_seconds", priority="RUSH") == 0
    assert of(found, "rushlight_workers", status="busy") == 1
    assert of(found, "rushlight_mailboxes_open") == 1
    assert of(found, "rushlight_commands_waiting") == 0
    assert of(found, "rushlight_log_position") == served.parts.log.head()
    assert of(found, "rushlight_log_bytes") == served.parts.log.size_bytes()


async def test_rounds_and_refusals_are_counted(served: ServedFarm) -> None:
    await some_work(served)
    found = await samples(served)

    rounds = of(found, "rushlight_dispatcher_round_commands_count")
    assert rounds == served.parts.dispatcher.rounds
    assert of(found, "rushlight_dispatcher_round_commands_sum") == 4
    events = of(found, "rushlight_dispatcher_round_events_sum")
    assert events == served.parts.log.head()
    assert of(found, "rushlight_dispatcher_refusals_total", code="illegal-transition") == 1
    assert of(found, "rushlight_dispatcher_commit_seconds_count") == rounds
    assert of(found, "rushlight_dispatcher_last_round_timestamp_seconds") > 1.7e9


async def test_requests_are_counted_by_route_and_never_by_path(served: ServedFarm) -> None:
    task_id = await some_work(served)
    await served.http.request("BREW", "/renders")
    text = (await served.http.get("/metrics")).text
    found = await samples(served)

    route = "/renders/{task_id}/retry"
    assert of(found, "rushlight_http_responses_total", method="POST", route=route, status="409")
    code = "illegal-transition"
    assert of(found, "rushlight_http_problems_total", code=code, route=route, status="409") == 1
    assert of(found, "rushlight_http_responses_total", method="GET", route="none", status="404")
    assert task_id not in text
    assert "such" not in text
    assert "BREW" not in text


async def test_heartbeats_and_sweeps_are_counted(served: ServedFarm) -> None:
    await served.join("w1", "i1")
    for sequence, instance in ((1, "i1"), (2, "other")):
        beat = Heartbeat(worker_id="w1", instance=instance, sequence=sequence).to_wire()
        await served.json("POST", "/workers/w1/heartbeat", beat, status=200)
    before = await samples(served)
    await served.parts.reaper.sweep()
    after = await samples(served)

    assert of(before, "rushlight_reaper_heartbeats_total", answer="ok") == 1
    assert of(before, "rushlight_reaper_heartbeats_total", answer="stale") == 1
    assert of(before, "rushlight_workers_silent_seconds") < 30
    assert of(before, "rushlight_reaper_last_sweep_timestamp_seconds") == 0
    assert of(after, "rushlight_reaper_last_sweep_timestamp_seconds") > 1.7e9
    assert of(after, "rushlight_reaper_sweeps_total") == 1
    assert of(after, "rushlight_reaper_sweep_seconds_count") == 1


async def test_the_page_has_every_metric_and_no_other(served: ServedFarm) -> None:
    await some_work(served)
    answer = await served.http.get("/metrics")
    told = {
        f"{family.name}_total" if family.type == "counter" else family.name: family.type
        for family in families(answer.text)
    }
    rows = [line.split("|") for line in PAGE.read_text().splitlines() if line[:2] == "| "]
    on_page = {
        name: cells[2].strip() for cells in rows for name in re.findall(r"`([a-z_]+)`", cells[1])
    }

    assert on_page == told


async def test_who_asks_for_open_metrics_gets_them_well_formed(served: ServedFarm) -> None:
    await some_work(served)
    read: Any = open_metrics.text_string_to_metric_families
    plain = await served.http.get("/metrics")
    answer = await served.http.get("/metrics", headers={"accept": OPEN})

    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
    assert "rushlight_tasks" in {family.name for family in read(answer.text)}


async def test_a_log_that_does_not_answer_is_a_number_too(
    served: ServedFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> Any:
        raise LogUnavailable("the disk is away")

    monkeypatch.setattr(served.parts.log.views, "census", gone)
    found = await samples(served)

    assert of(found, "rushlight_log_readable") == 0
    assert ("rushlight_log_position", frozenset()) not in found
    assert of(found, "process_open_fds") > 0


async def test_requests_go_on_while_the_farm_is_counted(served: ServedFarm) -> None:
    """The views are read in a thread: a scrape that hangs on the disk holds up nobody."""
    import threading

    release = threading.Event()
    count: Callable[[], Any] = served.parts.log.views.census

    def slow() -> Any:
        assert release.wait(30)
        return count()

    served.parts.log.views.census = slow  # type: ignore[method-assign]
    scrape = asyncio.create_task(served.http.get("/metrics"))
    try:
        await served.submit()
        assert not scrape.done()
    finally:
        release.set()
    answer: httpx.Response = await scrape
    assert answer.status_code == 200


async def test_the_alerts_of_the_page_ask_for_metrics_that_there_are(served: ServedFarm) -> None:
    await some_work(served)
    text = (await served.http.get("/metrics")).text
    alerts = PAGE.read_text().partition("## Alerts")[2]
    asked = set(re.findall(r"\b(?:rushlight|process)_[a-z_]+", alerts))

    assert len(asked) > 8
    assert {name for name in asked if f"# TYPE {name} " not in text} == set()
