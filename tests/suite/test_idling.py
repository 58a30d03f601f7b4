"""Cores are kept awake for as long as something is measured, where that may be asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from suite import idling
from suite.idling import idle_cores, kept_awake


@pytest.fixture
def root(tmp_path: Path) -> Path:
    device = tmp_path / idling.DEVICE
    device.parent.mkdir()
    device.touch()
    return tmp_path


@pytest.fixture
def wishes(monkeypatch: pytest.MonkeyPatch) -> list[bytes | None]:
    """What is written to the device, and None when it is closed: the kernel forgets the wish then."""
    told: list[bytes | None] = []

    def tell(_: int, data: bytes) -> int:
        told.append(data)
        return len(data)

    monkeypatch.setattr(os, "write", tell)
    close = os.close

    def tell_and_close(file: int) -> None:
        told.append(None)
        close(file)

    monkeypatch.setattr(os, "close", tell_and_close)
    return told


def test_no_core_sleeps_meanwhile_and_all_may_again_afterwards(root: Path, wishes: list[bytes | None]) -> None:
    with kept_awake(root):
        assert wishes == [b"\0\0\0\0"]
    assert wishes == [b"\0\0\0\0", None]


def test_cores_may_sleep_again_after_a_fault(root: Path, wishes: list[bytes | None]) -> None:
    with pytest.raises(KeyboardInterrupt), kept_awake(root):
        raise KeyboardInterrupt
    assert wishes[-1] is None


def test_a_system_without_the_device_measures_all_the_same(tmp_path: Path) -> None:
    assert idle_cores(tmp_path) is None
    with kept_awake(tmp_path):
        pass


def test_who_may_not_ask_is_told_and_measures_all_the_same(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "open", refuse)
    assert idle_cores(root) == idling.MAY_SLEEP
    with kept_awake(root):
        pass


def test_who_may_ask_keeps_them_awake(root: Path) -> None:
    assert idle_cores(root) == idling.KEPT_AWAKE
