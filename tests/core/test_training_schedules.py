"""Rates and lengths of a training, with the published numbers."""

from __future__ import annotations

import pytest

from core.config import preset
from core.training.schedules import (
    Pace,
    Plateau,
    Schedule,
    StepTimer,
    looks,
    rounded,
    steps_schedule,
    training_budget,
)


def test_the_published_rates_fall_at_epochs_560_and_630_of_700() -> None:
    schedule = steps_schedule(epochs=700, steps_per_epoch=50, milestones=(0.8, 0.9), gamma=0.2, warmup=0)
    rate = [1e-4 * schedule.factor(epoch * 50) for epoch in range(700)]
    assert rate[0] == rate[559] == pytest.approx(1e-4)
    assert 1e-4 * schedule.factor(560 * 50 - 1) == pytest.approx(1e-4)
    assert rate[560] == rate[629] == pytest.approx(2e-5)
    assert rate[630] == rate[699] == pytest.approx(4e-6)
    assert schedule.total == 35_000 and schedule.last_drop == 630 * 50


@pytest.mark.parametrize("total", range(2, 60))
def test_both_drops_fire_for_odd_lengths_too(total: int) -> None:
    schedule = Schedule.of(total, milestones=(0.8, 0.9), gamma=0.5)
    assert schedule.milestones == tuple(min(total - 1, rounded(part * total)) for part in (0.8, 0.9))
    assert schedule.factor(total - 1) == 0.25


def test_halves_round_up() -> None:
    assert [rounded(value) for value in (0.5, 1.5, 2.5, 2.49)] == [1, 2, 3, 2]


def test_warm_up_rises_to_the_full_rate_without_beginning_at_zero() -> None:
    schedule = Schedule.of(100, milestones=(0.8,), gamma=0.1, warmup=0.04)
    assert [schedule.factor(step) for step in range(5)] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert schedule.factor(79) == 1.0 and schedule.factor(80) == pytest.approx(0.1)


def test_by_steps_the_pace_is_a_function_of_the_step() -> None:
    pace = Pace(Schedule.of(100, milestones=(0.8, 0.9), gamma=0.2), spent=1e9)
    assert pace.position(50) == 0.5 and pace.factor(85) == 0.2
    assert not pace.settled(89) and pace.settled(90)
    assert not pace.over(99) and pace.over(100)
    assert pace.remaining_steps(60, 123.0) == 40


def test_by_the_clock_the_drops_come_in_time_however_fast_the_steps_are() -> None:
    pace = Pace(Schedule.of(10_000, milestones=(0.8, 0.9), gamma=0.2), budget=600.0)
    factors = {}
    for spent in (0, 479, 480, 539.9, 540, 599.9, 600):
        pace.spent = spent
        factors[spent] = round(pace.factor(step=7), 6)
    assert factors == {0: 1, 479: 1, 480: 0.2, 539.9: 0.2, 540: 0.04, 599.9: 0.04, 600: 0.04}
    pace.spent = 300
    assert pace.remaining_steps(7, 2.0) == 150 and not pace.over(10**9)


def test_what_scoring_needs_is_kept_free_but_training_gets_half_at_least() -> None:
    assert training_budget(minutes=10, loaded=20, afterwards=80) == 500
    assert training_budget(minutes=10, loaded=20, afterwards=5000) == 290
    assert training_budget(minutes=0.1, loaded=60, afterwards=10) == 1


def test_the_first_steps_do_not_count_for_the_pace() -> None:
    timer = StepTimer()
    for seconds in (9.0, 8.0, 7.0):
        timer.add(seconds)
    assert not timer.ready
    for seconds in (1.0, 1.0, 1.2):
        timer.add(seconds)
    assert timer.ready and timer.median == 1.0


def test_judgements_are_spread_and_dense_after_the_last_drop() -> None:
    pace = Pace(Schedule.of(1000, milestones=(0.8, 0.9), gamma=0.2))
    places = looks(pace, 4)
    assert places == pytest.approx((0.25, 0.5, 0.75, 0.925, 0.95, 0.975, 1.0))
    assert looks(pace, 0) == ()


def test_every_preset_settles_before_its_end() -> None:
    for name in ("micro", "quick", "paper"):
        train = preset("prff", name).train
        schedule = Schedule.of(1000, milestones=train.milestones, gamma=train.gamma, warmup=train.warmup)
        assert schedule.last_drop < schedule.total


def test_the_third_epoch_without_gain_lowers_the_rate_by_equation_7() -> None:
    plateau, rates = Plateau(), []
    for value in (0.5, 0.4, 0.4, 0.41, 0.42, 0.39, 0.4, 0.4, 0.4):
        plateau.add_epoch({"focal": value, "contextual": 1 / (1 + plateau.epochs)}, patience=3)
        rates.append(1e-4 * plateau.factor("focal", 0.1))

    assert rates[3] == 1e-4
    assert rates[4] == pytest.approx(9.04837e-5)
    assert rates[7] == rates[4]
    assert rates[8] == pytest.approx(8.18731e-5)
    assert plateau.factor("contextual", 0.1) == 1.0


def test_a_loss_that_is_missing_is_no_gain() -> None:
    plateau = Plateau()
    for losses in ({"focal": 0.5}, {}, {}, {}):
        plateau.add_epoch(losses, patience=3)

    assert plateau.drops == {"focal": 1} and plateau.epochs == 4
