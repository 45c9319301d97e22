"""``rushlight key`` and ``rushlight whoami``: who may use a farm.

The text of a key goes to stdout alone, or into a file that only its owner reads; everything that
is said about it goes to stderr.
"""

import re
from datetime import datetime, timedelta
from getpass import getuser
from pathlib import Path

import rich_click as click

from rushlight.cli import words
from rushlight.cli.farm import Farm, asks_farm
from rushlight.cli.handing_over import hand_over, into_a_file
from rushlight.cli.keyrings import Keys, on_keys
from rushlight.cli.output import Column, Json
from rushlight.clock import SystemClock
from rushlight.errors import InvalidRequest

ROLES = ("submitter", "operator", "worker", "auditor", "admin")
_SPAN = re.compile(r"(\d{1,5})(d|h|m)")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class Span(click.ParamType[timedelta]):
    """A length of time: 30d, 12h or 90m."""

    name = "span"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """The time that it is."""
        if isinstance(value, timedelta):
            return value
        found = _SPAN.fullmatch(str(value))
        if found is None:
            self.fail(f"write it as 30d, 12h or 90m, not {value!r}", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


def state_of(key: Json) -> str:
    """Whether a key counts."""
    if key["revokedAt"]:
        return "revoked"
    expires = key["expiresAt"]
    over = expires and datetime.fromisoformat(expires) <= SystemClock().now()
    return "expired" if over else "counts"


def _when(title: str, field: str) -> Column:
    """For people the time if it is today's, else the day: there are many columns."""
    return Column(title, lambda k: k[field], lambda k: (words.listed_time(k[field]) or "")[:10])


KEY_COLUMNS = (
    Column("KEY", lambda k: k["keyId"]),
    Column("NAME", lambda k: k["name"], wraps=True),
    Column("ROLE", lambda k: k["role"]),
    Column("STATE", state_of),
    _when("CREATED", "createdAt"),
    Column("BY", lambda k: k["createdBy"], wraps=True),
    _when("EXPIRES", "expiresAt"),
    _when("LAST USED", "lastUsedAt"),
)


@click.group()
def key() -> None:
    """Make, list and revoke the keys of a farm.

    These work on the data folder, whether the farm runs or not, and need no key there. With --url
    (or RUSHLIGHT_URL) they work over HTTP and need an admin's key; --data goes before
    RUSHLIGHT_URL. See docs/keys.md.
    """


@key.command()
@click.option(
    "--name", metavar="NAME", help="Whose it is, as events will say; without it your login."
)
@click.option(
    "--role", type=click.Choice(ROLES), required=True, metavar="ROLE", help=f"{', '.join(ROLES)}."
)
@click.option(
    "--worker", "worker_id", metavar="ID", help="For role worker: the one that it is for."
)
@click.option(
    "--expires",
    type=Span(),
    metavar="SPAN",
    help="How long it counts, as 30d, 12h or 90m; without it for ever.",
)
@into_a_file
@on_keys
def create(
    keys: Keys,
    *,
    name: str | None,
    role: str,
    worker_id: str | None,
    expires: timedelta | None,
    file: Path | None,
) -> None:
    """Make a key and print it, this once.

    The first key of a farm is an admin's. From then on the farm asks everybody for a key.

    \b
    Examples:
      rushlight key create --name ann --role admin --out ~/ann.key
      rushlight key create --name bob --role submitter --expires 90d > bob.key
      rushlight key create --role auditor --url https://farm.example --out prometheus.key
      rushlight key create --role worker --worker cloud-1 > cloud-1.key
    """
    expires_at = None if expires is None else SystemClock().now() + expires
    named = name or worker_id or _login()
    made = hand_over(
        lambda: keys.ring.create(named, role, worker_id, expires_at),
        named="key",
        out=keys.out,
        file=file,
    )
    until = f", until {words.local_time(made['expiresAt'])}" if made["expiresAt"] else ""
    keys.out.note(
        f"key {made['keyId']} for {made['principal']}, role {role}{until}, of the farm"
        f" {keys.ring.place}"
    )
    if keys.ring.begins_to_ask:
        keys.out.note("from now on this farm asks everybody for a key, also on this machine")


def _login() -> str:
    try:
        return getuser()
    except (KeyError, OSError):
        raise click.UsageError("this user has no name: say whose key it is with --name") from None


@key.command()
@click.option("--all", "every", is_flag=True, help="Revoked and expired ones too.")
@on_keys
def ls(keys: Keys, *, every: bool) -> None:
    """List keys: what they are called and may do, never their texts."""
    found = [one for one in keys.ring.every_key() if every or state_of(one) == "counts"]
    if keys.out.as_json:
        keys.out.document({"items": found, "next": None})
    else:
        keys.out.table(KEY_COLUMNS, found)


@key.command()
@click.argument("key_ids", nargs=-1, required=True, metavar="KEY...")
@on_keys
def revoke(keys: Keys, key_ids: tuple[str, ...]) -> None:
    """End keys, by the ids that `key ls` shows: their next request is refused.

    Their rows stay, with who revoked them; see `key ls --all`.

    \b
    Example:
      rushlight key revoke k7qd3hn2ab
    """
    for key_id in key_ids:
        if key_id.startswith(("rlk_", "rle_")):
            # Typed as an argument it is known to others now; but do not repeat it.
            raise InvalidRequest("give the key's id, not the key: `rushlight key ls` shows ids")
    revoked = [keys.ring.revoke(key_id) for key_id in key_ids]
    if keys.out.as_json:
        single = len(revoked) == 1
        keys.out.document(revoked[0] if single else {"items": revoked, "next": None})
        return
    for one in revoked:
        keys.out.line(one["keyId"], one["name"], state_of(one))


@click.command()
@asks_farm
def whoami(farm: Farm) -> None:
    """Show as whom the farm knows you, and what you may do.

    On a farm without keys everybody is `anonymous` and may do everything.

    \b
    Example:
      rushlight whoami --key-file ~/ann.key --url https://farm.example
    """
    found = farm.client.whoami()
    if farm.out.as_json:
        farm.out.document(found)
    elif farm.out.for_people:
        farm.out.facts([("farm", farm.client.url), *found.items()])
    else:
        farm.out.fields(found)
