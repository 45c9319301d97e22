"""All settings, each with its unit in its name; ``docs/operations.md`` has a row for every one.

Arguments > environment (``RUSHLIGHT_<NAME>``) > file > default. Each ``main`` reads them once, with
``read_settings``, and passes them down. ``FarmSettings`` are those that decisions read: they go on
the log, and decisions take them from there.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rushlight.errors import SettingsInvalid

PREFIX = "RUSHLIGHT_"
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class _Settings(BaseModel):
    """Frozen, and no unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FarmSettings(_Settings):
    """What decisions read; on the log with each take-over and change."""

    sweep_s: float = Field(30, gt=0, description="period of the reaper's timed rules")
    heartbeat_s: float = Field(15, gt=0, description="period of our agent's heartbeats")
    self_fence_s: float = Field(
        60, gt=0, description="an agent freezes so long after it sent its last answered heartbeat"
    )
    fence_kill_s: float = Field(600, gt=0, description="a frozen agent kills its renderer")
    lost_after_s: float = Field(90, gt=0, description="silence after which our agent is lost")
    lost_after_pull_s: float = Field(
        1800, gt=0, description="silence after which a plain REST worker is lost"
    )
    stop_grace_s: float = Field(10, ge=0, description="from SIGTERM to SIGKILL of a renderer")
    stop_timeout_s: float = Field(
        60, gt=0, description="a stop not answered for so long condemns the instance"
    )
    preempt_after_rush_s: float = Field(
        300, ge=0, description="a task may be preempted for a RUSH once it has rendered so long"
    )
    preempt_after_high_s: float = Field(1800, ge=0, description="the same for a HIGH")
    preempt_after_medium_s: float = Field(43200, ge=0, description="the same for a MEDIUM")
    max_retries: int = Field(1, ge=0, description="retries of a task that does not say")
    retry_backoff_s: float = Field(
        60, ge=0, description="before the second retry; doubled for each one after it"
    )
    max_losses: int = Field(5, ge=1, description="a task that lost so many workers fails for good")
    max_preemptions: int = Field(
        3, ge=0, description="a task preempted so often is preempted by RUSH only"
    )
    max_render_s: float | None = Field(
        None, gt=0, description="an attempt may render so long; none: no limit"
    )
    max_worker_failures: int = Field(
        3, ge=1, description="failures in a row that are the worker's own, and it drains"
    )
    provisioned_workers_max: int = Field(
        0, ge=0, description="workers that the provisioner may have at once; 0: none"
    )
    provisioned_renderers: tuple[str, ...] = Field(
        (), description="renderers that a provisioned worker will have"
    )
    provisioned_default_scene: bool = Field(
        False, description="provisioned workers render tasks without a renderer"
    )
    provision_timeout_s: float = Field(
        120, gt=0, description="a requested worker that has not joined by then has failed"
    )
    idle_exit_s: float = Field(300, gt=0, description="a provisioned worker idle so long leaves")
    outcome_keep_s: float = Field(604800, gt=0, description="outcomes of commands are kept so long")

    @model_validator(mode="after")
    def _lease_ends_before_loss(self) -> "FarmSettings":
        if self.self_fence_s + self.stop_grace_s >= self.lost_after_s:
            raise ValueError(
                "self_fence_s + stop_grace_s must be less than lost_after_s: an agent has to have"
                " stopped by itself before its task goes to another"
            )
        if self.heartbeat_s >= self.self_fence_s:
            raise ValueError("heartbeat_s must be less than self_fence_s")
        return self

    def preempt_after_s(self, priority: int) -> float | None:
        """Seconds that a victim of a waiting task of ``priority`` (0 RUSH … 3 LOW) must have had.

        None for LOW, which never preempts.
        """
        return (
            self.preempt_after_rush_s,
            self.preempt_after_high_s,
            self.preempt_after_medium_s,
            None,
        )[priority]


class ServerSettings(_Settings):
    """The API, and the embedded farm."""

    host: str = Field("127.0.0.1", description="address that the API listens on")
    port: int = Field(3000, ge=0, le=65535, description="port; 0: any free one")
    data: Path = Field(
        Path("rushlight-data"), description="folder of the log, logs of attempts, and outputs"
    )
    workers: int | None = Field(
        None, ge=0, description="workers that `up` starts; none: half the cores; 0: no provisioner"
    )
    outcome_wait_s: float = Field(5, gt=0, description="how long a request waits for its outcome")
    request_wait_max_s: float = Field(30, ge=0, description="longest poll that a client may ask")
    body_max_bytes: int = Field(1_048_576, gt=0, description="largest body; larger: 413")
    batch_body_max_bytes: int = Field(
        16_777_216, gt=0, description="the same for a batch and for reports"
    )
    body_timeout_s: float = Field(
        30, gt=0, description="a body that is not complete within it: 408"
    )
    head_timeout_s: float = Field(
        15, gt=0, description="the same for the head; a silent connection is closed"
    )
    connections_max: int = Field(
        1_000, gt=0, description="connections open at once, held requests too; more: 503"
    )
    attempt_log_max_bytes: int = Field(
        1_048_576, gt=0, description="of an attempt's log so much is kept: its start and its end"
    )
    commands_max: int = Field(
        10_000, gt=0, description="commands that may wait for the dispatcher; more: 503"
    )
    rate_per_s: float = Field(
        100, gt=0, description="requests that one principal may send, in the long run"
    )
    rate_burst: int = Field(500, ge=1, description="requests that it may send at once")
    tls_certificate: Path | None = Field(
        None, description="file of the certificate (PEM, with its chain); none: plain HTTP"
    )
    tls_key: Path | None = Field(None, description="file of the certificate's private key")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+$",
        description="address that clients use; none: as it listens",
    )
    shutdown_s: float = Field(5, gt=0, description="after SIGTERM open requests end within it")
    log_level: LogLevel = Field("INFO", description="the least that is logged")
    log_requests: Literal["none", "failed", "all"] = Field(
        "failed", description="a log line for no request, for those that end with 5xx, or for all"
    )
    streams_max: int = Field(200, ge=0, description="streams of events open at once; more: 503")
    streams_per_principal_max: int = Field(
        50, ge=0, description="of these, streams of one principal; more: 429"
    )
    events_heartbeat_s: float = Field(
        15, gt=0, description="so often a stream of events says which position it has reached"
    )
    events_stall_s: float = Field(
        10, gt=0, description="a reader of events that takes nothing for so long is cut off"
    )
    events_lag_max: int = Field(
        10_000, ge=1000, description="a reader that falls so many events behind gets a reset"
    )

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> "ServerSettings":
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together: give both files")
        return self


class WorkerSettings(_Settings):
    """The agent on a render node."""

    url: str = Field("http://127.0.0.1:3000", description="the farm's API")
    worker_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="name of this worker; none: host name and a number",
    )
    key_file: Path | None = Field(
        None, description="file of this worker's key; after an enrolment it is kept there"
    )
    enrolment_file: Path | None = Field(
        None, description="file of a token that a worker without a key changes for one, once"
    )
    roots: dict[str, Path] = Field(
        default_factory=dict, description="folder of each root that scenes and outputs name"
    )
    scratch: Path | None = Field(None, description="folder for temporary files; none: the system's")
    renderers: tuple[str, ...] | None = Field(
        None, description="renderers to offer; none: all that work here"
    )
    programs: dict[str, list[str]] = Field(
        default_factory=dict,
        description="what the renderer `command` may run: name to argv; none: not offered",
    )
    povray_program: str = Field(
        "povray", description="POV-Ray's program, for the renderer `povray`: a name or a path"
    )
    default_scene: str | None = Field(
        None, description="scene (root:path) for tasks that name no renderer; none: not taken"
    )
    default_renderer: str = Field("mitsuba", description="renderer of the default scene")
    tags: tuple[str, ...] = Field((), description="what `requires.tags` is matched with")
    memory_mib: int | None = Field(
        None, gt=0, description="memory offered to tasks; none: the machine's"
    )
    threads: int | None = Field(
        None, gt=0, description="threads per renderer; none: the renderer's own choice"
    )
    log_level: LogLevel = Field("INFO", description="the least that is logged")
    drain_s: float = Field(
        60, ge=0, description="after SIGTERM the running attempt may finish within it"
    )
    idle_exit: bool = Field(
        False, description="leave when idle for the farm's idle_exit_s (provisioned workers do)"
    )
    provisioned: bool = Field(False, description="started by a provisioner")
    log_max_bytes: int = Field(
        1_048_576, gt=0, description="of an attempt's log so much is sent: its start and its end"
    )
    stall_s: float = Field(
        300, gt=0, description="a renderer without output and CPU use for so long is stopped"
    )
    disk_free_min_mib: int = Field(
        64, ge=0, description="an output root with less free space refuses work"
    )


S = TypeVar("S", bound=_Settings)


def read_settings(
    kind: type[S],
    arguments: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> S:
    """Read one group of settings: arguments > environment > file > default.

    ``arguments`` that are None were not given. A list or a table in the environment is JSON
    (``RUSHLIGHT_ROOTS='{"out": "/mnt/out"}'``). The file is TOML, one flat table for all groups:
    names of other groups are passed over there, and unknown ones are refused.

    Raises:
        SettingsInvalid: with one line per wrong setting, and where it came from.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, found in (
        (str(file), _from_file(file, kind)),
        ("environment", _from_environment(environment, kind)),
        ("argument", {k: v for k, v in (arguments or {}).items() if v is not None}),
    ):
        values.update(found)
        sources.update(dict.fromkeys(found, source))
    try:
        return kind(**values)
    except ValidationError as error:
        lines = [_line(fault, sources) for fault in error.errors()]
        raise SettingsInvalid("; ".join(lines)) from None


def _line(fault: Any, sources: Mapping[str, str]) -> str:
    message: str = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return message
    name = str(fault["loc"][0])
    return f"{name} (from {sources.get(name, 'default')}): {message}, not {fault['input']!r}"


def _from_environment(environment: Mapping[str, str], kind: type[_Settings]) -> dict[str, Any]:
    found = {}
    for name in kind.model_fields:
        text = environment.get(PREFIX + name.upper())
        if text is not None:
            found[name] = _parse(text)
    return found


def _parse(text: str) -> Any:
    if text[:1] in "{[":
        try:
            parsed: Any = json.loads(text)
        except ValueError:
            return text
        return parsed
    return None if text == "none" else text


def _from_file(file: Path | None, kind: type[_Settings]) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        table = tomllib.loads(file.read_text())
    except FileNotFoundError:
        raise SettingsInvalid(f"settings file {file} does not exist") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid(f"settings file {file} is not TOML: {error}") from None
    known = {name for group in GROUPS for name in group.model_fields}
    unknown = sorted(table.keys() - known)
    if unknown:
        raise SettingsInvalid(f"settings file {file}: unknown {', '.join(unknown)}")
    return {name: value for name, value in table.items() if name in kind.model_fields}


GROUPS: tuple[type[_Settings], ...] = (FarmSettings, ServerSettings, WorkerSettings)
