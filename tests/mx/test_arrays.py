"""Numbers for arrays: the right ones, in place, in the array's own dtype."""

import numpy as np
import pytest

from pytest_mxperf.mx.arrays import Numbers, filled, memory_of


def normal(scale=1.0, shape=(500, 700), **array):
    return filled(shape, array.pop("dtype", "float32"), "seed", lambda numbers: numbers.normal(scale=scale, size=shape))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_normal_numbers_have_the_variance_that_is_asked_for(dtype):
    """350,000 numbers, more than the pool has: a standard deviation of 0.5 to within 1%."""
    array = normal(0.5, dtype=dtype)
    assert array.dtype == np.dtype(dtype)
    values = array.asnumpy().astype("float64")
    assert values.std() == pytest.approx(0.5, rel=0.01)
    assert values.mean() == pytest.approx(0.0, abs=0.005)


def test_no_two_rows_are_alike():
    """A pool whose length were a multiple of 512 would repeat rows of 512."""
    values = normal(shape=(2048, 512)).asnumpy()
    assert len({row.tobytes() for row in values}) == 2048


def test_a_seed_gives_the_same_numbers_again_and_another_seed_others():
    def draw(seed):
        return filled((300,), "float32", seed, lambda numbers: numbers.normal(size=(300,))).asnumpy().tolist()

    assert draw("one") == draw("one") != draw("two")


def test_numbers_are_written_where_they_are_wanted_and_not_copied():
    memory = np.zeros((3, 4), "float32")
    assert Numbers(0, memory).normal(size=(3, 4)) is memory
    assert memory.all()


def test_a_second_draw_leaves_the_first_alone():
    numbers = Numbers(0, np.zeros((3, 4), "float32"))
    first = numbers.normal(size=(3, 4))
    before = first.copy()
    second = numbers.normal(scale=2.0, size=(3, 4))
    assert not np.shares_memory(first, second)
    assert (first == before).all()


def test_uniform_numbers_are_between_their_bounds():
    drawn = Numbers(1).uniform(-3, 5, size=300_000)
    assert drawn.min() >= -3
    assert drawn.max() < 5
    assert drawn.mean() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("size", [1000, 300_000])
def test_whole_numbers_take_every_value(size):
    array = filled((size,), "int8", "seed", lambda numbers: numbers.randint(-2, 3, size=(size,)))
    assert set(array.asnumpy().tolist()) == {-2, -1, 0, 1, 2}


def test_what_is_computed_elsewhere_is_copied_into_the_array():
    assert filled((2, 2), "float16", "seed", lambda numbers: [[1, 2], [3, 4]]).asnumpy().tolist() == [[1, 2], [3, 4]]


def test_the_memory_of_an_array_is_its_own():
    import mxnet as mx

    array = mx.nd.zeros((2, 3))
    array.wait_to_read()
    memory_of(array)[1, 2] = 7
    assert array.asnumpy().tolist() == [[0, 0, 0], [0, 0, 7]]
