"""The farm: whether it runs and is ready, who has its port, whether its clock is this one's."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil

from rushlight.cli.doctor.finding import Finding, Patient, fail, ok, warn
from rushlight.cli.farm import note_of
from rushlight.client.credentials import authorization, find_key, is_this_machine
from rushlight.clock import SystemClock
from rushlight.errors import InvalidRequest

if TYPE_CHECKING:
    import httpx

ANSWER_WITHIN_S = 5.0
# The header Date has whole seconds.
DATE_STEP_S = 1.0
SKEW_WARN_S, SKEW_FAIL_S = 5.0, 60.0
OK, UNAUTHORIZED, FORBIDDEN = 200, 401, 403


def look(patient: Patient) -> Iterator[Finding]:
    """Everything about the farm at ``patient.url``."""
    import httpx  # noqa: PLC0415 - takes its time

    host = urlsplit(patient.url).hostname or ""
    with httpx.Client(timeout=ANSWER_WITHIN_S, trust_env=not is_this_machine(host)) as http:
        before = SystemClock().now()
        try:
            answer = http.get(f"{patient.url}/readyz")
        except httpx.HTTPError as error:
            yield _silent(patient, error)
            yield port(patient.server.host, patient.server.port)
            return
        state = ready(patient.url, answer)
        yield state
        if state.status == "fail" and "checks" not in answer.text:
            if is_this_machine(host):
                yield port(patient.server.host, patient.server.port)
            return
        yield from clock(answer.headers.get("date"), before, SystemClock().now())
        yield key(patient, http)
    if patient.data.is_dir():
        yield holder(patient.data, patient.url)


def _silent(patient: Patient, error: Exception) -> Finding:
    if patient.named:
        return fail("farm", f"{patient.url} does not answer ({error}): is it up, is that its name?")
    return warn("farm", f"none runs at {patient.url}; `rushlight up` starts one")


def ready(url: str, answer: "httpx.Response") -> Finding:
    """What the farm says of itself."""
    try:
        checks = dict[str, str](answer.json()["checks"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return fail("farm", f"what answers at {url} is no Rushlight: name the farm with --url")
    wrong = [f"{name}: {said}" for name, said in checks.items() if said != "ok"]
    if answer.status_code != OK or wrong:
        return fail("farm", f"{url} runs and is not ready: {'; '.join(wrong)}")
    return ok("farm", f"{url} runs and is ready")


def clock(date: str | None, before: datetime, after: datetime) -> Iterator[Finding]:
    """The farm's clock against this one; its answer came between ``before`` and ``after``."""
    try:
        told = parsedate_to_datetime(date or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return
    early_s = (before - told).total_seconds() - DATE_STEP_S
    late_s = (told - after).total_seconds()
    off_s = max(early_s, late_s, 0.0)
    behind = "behind" if early_s > late_s else "ahead of"
    text = f"the farm's is {off_s:.0f} s {behind} this one: set both by NTP (timedatectl)"
    if off_s > SKEW_FAIL_S:
        yield fail("clock", text)
    elif off_s > SKEW_WARN_S:
        yield warn("clock", text)
    else:
        yield ok("clock", "the farm's and this one agree")


def key(patient: Patient, http: "httpx.Client") -> Finding:
    """Whether the farm takes the key that the command line would use."""
    try:
        found = find_key(patient.key_file)
        headers = authorization(None if found is None else found.text)
    except InvalidRequest as error:
        return fail("your key", str(error))
    answer = http.get(f"{patient.url}/renders", params={"limit": 1}, headers=headers)
    if answer.status_code == UNAUTHORIZED and found is None:
        return warn("your key", "the farm asks for one: give it with RUSHLIGHT_KEY_FILE")
    if answer.status_code == UNAUTHORIZED:
        return fail("your key", "unknown, revoked or expired: ask an admin for another")
    if found is None:
        return ok("your key", "none, and the farm asks for none")
    narrow = " for some things only" if answer.status_code == FORBIDDEN else ""
    return ok("your key", f"{found.source}; the farm takes it{narrow}")


def port(host: str, number: int) -> Finding:
    """Whether a farm could listen there."""
    if number == 0:
        return ok("port", "any free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            who = _listener(number)
            text = f"{number} of {host} cannot be used ({error.strerror}){who}"
            return fail("port", f"{text}: stop what listens there, or choose another with --port")
    return ok("port", f"{number} of {host} is free")


def _listener(number: int) -> str:
    """Who listens on a port, as far as this user may know."""
    try:
        found = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return ""
    for one in found:
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == number and one.pid:
            try:
                return f" by {psutil.Process(one.pid).name()}, process {one.pid}"
            except psutil.NoSuchProcess:
                return ""
    return ""


def holder(data: Path, url: str) -> Finding:
    """Whether the farm that answers is the one of the data folder."""
    noted = note_of(data)
    if noted is None:
        return warn("data of it", f"the farm at {url} is not the one of {data.absolute()}")
    if noted["url"] != url:
        return warn("data of it", f"the farm of {data.absolute()} is at {noted['url']}, not {url}")
    return ok("data of it", f"{data.absolute()}, process {noted['pid']}")
