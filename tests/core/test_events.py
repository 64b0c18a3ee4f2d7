"""What a worker says survives half lines, garbage, restarts and readers that come late."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.events import Done, EventTail, EventWriter, Failure, Heartbeat, Hello, Step, Warn, parse_line


def a_step(number: int = 1) -> Step:
    return Step(step=number, steps=9, epoch=0, progress=0.1, lr=1e-4, losses={"total": 1.5}, seconds=0.2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_an_event_comes_back_typed_with_number_and_time(path: Path) -> None:
    writer = EventWriter(path)
    writer.write(Hello(run="12", command="train", pid=7, host="here"))
    writer.write(a_step())
    writer.close()
    hello, step = EventTail(path).poll()
    assert isinstance(hello, Hello) and (hello.seq, hello.run) == (1, "12") and hello.t > 0
    assert isinstance(step, Step) and step.seq == 2 and step.losses == {"total": 1.5}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe\x00",
        b"Epoch 1: 100%|####| loss nan",
        b"{}",
        b"[1, 2]",
        b'{"ev": "step"}',
        b'{"ev": "from the future", "seq": 3}',
        b'{"ev": "warning", "code": "x", "te',
        b'{"ev": "warning", "code": "\xff", "text": "y"}',
    ],
)
def test_what_is_no_event_is_none(line: bytes) -> None:
    assert parse_line(line) is None


def test_fields_that_a_newer_worker_adds_are_ignored() -> None:
    event = parse_line('{"ev": "warning", "code": "few", "text": "Few.", "colour": "red", "v": 9}')
    assert isinstance(event, Warn) and event.v == 9


def test_a_line_is_handed_out_once_it_is_whole(path: Path) -> None:
    tail = EventTail(path)
    assert tail.poll() == []  # no file yet
    line = a_step().model_dump_json().encode() + b"\n"
    path.write_bytes(line[:20])
    assert tail.poll() == [] and tail.offset == 0
    path.write_bytes(line + line[:5])
    assert len(tail.poll()) == 1 and tail.offset == len(line)
    path.write_bytes(line + line)
    assert len(tail.poll()) == 1 and tail.poll() == []


def test_a_reader_goes_on_from_where_it_stopped(path: Path) -> None:
    writer = EventWriter(path)
    writer.write(a_step(1))
    first = EventTail(path)
    first.poll()
    writer.write(a_step(2))
    writer.close()
    (event,) = EventTail(path, first.offset).poll()
    assert isinstance(event, Step) and event.step == 2


def test_garbage_and_endless_lines_are_counted_and_cost_no_memory(path: Path) -> None:
    line = a_step().model_dump_json().encode() + b"\n"
    with path.open("wb") as stream:
        stream.write(b"\xff\xfegarbage\n" + line)
        for _ in range(100):
            stream.write(b"x" * 1024 * 1024)
        stream.write(b"\n" + line)
    tail = EventTail(path)
    events = []
    while tail.offset < path.stat().st_size:
        events += tail.poll()
        assert len(tail._rest) <= 64 * 1024
    assert len(events) == 2 and tail.skipped == 2


def test_a_file_that_was_replaced_by_a_shorter_one_is_read_from_its_start(path: Path) -> None:
    line = a_step().model_dump_json().encode() + b"\n"
    path.write_bytes(line * 3)
    tail = EventTail(path)
    assert len(tail.poll()) == 3
    path.write_bytes(line)
    assert len(tail.drain()) == 1


def test_a_writer_closes_the_half_line_of_a_killed_one_and_counts_on(path: Path) -> None:
    writer = EventWriter(path)
    writer.write(a_step(1))
    writer.write(a_step(2))
    writer.close()
    path.write_bytes(path.read_bytes() + b'{"ev": "step", "st')
    again = EventWriter(path)
    again.write(Heartbeat(name="training"))
    again.close()
    tail = EventTail(path)
    assert [event.seq for event in tail.poll()] == [1, 2, 3] and tail.skipped == 1


def test_an_event_too_long_for_a_line_is_replaced_by_a_warning(path: Path) -> None:
    writer = EventWriter(path)
    writer.write(Failure(code="x", text="y" * 100_000))
    writer.write(Done(outcome="finished"))
    writer.close()
    warning, done = EventTail(path).poll()
    assert isinstance(warning, Warn) and isinstance(done, Done)
