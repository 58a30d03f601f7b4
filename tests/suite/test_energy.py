from __future__ import annotations

from pathlib import Path

import pytest

from suite import energy, gpu
from suite.energy import Meter
from tests.fakes.device import FakeDevice


def zone(folder: Path, entry: str, name: str, energy_uj: int, most_uj: int = 1000) -> Path:
    own = folder / entry
    own.mkdir(parents=True)
    for file, value in (("name", name), ("energy_uj", energy_uj), ("max_energy_range_uj", most_uj)):
        (own / file).write_text(f"{value}\n", encoding="ascii")
    return own / "energy_uj"


def test_packages_and_memory_are_added_up_and_parts_of_a_package_left_out(tmp_path: Path) -> None:
    package, other = zone(tmp_path, "intel-rapl:0", "package-0", 100), zone(tmp_path, "intel-rapl:1", "package-1", 5)
    core, memory = zone(tmp_path, "intel-rapl:0:0", "core", 50), zone(tmp_path, "intel-rapl:0:1", "dram", 7)
    zone(tmp_path, "intel-rapl:2", "psys", 900)
    meter = energy.find(None, tmp_path)
    assert isinstance(meter, Meter)
    before = meter.read()
    for file, taken in ((package, 100), (other, 20), (core, 90), (memory, 3)):
        file.write_text(f"{int(file.read_text()) + taken}\n")
    assert meter.joules(before, meter.read()) == pytest.approx(123e-6)
    assert meter.name == "RAPL, package and dram"


def test_a_counter_that_began_anew_counts_on(tmp_path: Path) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", 990, most_uj=999)
    meter = energy.find(None, tmp_path)
    assert isinstance(meter, Meter)
    before = meter.read()
    file.write_text("15\n")
    assert meter.joules(before, meter.read()) == pytest.approx(25e-6)


def test_a_machine_without_rapl_says_so(tmp_path: Path) -> None:
    assert "There is no RAPL" in str(energy.find(None, tmp_path))


def test_a_denied_reading_is_told_with_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    denied, read = zone(tmp_path, "intel-rapl:0", "package-0", 1), Path.read_text

    def refuse(path: Path, *arguments: str, **keywords: str) -> str:
        if path == denied:
            raise PermissionError(13, "Permission denied")
        return read(path, *arguments, **keywords)

    monkeypatch.setattr(Path, "read_text", refuse)
    assert "only root may read it: sudo chmod a+r" in str(energy.find(None, tmp_path))


def test_a_counter_that_is_none_is_told(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1).write_text("no number")
    assert "cannot be read" in str(energy.find(None, tmp_path))


def test_a_gpu_that_does_not_count_says_so(fake_gpu: FakeDevice) -> None:
    found = gpu.of_device("cuda")
    assert found is not None
    assert "does not tell" in str(energy.find(found))


def test_a_gpu_counts_in_millijoules(fake_gpu: FakeDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    found = gpu.of_device("cuda")
    assert found is not None
    readings = iter([5000, 5000, 7500])
    monkeypatch.setattr(
        type(found.nvml), "nvmlDeviceGetTotalEnergyConsumption", lambda nvml, handle: next(readings), raising=False
    )
    meter = energy.find(found)
    assert isinstance(meter, Meter)
    assert meter.joules(meter.read(), meter.read()) == pytest.approx(2.5)
