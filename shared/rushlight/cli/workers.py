"""``rushlight worker``: run one here, and look after those of the farm."""

import shlex
from pathlib import Path
from typing import Any

import rich_click as click
from click import get_current_context

from rushlight.cli import words
from rushlight.cli.farm import JSON_KEY, Farm, asks_farm, local_url
from rushlight.cli.handing_over import hand_over, into_a_file
from rushlight.cli.keyrings import Keys, address_from_elsewhere, on_keys
from rushlight.cli.lists import list_workers, renderers_of
from rushlight.cli.output import Json
from rushlight.cli.services import service


@click.group()
def worker() -> None:
    """Run a worker here, or look after the farm's."""


@worker.command(name="run")
@click.option(
    "--url", envvar="RUSHLIGHT_URL", show_envvar=True, metavar="URL", help="The farm's address."
)
@click.option("--id", "worker_id", metavar="ID", help="Its id; without it host name and number.")
@click.option(
    "--root", "roots", multiple=True, metavar="NAME=PATH", help="Folder of a root, as out=/mnt/out."
)
@click.option(
    "--program",
    "programs",
    multiple=True,
    metavar="NAME=ARGV",
    help="What the renderer `command` may run; the value is split as a shell would.",
)
@click.option("--renderer", "renderers", multiple=True, metavar="NAME", help="Offer only these.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag that tasks may ask for.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads of a renderer.")
@click.option(
    "--memory-mib", type=click.IntRange(1), metavar="MIB", help="Memory that tasks may have."
)
@click.option("--default-scene", metavar="ROOT:PATH", help="For tasks that name no renderer.")
@click.option("--default-renderer", metavar="NAME", help="What renders the default scene.")
@click.option("--scratch", type=click.Path(path_type=Path), help="Folder for temporary files.")
@click.option("--key-file", type=click.Path(path_type=Path), help="Its key; see docs/keys.md.")
@click.option("--enrolment-file", type=click.Path(path_type=Path), help="Token of `worker enroll`.")
@click.option(
    "--drain-s", type=float, metavar="SECONDS", help="How long it may go on after SIGTERM."
)
@click.option("--settings", type=click.Path(dir_okay=False, path_type=Path), help="TOML file.")
@click.option("--json", "as_json", is_flag=True, help="Say errors as JSON.")
def run(
    settings: Path | None,
    url: str | None,
    roots: tuple[str, ...],
    programs: tuple[str, ...],
    as_json: bool,
    **arguments: Any,
) -> None:
    """Run a worker on this machine until it is stopped.

    Ctrl-C (or SIGTERM) lets the running attempt finish for a while, a second one stops it. Every
    option can also be set as RUSHLIGHT_<NAME> or in the settings file.

    \b
    Examples:
      rushlight worker run
      rushlight worker run --url http://farm:3000 --root out=/mnt/out
      rushlight worker run --renderer command --program "echo=/bin/echo"
    """
    get_current_context().meta[JSON_KEY] = as_json
    given = {name: value for name, value in arguments.items() if value not in (None, ())}
    given["url"] = url or local_url()
    if roots:
        given["roots"] = {name: Path(path) for name, path in map(_pair, roots)}
    if programs:
        given["programs"] = {name: _split(argv) for name, argv in map(_pair, programs)}
    service("worker")(given, settings)


@worker.command(name="ls")
@asks_farm
def ls(farm: Farm) -> None:
    """List the farm's workers."""
    list_workers(farm)


@worker.command(name="show")
@click.argument("worker_id", metavar="WORKER")
@asks_farm
def show(farm: Farm, worker_id: str) -> None:
    """Show everything about a worker."""
    found = farm.client.worker(worker_id)
    if farm.out.as_json:
        farm.out.document(found)
        return
    if not farm.out.for_people:
        farm.out.fields(found)
        return
    farm.out.facts(facts_of(found))


def facts_of(worker: Json) -> list[tuple[str, Any]]:
    """What there is to say of a worker, most asked for first."""
    task = worker["currentTaskId"]
    attempt = f", attempt {worker['currentAttempt']}" if task else ""
    return [
        ("worker", worker["workerId"]),
        ("status", worker["status"]),
        ("reason", worker["reason"]),
        ("task", f"{task}{attempt}" if task else None),
        ("mode", worker["mode"]),
        ("renderers", renderers_of(worker)),
        ("default scene", "yes" if worker["defaultScene"] else None),
        ("memory", f"{worker['memoryMib']} MiB" if worker["memoryMib"] else None),
        ("tags", ", ".join(worker["tags"])),
        ("heartbeat", words.local_time(worker["lastHeartbeat"])),
        ("instance", worker["instance"]),
        ("provisioned for", worker["requestedFor"]),
    ]


@worker.command()
@click.argument("worker_ids", nargs=-1, required=True, metavar="WORKER...")
@asks_farm
def drain(farm: Farm, worker_ids: tuple[str, ...]) -> None:
    """Give workers no more tasks; what they render now they finish.

    `worker undrain` gives them tasks again; so does a new start.

    \b
    Example:
      rushlight worker drain render-node-3
    """
    _say(farm, [farm.client.drain(worker_id) for worker_id in worker_ids])


@worker.command()
@click.argument("worker_ids", nargs=-1, required=True, metavar="WORKER...")
@asks_farm
def undrain(farm: Farm, worker_ids: tuple[str, ...]) -> None:
    """Give drained workers tasks again."""
    _say(farm, [farm.client.undrain(worker_id) for worker_id in worker_ids])


@worker.command()
@click.argument("worker_id", metavar="NAME")
@into_a_file
@on_keys
def enroll(keys: Keys, worker_id: str, file: Path | None) -> None:
    """Print a token with which a worker on another machine gets its key, once.

    It counts for ten minutes. As for `rushlight key` it is made in the data folder, or over HTTP
    with --url, where an operator's key is enough. The command for the other machine goes to stderr.

    \b
    Examples:
      rushlight worker enroll node-7
      rushlight worker enroll node-7 --url https://farm.example --out node-7.token
    """
    made = hand_over(lambda: keys.ring.enrol(worker_id), named="token", out=keys.out, file=file)
    keys.out.note("on the other machine, within ten minutes, with folders that are right there:")
    if file is None:
        keys.out.note(f"  RUSHLIGHT_ENROLMENT={made['token']} \\")
    else:
        keys.out.note(f"  RUSHLIGHT_ENROLMENT_FILE={file.name} \\")
    url = address_from_elsewhere(keys.ring.url)
    keys.out.note(f"    rushlight worker run --url {url} --id {worker_id} --root out=/mnt/out")
    if url != keys.ring.url:
        keys.out.note(f"the farm is at {keys.ring.url} here: others must be able to reach it")


def _say(farm: Farm, workers: list[Json]) -> None:
    if farm.out.as_json:
        single = len(workers) == 1
        farm.out.document(workers[0] if single else {"items": workers, "next": None})
        return
    for found in workers:
        if farm.out.for_people:
            print(f"{found['workerId']}: {found['status']}")
        else:
            farm.out.line(found["workerId"], found["status"])


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise click.UsageError(f"write it as NAME=VALUE, not {text!r}")
    return name, value


def _split(argv: str) -> list[str]:
    try:
        return shlex.split(argv)
    except ValueError as error:
        raise click.UsageError(f"--program: {error}: {argv!r}") from None
