"""Random streams: the published mixing function, uniform, and independent of order."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from countersmuggling.model.streams import Purpose, actor_uniforms, generator, mix, stream_key, uniform

WORD = 2**64
GOLDEN, MIX_1, MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
PURPOSE = 0xD1B54A32D192ED03


def finaliser(x: int) -> int:
    """SplitMix64's finaliser in whole numbers of any size."""
    x = (x ^ (x >> 30)) * MIX_1 % WORD
    x = (x ^ (x >> 27)) * MIX_2 % WORD
    return x ^ (x >> 31)


def test_the_mixing_function_is_the_published_one() -> None:
    # first outputs of the authors' splitmix64.c: the state grows by the golden gamma before each output
    for seed, outputs in {
        1234567: [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431],
        0: [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC],
    }.items():
        for k, output in enumerate(outputs, start=1):
            state = (seed + k * GOLDEN) % WORD
            assert finaliser(state) == output
            assert int(mix(np.uint64(state))) == output


@pytest.mark.parametrize("word", [0, 1, 2**63, WORD - 1, 0x0123456789ABCDEF])
def test_mixing_agrees_with_whole_numbers(word: int) -> None:
    assert int(mix(np.uint64(word))) == finaliser(word)


@pytest.mark.parametrize(
    ("seed", "actor", "counter", "purpose"), [(0, 0, 0, 1), (2025, 17, 3, 4), (2**63 - 1, 2**50 + 5, 999, 18)]
)
def test_a_draw_is_a_function_of_its_key(seed: int, actor: int, counter: int, purpose: int) -> None:
    key = finaliser((finaliser((seed + GOLDEN) % WORD) + actor * GOLDEN) % WORD)
    word = finaliser(key ^ finaliser((counter * GOLDEN + purpose * PURPOSE) % WORD))
    drawn_key = stream_key(np.uint64(seed), np.uint64(actor))
    assert int(drawn_key) == key
    # the top 53 bits as a fraction: exact in double precision
    assert uniform(np.uint64(drawn_key), np.uint64(counter), np.uint64(purpose)) == (word >> 11) / 2**53


def test_frozen_draws() -> None:
    """The seed's meaning: these may never change, or old results cannot be reproduced."""
    drawn = actor_uniforms(np.uint64(2025), np.uint64(0), 3, 100, int(Purpose.LEG))
    key = [finaliser((finaliser(2025 + GOLDEN) + a * GOLDEN) % WORD) for a in range(3)]
    words = [finaliser(k ^ finaliser((100 * GOLDEN + 4 * PURPOSE) % WORD)) for k in key]
    np.testing.assert_array_equal(drawn, [(w >> 11) / 2**53 for w in words])
    assert [int(p) for p in Purpose] == list(range(1, len(Purpose) + 1))
    assert [Purpose(n).name for n in (4, 7, 19)] == ["LEG", "DEATH", "DEMAND"]


@pytest.mark.parametrize("by", ["actor", "day", "purpose"])
def test_draws_are_uniform_along_every_part_of_the_key(by: str) -> None:
    count, bins, seed = 20_000, 100, np.uint64(7)
    if by == "actor":
        u = actor_uniforms(seed, np.uint64(0), count, 3, 5)
    else:
        days = range(count) if by == "day" else [1] * count
        purposes = range(count) if by == "purpose" else [5] * count
        u = np.array(
            [actor_uniforms(seed, np.uint64(9), 1, d, p)[0] for d, p in zip(days, purposes, strict=True)]
        )
    assert u.min() >= 0.0 and u.max() < 1.0
    expected = count / bins
    statistic = float(
        ((np.bincount((u * bins).astype(int), minlength=bins) - expected) ** 2 / expected).sum()
    )
    assert chi2.ppf(0.0005, bins - 1) < statistic < chi2.ppf(0.9995, bins - 1)
    # neighbours in the key are uncorrelated: 4 standard errors
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 4.0 / np.sqrt(count)


def test_many_draws_at_once_are_the_single_draws_whatever_the_order() -> None:
    every = actor_uniforms(np.uint64(3), np.uint64(40), 25, 12, int(Purpose.CASE))
    for i in reversed(range(25)):
        assert actor_uniforms(np.uint64(3), np.uint64(40 + i), 1, 12, int(Purpose.CASE))[0] == every[i]
    np.testing.assert_array_equal(
        actor_uniforms(np.uint64(3), np.uint64(45), 5, 12, int(Purpose.CASE)), every[5:10]
    )
    assert not np.any(every == actor_uniforms(np.uint64(4), np.uint64(40), 25, 12, int(Purpose.CASE)))
    assert not np.any(every == actor_uniforms(np.uint64(3), np.uint64(40), 25, 13, int(Purpose.CASE)))
    assert not np.any(every == actor_uniforms(np.uint64(3), np.uint64(40), 25, 12, int(Purpose.LEG)))


def test_set_up_generators_are_keyed_by_seed_and_labels() -> None:
    first = generator(5, "demand", "syria").standard_normal(8)
    np.testing.assert_array_equal(first, generator(5, "demand", "syria").standard_normal(8))
    np.testing.assert_array_equal(first[:3], generator(5, "demand", "syria").standard_normal(3))
    # the bounds between labels count, and so do the seed's upper 32 bits
    for other in (
        generator(6, "demand", "syria"),
        generator(5, "demands", "yria"),
        generator(5 + 2**40, "demand", "syria"),
    ):
        assert not np.any(first == other.standard_normal(8))
