"""What workers, and people about workers, ask."""

from rushlight.domain import commands as c
from rushlight.domain.decide.endings import end_stopped
from rushlight.domain.decide.timed import lose_attempt
from rushlight.domain.round import Result, Round
from rushlight.domain.worker import Draining, Joined, Left, Undrained, Worker
from rushlight.errors import (
    IllegalTransition,
    NotFound,
    StaleReport,
    VersionMoved,
    WorkerIdTaken,
    WorkerNotReady,
)


def find_worker(current: Round, command: c.WorkerCommand) -> Worker:
    """The worker of a command.

    Raises:
        NotFound: there is none.
    """
    worker = current.farm.workers.get(command.worker_id)
    if worker is None:
        raise NotFound(f"Worker not found: {command.worker_id}")
    return worker


def join_worker(current: Round, command: c.JoinWorker) -> Result:
    """A new instance of a push agent.

    Raises:
        WorkerIdTaken: another instance may still live, and nothing proves it dead.
    """
    worker = current.farm.workers.get(command.worker_id)
    if worker is not None and worker.here:
        if worker.instance == command.instance:
            return Result(command, code="unchanged")
        proven = command.holds_lock and command.host is not None and command.host == worker.host
        if not proven:
            raise WorkerIdTaken(
                f"worker {command.worker_id} is there already: give another id, or wait until it"
                " has left or is lost",
                retry_after_s=current.farm.settings.heartbeat_s,
            )
        _join(current, command)
        lose_attempt(current, current.farm.workers[command.worker_id], "Worker restarted")
        return Result(command)
    _join(current, command)
    return Result(command)


def _join(current: Round, command: c.JoinWorker) -> None:
    offered = command.capabilities
    current.worker_event(
        Joined,
        command.worker_id,
        mode="push",
        instance=command.instance,
        host=command.host,
        renderers=offered.renderers or {},
        default_scene=offered.default_scene,
        memory_mib=offered.memory_mib,
        tags=tuple(offered.tags),
        provisioned=command.provisioned,
        holds_lock=command.holds_lock,
    )


def set_worker_status(current: Round, command: c.SetWorkerStatus) -> Result:
    """A pull worker says how it is; an unknown one is registered.

    ``ready``, ``offline`` and ``failed`` give back what it holds; ``busy`` is just a heartbeat.

    Raises:
        IllegalTransition: it is a push worker, whose agent speaks for itself.
    """
    worker = current.farm.workers.get(command.worker_id)
    if worker is not None and worker.here and worker.mode == "push":
        raise IllegalTransition(
            f"worker {command.worker_id} is a push agent and says itself how it is: drain it, or"
            " stop its agent"
        )
    before = len(current.events)
    if worker is None or not worker.here or _offers_else(worker, command):
        _register(current, command, worker)
        worker = current.farm.workers[command.worker_id]
    if worker.task_id is not None and command.status != "busy":
        end_stopped(current, current.farm.tasks[worker.task_id], ())
    if command.status in ("offline", "failed"):
        current.worker_event(
            Left,
            command.worker_id,
            instance=None,
            status=command.status,
            reason=f"said {command.status}",
        )
    return Result(command, code="done" if len(current.events) > before else "unchanged")


def _offers_else(worker: Worker, command: c.SetWorkerStatus) -> bool:
    offered = command.capabilities
    return (
        command.status == "ready"
        and offered is not None
        and (offered.renderers, offered.default_scene, offered.memory_mib, list(offered.tags))
        != (worker.renderers, worker.default_scene, worker.memory_mib, worker.tags)
    )


def _register(current: Round, command: c.SetWorkerStatus, worker: Worker | None) -> None:
    offered = command.capabilities or c.Capabilities()
    current.worker_event(
        Joined,
        command.worker_id,
        mode="pull",
        instance=None,
        host=None,
        renderers=offered.renderers,
        default_scene=offered.default_scene,
        memory_mib=offered.memory_mib,
        tags=tuple(offered.tags),
        provisioned=worker is not None and worker.presence == "requested",
        holds_lock=False,
    )


def request_task(current: Round, command: c.RequestTask) -> Result:
    """A pull worker asks for work: what it has and has not reported, or a place in this round.

    Raises:
        WorkerNotReady: it is not ready, holds another task, or is a push worker.
    """
    worker = find_worker(current, command)
    if worker.here and worker.task_id is not None and worker.mode == "pull":
        task = current.farm.tasks[worker.task_id]
        if not task.reported:
            return Result(command, task_ids=(task.id,), task_id=task.id, attempt=task.attempt)
        raise WorkerNotReady(
            f"worker {worker.worker_id} renders task {task.id}: complete it first",
            task_id=str(task.id),
        )
    if worker.mode == "push":
        raise WorkerNotReady(
            f"worker {worker.worker_id} is a push agent: its work comes to it as messages"
        )
    if not worker.idle:
        raise WorkerNotReady(
            f"Worker is not ready: {worker.worker_id} is {worker.status}; PUT"
            f" /workers/{worker.worker_id}/status ready first"
        )
    return Result(command)


def drain_worker(current: Round, command: c.DrainWorker) -> Result:
    """No new work for this worker.

    Raises:
        IllegalTransition: it is not there.
        VersionMoved: it has moved on from the version that the command expects.
    """
    worker = _as_expected(current, command)
    if command.instance not in (None, worker.instance):
        raise StaleReport(f"another instance of worker {worker.worker_id} is there")
    if worker.draining:
        return Result(command, code="unchanged")
    current.worker_event(Draining, worker.worker_id, reason=f"asked by {command.principal}")
    return Result(command)


def undrain_worker(current: Round, command: c.UndrainWorker) -> Result:
    """New work again.

    Raises:
        IllegalTransition: it is not there.
        VersionMoved: it has moved on from the version that the command expects.
    """
    worker = _as_expected(current, command)
    if not worker.draining:
        return Result(command, code="unchanged")
    current.worker_event(Undrained, worker.worker_id)
    return Result(command)


def _as_expected(current: Round, command: c.DrainWorker | c.UndrainWorker) -> Worker:
    worker = find_worker(current, command)
    if command.expected_version not in (None, worker.version):
        raise VersionMoved(
            f"worker {worker.worker_id} is at version {worker.version}, not"
            f" {command.expected_version}: read it again"
        )
    return _present(current, command)


def _present(current: Round, command: c.WorkerCommand) -> Worker:
    worker = find_worker(current, command)
    if not worker.here:
        raise IllegalTransition(f"worker {worker.worker_id} is {worker.status}: it is not there")
    return worker


def leave_worker(current: Round, command: c.LeaveWorker) -> Result:
    """This instance ends; what it still holds waits again.

    Raises:
        StaleReport: another instance is there.
    """
    worker = find_worker(current, command)
    if not worker.here:
        return Result(command, code="unchanged")
    if worker.instance != command.instance:
        raise StaleReport(f"another instance of worker {worker.worker_id} is there")
    if worker.task_id is not None:
        end_stopped(current, current.farm.tasks[worker.task_id], ())
    current.worker_event(
        Left,
        worker.worker_id,
        instance=worker.instance,
        status="offline",
        reason=command.reason,
    )
    return Result(command)
