"""Logs keep their start and their end."""

from rushlight_worker.attempt_log import AttemptLog


def whole(log: AttemptLog) -> str:
    return log.piece(0, 10**9).decode()


def test_a_short_log_is_kept_whole() -> None:
    log = AttemptLog(1000)
    for number in range(10):
        log.add(f"line {number}")
    log.close()

    assert whole(log) == "".join(f"line {number}\n" for number in range(10))


def test_a_log_that_just_fits_has_no_mark() -> None:
    log = AttemptLog(280)
    for _ in range(20):
        log.add("123456789")
    log.close()

    assert whole(log) == "123456789\n" * 20


def test_a_long_log_says_how_much_is_left_out() -> None:
    log = AttemptLog(280)
    for number in range(100):
        log.add(f"{number:09d}")
    log.close()

    lines = whole(log).splitlines()
    assert lines[:10] == [f"{number:09d}" for number in range(10)]
    assert lines[10] == "... 800 bytes left out ..."
    assert lines[11:] == [f"{number:09d}" for number in range(90, 100)]
    assert log.size <= 280


def test_the_start_can_be_read_before_the_end_is_known() -> None:
    log = AttemptLog(280)
    for number in range(50):
        log.add(f"{number:09d}")

    assert log.size == 100
    assert not log.closed


def test_pieces_are_cut_after_lines_and_add_up() -> None:
    log = AttemptLog(10_000)
    for number in range(100):
        log.add(f"zeile {number} äöü")
    log.close()

    pieces, offset = [], 0
    while offset < log.size:
        pieces.append(log.piece(offset, 64))
        offset += len(pieces[-1])

    assert b"".join(pieces).decode() == whole(log)
    assert all(piece.endswith(b"\n") for piece in pieces)


def test_the_agents_own_lines_are_not_the_renderers_last_words() -> None:
    log = AttemptLog(1000)
    log.add("said")
    log.note("# noted")

    assert log.last_lines() == ["said"]
