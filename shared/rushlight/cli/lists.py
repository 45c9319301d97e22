"""``rushlight ls``: tasks, workers, or one job in numbers."""

from typing import Any

import rich_click as click

from rushlight.cli import words
from rushlight.cli.farm import Farm, asks_farm
from rushlight.cli.output import Column, Json

PRIORITIES = ("RUSH", "HIGH", "MEDIUM", "LOW")
PAGE_MAX = 200
STATUSES = ("pending", "rendering", "completed", "failed", "cancelled", "paused")

TASK_COLUMNS = (
    Column("TASK", lambda t: t["taskId"], lambda t: words.short(t["taskId"])),
    Column("NAME", lambda t: t["name"], wraps=True),
    Column("STATUS", lambda t: t["status"], words.state, words.state_style),
    Column("PRIORITY", lambda t: t["priority"]),
    Column("FRAMES", words.frames_done, justify="right"),
    Column("WORKER", lambda t: t["workerId"]),
    Column("JOB", lambda t: t["jobId"], wraps=True),
    Column(
        "SUBMITTED", lambda t: t["creationTime"], lambda t: words.listed_time(t["creationTime"])
    ),
)


def renderers_of(worker: Json) -> str:
    """Names and versions of what a worker renders with."""
    found = worker["renderers"]
    if found is None:
        return "any"
    return ", ".join(f"{name} {version}" for name, version in sorted(found.items()))


WORKER_COLUMNS = (
    Column("WORKER", lambda w: w["workerId"]),
    Column("STATUS", lambda w: w["status"], style=words.state_style),
    Column("TASK", lambda w: w["currentTaskId"], lambda w: words.short(w["currentTaskId"])),
    Column("MODE", lambda w: w["mode"]),
    Column("RENDERERS", renderers_of, wraps=True),
    Column("TAGS", lambda w: ",".join(w["tags"]), wraps=True),
    Column(
        "HEARTBEAT", lambda w: w["lastHeartbeat"], lambda w: words.listed_time(w["lastHeartbeat"])
    ),
    Column("REASON", lambda w: w["reason"], wraps=True),
)


@click.command()
@click.argument("what", type=click.Choice(["tasks", "workers", "job"]), default="tasks")
@click.argument("name", required=False, metavar="[JOB]")
@click.option(
    "--status",
    type=click.Choice(STATUSES),
    multiple=True,
    metavar="STATUS",
    help="Only in this state; may be repeated.",
)
@click.option("--job", metavar="JOB", help="Only of this job.")
@click.option("--worker", metavar="WORKER", help="Only on this worker.")
@click.option(
    "--priority",
    type=click.Choice(PRIORITIES, case_sensitive=False),
    metavar="LEVEL",
    help="Only this priority: RUSH, HIGH, MEDIUM or LOW.",
)
@click.option("--renderer", metavar="NAME", help="Only for this renderer.")
@click.option("--submitted-by", metavar="NAME", help="Only tasks of this principal.")
@click.option("--named", metavar="NAME", help="Only names that start so.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    metavar="N",
    help="At most so many; 50 without it.",
)
@click.option("--cursor", metavar="CURSOR", help="Go on where a page said `next`.")
@asks_farm
def ls(farm: Farm, what: str, name: str | None, limit: int, **filters: Any) -> None:
    """List tasks (newest first) or workers, or show a job in numbers.

    In a pipe: one line per task, with tabs, without a heading, with whole ids and UTC times.

    \b
    Examples:
      rushlight ls                             the newest tasks
      rushlight ls --status failed --job shot-010
      rushlight ls workers
      rushlight ls job shot-010                how far a job is
      rushlight ls --json | jq '.items[].taskId'
    """
    if (name is not None) != (what == "job"):
        raise click.UsageError("`ls job` takes the name of a job, the others take none")
    if what == "job":
        show_job(farm, str(name))
    elif what == "workers":
        list_workers(farm)
    else:
        _list_tasks(farm, limit, filters)


def list_workers(farm: Farm) -> None:
    """Show all workers."""
    page = _gathered(farm.client.workers_page, None)
    if farm.out.as_json:
        farm.out.document(page)
        return
    farm.out.table(WORKER_COLUMNS, page["items"])
    if not page["items"]:
        farm.out.note("no workers; `rushlight worker run` starts one here")


def show_job(farm: Farm, job_id: str) -> None:
    """Show the numbers of a job."""
    job = farm.client.job(job_id)
    if farm.out.as_json:
        farm.out.document(job)
        return
    if not farm.out.for_people:
        farm.out.fields(job)
        return
    counts = job["byStatus"].items()
    rows: list[tuple[str, Any]] = [
        ("job", job["jobId"]),
        ("tasks", job["tasks"]),
        *((status, count) for status, count in counts if count),
        ("frames", f"{job['framesDone']}/{job['framesTotal']}"),
        ("submitted", words.local_time(job["creationTime"])),
        ("ended", words.local_time(job["completionTime"])),
    ]
    farm.out.facts(rows)


def _list_tasks(farm: Farm, limit: int, filters: Json) -> None:
    wanted = {
        "status": ",".join(filters["status"]) or None,
        "jobId": filters["job"],
        "workerId": filters["worker"],
        "priority": filters["priority"],
        "renderer": filters["renderer"],
        "submittedBy": filters["submitted_by"],
        "name": filters["named"],
    }
    page = _gathered(farm.client.tasks_page, limit, cursor=filters["cursor"], **wanted)
    if farm.out.as_json:
        farm.out.document(page)
        return
    farm.out.table(TASK_COLUMNS, page["items"])
    if page["next"]:
        farm.out.note(f"only the newest {len(page['items'])}; more with --limit")
    elif not page["items"]:
        filtered = any(value is not None for value in wanted.values())
        farm.out.note("no such tasks" if filtered else "no tasks yet; `rushlight submit` makes one")


def _gathered(page_of: Any, limit: int | None, cursor: str | None = None, **filters: Any) -> Json:
    """Pages, put together into one of up to ``limit`` (None: all)."""
    items: list[Json] = []
    while True:
        left = None if limit is None else min(limit - len(items), PAGE_MAX)
        page: Json = page_of(limit=left, cursor=cursor, **filters)
        items += page["items"]
        cursor = page["next"]
        if cursor is None or (limit is not None and len(items) >= limit):
            return {**page, "items": items}
