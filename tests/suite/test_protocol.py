from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from suite.protocol import Channel, Closed, DeadlinePassed, load_arrays, save_arrays

PATIENCE_S = 5.0
"""What arrives at all arrives at once; this keeps a broken channel from hanging."""


class Side(Channel):
    closed = False

    def close(self) -> None:
        super().close()
        self.closed = True


@pytest.fixture
def pipes() -> Iterator[tuple[Channel, Channel]]:
    """Two channels, each reading what the other writes."""
    read_a, write_a = os.pipe()
    read_b, write_b = os.pipe()
    sides = Side(read_a, write_b), Side(read_b, write_a)
    yield sides
    for side in sides:
        if not side.closed:
            side.close()


def test_a_message_arrives_as_it_was_sent_in_both_directions(pipes: tuple[Channel, Channel]) -> None:
    here, there = pipes
    message = {"command": "build", "text": "line\nbreak, ünïcode × 2", "number": 1e-300, "list": [1, None, True, {}]}
    here.send(message)
    assert there.receive(PATIENCE_S) == message
    there.send({"reply": {}})
    assert here.receive(PATIENCE_S) == {"reply": {}}


def test_numbers_that_are_none_arrive(pipes: tuple[Channel, Channel]) -> None:
    here, there = pipes
    here.send({"nan": math.nan, "infinity": math.inf})
    received = there.receive(PATIENCE_S)
    assert math.isnan(received["nan"])
    assert received["infinity"] == math.inf


def test_messages_sent_together_arrive_one_by_one_in_order(pipes: tuple[Channel, Channel]) -> None:
    here, there = pipes
    for number in range(3):
        here.send({"number": number})
    assert [there.receive(PATIENCE_S)["number"] for _ in range(3)] == [0, 1, 2]


def test_a_message_that_arrives_in_pieces_is_put_together(pipes: tuple[Channel, Channel]) -> None:
    here, there = pipes
    data = '{"text": "α"}\n{"next": 1}\n'.encode()
    for piece in (data[:3], data[3:11]):  # up to half of the α
        os.write(here.write_fd, piece)
        with pytest.raises(DeadlinePassed):
            there.receive(timeout_s=0)
    os.write(here.write_fd, data[11:])
    assert there.receive(timeout_s=0) == {"text": "α"}
    assert there.receive(timeout_s=0) == {"next": 1}


def test_a_message_larger_than_the_pipe_arrives(pipes: tuple[Channel, Channel]) -> None:
    here, there = pipes
    message = {"text": "x" * 1_000_000}
    sender = threading.Thread(target=here.send, args=(message,))
    sender.start()
    assert there.receive(PATIENCE_S) == message
    sender.join()


def test_no_answer_in_time_is_told_and_the_late_one_can_still_be_read(pipes: tuple[Channel, Channel]) -> None:
    here, there = pipes
    with pytest.raises(DeadlinePassed):
        there.receive(timeout_s=0.001)
    here.send({"late": True})
    assert there.receive(PATIENCE_S) == {"late": True}


def test_what_has_arrived_is_read_though_no_time_is_left(pipes: tuple[Channel, Channel]) -> None:
    here, there = pipes
    here.send({"a": 1})
    here.send({"b": 2})
    assert there.receive(timeout_s=0) == {"a": 1}
    assert there.receive(timeout_s=-1) == {"b": 2}


def test_the_end_of_the_other_side_is_told(pipes: tuple[Channel, Channel]) -> None:
    here, there = pipes
    here.send({"last": 1})
    here.close()
    assert there.receive(PATIENCE_S) == {"last": 1}
    with pytest.raises(Closed):
        there.receive()
    with pytest.raises(Closed):
        there.receive(PATIENCE_S)


def test_a_message_cut_off_by_the_end_is_no_message(pipes: tuple[Channel, Channel]) -> None:
    here, there = pipes
    os.write(here.write_fd, b'{"half": ')
    here.close()
    with pytest.raises(Closed):
        there.receive(PATIENCE_S)


def test_sending_to_nobody_is_told(pipes: tuple[Channel, Channel]) -> None:
    here, there = pipes
    there.close()
    with pytest.raises(Closed):
        here.send({"hello": 1})


@pytest.mark.parametrize("line", [b"[1, 2]\n", b"3\n", b"null\n"])
def test_what_is_no_object_is_refused(pipes: tuple[Channel, Channel], line: bytes) -> None:
    here, there = pipes
    os.write(here.write_fd, line)
    with pytest.raises(ValueError, match="a message must be an object"):
        there.receive(PATIENCE_S)


def test_a_line_that_is_not_json_is_refused(pipes: tuple[Channel, Channel]) -> None:
    here, there = pipes
    os.write(here.write_fd, b"a library printed this\n")
    with pytest.raises(ValueError, match="Expecting value"):
        there.receive(PATIENCE_S)


def test_arrays_make_the_round_trip_bit_by_bit(tmp_path: Path) -> None:
    arrays: dict[str, np.ndarray] = {
        "x": np.array([[1 / 3, -0.0], [np.nan, np.inf]]),
        "single/with a slash": np.linspace(0, 1, 5, dtype=np.float32),
        "half": np.array([0.1, 65504], dtype=np.float16),
        "labels": np.array([1, 2**40]),
        "loss": np.array(2.5),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "none": np.zeros((0, 3)),
    }
    names = save_arrays(tmp_path / "new" / "folder", arrays)
    loaded = load_arrays(tmp_path / "new" / "folder", names)
    assert list(loaded) == list(arrays)
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype
        assert loaded[name].shape == array.shape
        assert loaded[name].tobytes() == array.tobytes()


def test_an_array_of_objects_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle=False"):
        save_arrays(tmp_path, {"x": np.array([{}, None], dtype=object)})


def test_an_array_of_objects_is_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "0.npy", np.array([{}, None], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_arrays(tmp_path, ["x"])
