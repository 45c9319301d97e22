"""A picture of who rendered what when: a row per worker, a bar per attempt, by its result."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rushlight.cli.demo.ink import (
    BACKGROUND,
    FAINT,
    HIGHLIGHT,
    INK,
    OTHER_COLOUR,
    PANEL,
    RESULT_COLOURS,
    RULE,
    Canvas,
    Point,
)
from rushlight.cli.demo.records import AttemptRecord

_WIDTH = 1600
_LEFT = 170
_RIGHT = 36
_TOP = 122
_ROW = 64
_ROW_GAP = 12
_BAR = 48
_AXIS = 74
_NAME_MIN = 4
_STEPS_MAX = 16
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True)
class Mark:
    """Something that happened at a moment; with ``worker_id`` it stands in that worker's row."""

    when: datetime
    text: str
    worker_id: str | None = None


@dataclass(frozen=True)
class _Plan:
    """Where everything goes."""

    start: datetime
    span_s: float
    rows: tuple[str, ...]

    def seconds(self, when: datetime) -> float:
        return (when - self.start).total_seconds()

    def x(self, seconds: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * seconds / self.span_s

    def y(self, worker_id: str) -> float:
        """The upper edge of a worker's row."""
        return _TOP + self.rows.index(worker_id) * (_ROW + _ROW_GAP)

    @property
    def bottom(self) -> float:
        return _TOP + len(self.rows) * (_ROW + _ROW_GAP) - _ROW_GAP


def write_timeline(
    records: Sequence[AttemptRecord],
    target: Path,
    *,
    title: str,
    subtitle: str = "",
    start: datetime | None = None,
    marks: Sequence[Mark] = (),
) -> None:
    """Write the picture of all ``records`` as PNG; what has no end yet is drawn to its edge."""
    plan = _planned(records, start, marks)
    canvas = Canvas(_WIDTH, int(plan.bottom) + _AXIS)
    canvas.text((24, 18), title, size=24)
    canvas.text((24, 50), subtitle, size=14, fill=FAINT)
    _draw_legend(canvas, records)
    _draw_rows(canvas, plan)
    _draw_axis(canvas, plan)
    for mark in marks:
        x = plan.x(plan.seconds(mark.when))
        canvas.dashes((x, _TOP - 14), (x, plan.bottom), fill=FAINT)
    for record in records:
        _draw_bar(canvas, plan, record)
    _draw_links(canvas, plan, records)
    _draw_marks(canvas, plan, marks)
    canvas.save(target)


def _planned(
    records: Sequence[AttemptRecord], start: datetime | None, marks: Sequence[Mark]
) -> _Plan:
    first = start or min(record.start for record in records)
    ends = [record.end or record.start for record in records] + [mark.when for mark in marks]
    span_s = max(1.0, (max(ends) - first).total_seconds() * 1.01)
    rows = sorted({record.worker_id for record in records}, key=_as_counted)
    return _Plan(first, span_s, tuple(rows))


def _as_counted(name: str) -> list[str | int]:
    """Sorts node-2 before node-10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _draw_legend(canvas: Canvas, records: Sequence[AttemptRecord]) -> None:
    """Every result that occurs, with its count; written from the right edge leftwards."""
    counts = Counter(record.result for record in records)
    x: float = _WIDTH - _RIGHT
    known = [result for result in RESULT_COLOURS if result in counts]
    others = sorted(counts.keys() - RESULT_COLOURS.keys())
    rush = ["RUSH"] if any(record.priority == "RUSH" for record in records) else []
    for name in reversed([*known, *others, *rush]):
        text = name if name == "RUSH" else f"{name.replace('_', ' ')}  {counts[name]}"
        x -= canvas.text_width(text, 14)
        canvas.text((x, 32), text, size=14, anchor="lm")
        x -= 24
        if name == "RUSH":
            canvas.box((x, 24), (x + 16, 40), outline=HIGHLIGHT, radius=3, width=2)
        else:
            colour = RESULT_COLOURS.get(name, OTHER_COLOUR)
            canvas.box((x, 24), (x + 16, 40), fill=colour, radius=3)
        x -= 24


def _draw_rows(canvas: Canvas, plan: _Plan) -> None:
    for worker_id in plan.rows:
        y = plan.y(worker_id)
        canvas.box((_LEFT, y), (_WIDTH - _RIGHT, y + _ROW), fill=PANEL, radius=6)
        name = _shortened(canvas, worker_id, 16, _LEFT - 40)
        canvas.text((24, y + _ROW / 2), name, size=16, anchor="lm")


def _shortened(canvas: Canvas, text: str, size: float, room: float) -> str:
    """Cut from the middle: the ends of a worker's name tell it from the others."""
    kept = text
    while canvas.text_width(kept, size) > room and len(text) > _NAME_MIN:
        text = text[: len(text) // 2] + text[len(text) // 2 + 1 :]
        kept = f"{text[: len(text) // 2]}…{text[len(text) // 2 :]}"
    return kept


def _draw_axis(canvas: Canvas, plan: _Plan) -> None:
    step_s = next((step for step in _STEPS_S if plan.span_s / step <= _STEPS_MAX), _STEPS_S[-1])
    for second in range(0, int(plan.span_s) + 1, step_s):
        x = plan.x(second)
        canvas.line((x, _TOP), (x, plan.bottom + 6), fill=RULE)
        canvas.text((x, plan.bottom + 14), f"{second} s", size=13, fill=FAINT, anchor="ma")
    note = f"time since {plan.start:%Y-%m-%d %H:%M:%S} UTC"
    canvas.text((_WIDTH - _RIGHT, plan.bottom + 44), note, size=13, fill=FAINT, anchor="ra")


def _edges(plan: _Plan, record: AttemptRecord) -> tuple[float, float]:
    end = plan.span_s if record.end is None else plan.seconds(record.end)
    left = plan.x(plan.seconds(record.start))
    return left, max(left + 3, plan.x(end) - 1.5)


def _draw_bar(canvas: Canvas, plan: _Plan, record: AttemptRecord) -> None:
    left, right = _edges(plan, record)
    top = plan.y(record.worker_id) + (_ROW - _BAR) / 2
    colour = RESULT_COLOURS.get(record.result, OTHER_COLOUR)
    edge = HIGHLIGHT if record.priority == "RUSH" else None
    canvas.box((left, top), (right, top + _BAR), fill=colour, outline=edge, radius=4, width=2)
    room, middle = right - left - 8, (left + right) / 2
    what = record.frames or record.task
    upper = canvas.fitting((f"frames {what}" if record.frames else what, what), 15, room)
    again = f" · try {record.attempt}" if record.attempt > 1 else ""
    short = f"{record.priority[0]}{again.replace(' · try ', '·')}"
    texts = (f"{record.priority}{again}", short, record.priority[0])
    lower = canvas.fitting(texts, 12, room)
    canvas.text((middle, top + 16), upper, size=15, anchor="mm")
    canvas.text((middle, top + 34), lower, size=12, fill="#e8ecf2", anchor="mm")


def _draw_links(canvas: Canvas, plan: _Plan, records: Sequence[AttemptRecord]) -> None:
    """From an attempt that did not finish to the one that took its task up again."""
    attempts = {(record.task_id, record.attempt): record for record in records}
    pairs = [(one, attempts.get((one.task_id, one.attempt + 1))) for one in records]
    links = [(one, after) for one, after in pairs if after is not None and one.end is not None]
    for number, (before, after) in enumerate(links):
        _draw_link(canvas, plan, before, after, lane_px=8 + 4 * (number % 3))


def _draw_link(
    canvas: Canvas, plan: _Plan, before: AttemptRecord, after: AttemptRecord, *, lane_px: int
) -> None:
    """An arrow along a lane between the rows; ``lane_px`` keeps arrows apart."""
    colour = RESULT_COLOURS.get(before.result, OTHER_COLOUR)
    from_x, to_x = _edges(plan, before)[1], _edges(plan, after)[0]
    downwards = plan.y(after.worker_id) >= plan.y(before.worker_id)
    inset = (_ROW - _BAR) / 2
    from_y = plan.y(before.worker_id) + (_ROW - inset if downwards else inset)
    from_x -= 6
    lane = from_y + (lane_px if downwards else -lane_px)
    same_row = before.worker_id == after.worker_id
    to_y = plan.y(after.worker_id) + (_ROW - inset if same_row or not downwards else inset)
    aim_x = to_x + 8
    tip = -1 if downwards and not same_row else 1
    canvas.line(
        (from_x, from_y), (from_x, lane), (aim_x, lane), (aim_x, to_y), fill=colour, width=2
    )
    feather = to_y + 7 * tip
    canvas.triangle((aim_x, to_y), (aim_x - 5, feather), (aim_x + 5, feather), fill=colour)


def _draw_marks(canvas: Canvas, plan: _Plan, marks: Sequence[Mark]) -> None:
    """Their texts above all rows, side by side, and a cross in each row that one is about."""
    free: float = _LEFT
    for mark in sorted(marks, key=lambda mark: mark.when):
        x = plan.x(plan.seconds(mark.when))
        width = canvas.text_width(mark.text, 13) + 16
        left = max(free, min(x - width / 2, _WIDTH - _RIGHT - width))
        canvas.box((left, _TOP - 36), (left + width, _TOP - 14), fill=INK, radius=4)
        middle = (left + width / 2, _TOP - 25)
        canvas.text(middle, mark.text, size=13, fill=BACKGROUND, anchor="mm")
        free = left + width + 6
        if mark.worker_id in plan.rows:
            _draw_cross(canvas, (x, plan.y(mark.worker_id) + (_ROW - _BAR) / 2))


def _draw_cross(canvas: Canvas, middle: Point) -> None:
    x, y = middle
    for width, colour in ((7, BACKGROUND), (3, INK)):
        canvas.line((x - 8, y - 8), (x + 8, y + 8), fill=colour, width=width)
        canvas.line((x - 8, y + 8), (x + 8, y - 8), fill=colour, width=width)
