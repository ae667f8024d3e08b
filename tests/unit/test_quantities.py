"""Numbers as text, and back."""

from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pytest_mxperf.errors import UsageError
from pytest_mxperf.quantities import (
    Quantity,
    format_growth,
    format_limited,
    format_pair,
    format_quantity,
    format_shape,
    parse_fraction,
    parse_quantity,
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1.82 G", 1_820_000_000),
        ("11.7 M", 11_700_000),
        ("11.7M", 11_700_000),
        ("  3 k ", 3_000),
        ("3 K", 3_000),
        ("2 T", 2_000_000_000_000),
        ("42", 42),
        ("+42", 42),
        ("1e6", 1_000_000),
        (".5 k", 500),
        ("5. k", 5_000),
        (1_814_073_344, 1_814_073_344),
        (0, 0),
    ],
)
def test_counts_are_decimal(text, count):
    assert parse_quantity(text, Quantity.COUNT, where="macs") == count


def test_a_count_written_to_the_last_digit_is_exact():
    """As a float, 1.814073344 * 10**9 is off by a fraction; as text it is this integer."""
    parsed = parse_quantity("1.814073344 G", Quantity.COUNT, where="macs")
    assert parsed == 1_814_073_344
    assert parsed.denominator == 1


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64 MiB", 67_108_864),  # 64 * 1024 * 1024
        ("1 KiB", 1_024),
        ("0.5 GiB", 536_870_912),
        ("1 TiB", 1_099_511_627_776),
        ("64 MB", 64_000_000),
        ("1 kB", 1_000),
        ("1 KB", 1_000),
        ("2 GB", 2_000_000_000),
        ("3 TB", 3_000_000_000_000),
        ("7 B", 7),
        ("7", 7),
        (7, 7),
    ],
)
def test_bytes_are_binary_with_an_i_and_decimal_without(text, size):
    assert parse_quantity(text, Quantity.BYTES, where="param_bytes") == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("40 ms", Fraction(1, 25)),
        ("40ms", Fraction(1, 25)),
        ("2.5 us", Fraction(1, 400_000)),
        ("2.5 \u00b5s", Fraction(1, 400_000)),  # the micro sign
        ("2.5 \u03bcs", Fraction(1, 400_000)),  # the Greek letter mu
        ("10 ns", Fraction(1, 100_000_000)),
        ("1.5 s", Fraction(3, 2)),
        (0.04, Fraction(1, 25)),
        (0, 0),
    ],
)
def test_durations_are_exact_seconds(text, seconds):
    assert parse_quantity(text, Quantity.SECONDS, where="latency_p50") == seconds


@pytest.mark.parametrize(
    ("value", "unit", "complaint"),
    [
        ("1.82 Q", Quantity.COUNT, "unknown unit 'Q' in '1.82 Q'; known units: k, K, M, G, T"),
        ("1 g", Quantity.COUNT, "unknown unit 'g'"),
        ("40 ms", Quantity.COUNT, "unknown unit 'ms'"),
        ("64 MiB", Quantity.SECONDS, "unknown unit 'MiB' in '64 MiB'; known units: s, ms, us"),
        ("64 mib", Quantity.BYTES, "unknown unit 'mib' in '64 mib'; known units: B, kB"),
        ("20 MFLOPs", Quantity.COUNT, "unknown unit 'MFLOPs' in '20 MFLOPs'; write '20 M'"),
        ("1.5Gmacs", Quantity.COUNT, "unknown unit 'Gmacs' in '1.5Gmacs'; write '1.5 G'"),
        ("20 MACs", Quantity.COUNT, "unknown unit 'MACs' in '20 MACs'; write '20'"),
        ("20 MFLOPs", Quantity.BYTES, "unknown unit 'MFLOPs' in '20 MFLOPs'; known units: B"),
        ("1,82 G", Quantity.COUNT, "expected a number or text like '1.82 G', got '1,82 G'; use a point: '1.82 G'"),
        (
            "1,814 G",
            Quantity.COUNT,
            "expected a number or text like '1.82 G', got '1,814 G'; write the number without a",
        ),
        ("1,814,000", Quantity.COUNT, "expected a number or text like '1.82 G', got '1,814,000'; write the number wi"),
        ("-1 G", Quantity.COUNT, "'-1 G' is negative"),
        (-1, Quantity.COUNT, "-1 is negative"),
        ("40", Quantity.SECONDS, "'40' is ambiguous; write '40 ms' or '40 s'"),
        (40, Quantity.SECONDS, "40 is ambiguous; write it like '40 ms' or as the number 0.04, in seconds"),
        ("0.04", Quantity.SECONDS, "'0.04' is ambiguous; write '0.04 ms' or '0.04 s'"),
    ],
)
def test_quantities_that_make_no_sense_are_refused(value, unit, complaint):
    with pytest.raises(UsageError) as caught:
        parse_quantity(value, unit, where="mxperf_budget of test_a: macs")
    assert str(caught.value).startswith(f"mxperf_budget of test_a: macs: {complaint}")


@pytest.mark.parametrize(
    "value", ["", "G", "lots", "1 2", "1,5 1", "1.2.3", "0x10", "1 G G", "1G2", "1/2", "nan", "inf"]
)
@pytest.mark.parametrize(
    ("unit", "shown"), [(Quantity.COUNT, "1.82 G"), (Quantity.BYTES, "64 MiB"), (Quantity.SECONDS, "40 ms")]
)
def test_what_is_no_quantity_is_answered_with_an_example_of_one(value, unit, shown):
    with pytest.raises(UsageError) as caught:
        parse_quantity(value, unit, where="here")
    assert str(caught.value) == f"here: expected a number or text like '{shown}', got {value!r}"


@pytest.mark.parametrize("value", [None, True, False, [1], b"1", 1j, float("nan"), float("inf"), -float("inf")])
def test_values_that_are_neither_text_nor_a_finite_number_are_refused(value):
    with pytest.raises(UsageError, match=r"^here: expected a number or text like '40 ms', got "):
        parse_quantity(value, Quantity.SECONDS, where="here")


@given(st.integers(min_value=0, max_value=10**24))
@example(10**15 + 1)
@example(2**53 + 1)
def test_whole_numbers_of_any_size_survive_in_every_decimal_prefix(count):
    """Shifting the decimal point by hand gives the text: 1234567 is 1.234567 M."""
    for prefix, digits in (("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12)):
        padded = str(count).zfill(digits + 1)
        whole, rest = (padded[:-digits], padded[-digits:]) if digits else (padded, "")
        assert parse_quantity(f"{whole}.{rest} {prefix}", Quantity.COUNT, where="here") == count


@pytest.mark.parametrize(
    ("value", "fraction"),
    [
        ("5%", Fraction(1, 20)),
        (" 5 % ", Fraction(1, 20)),
        ("0.1%", Fraction(1, 1000)),
        ("-30%", Fraction(-3, 10)),
        ("0%", 0),
        ("0", 0),
        (0, 0),
        (0.05, Fraction(1, 20)),
        (0.1, Fraction(1, 10)),
        (1e-3, Fraction(1, 1000)),
        ("100%", 1),
    ],
)
def test_fractions_are_exact_even_when_given_as_floats(value, fraction):
    assert parse_fraction(value, where="macs") == fraction


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("5", "'5' is ambiguous; write '5%'"),
        ("0.05", "'0.05' is ambiguous; write '5%' or '0.05%'"),
        ("-0.025", "'-0.025' is ambiguous; write '-2.5%' or '-0.025%'"),
        (2.5, "2.5 would be 250%; write '2.5%' or 0.025"),
        (1e308, "1e+308 would be 1e+310%; write '1e+308%' or 1e+306"),
        ("5 k", "'5 k' is not a fraction; write it like '5%' or 0.05"),
        ("5 ms", "'5 ms' is not a fraction; write it like '5%' or 0.05"),
        ("2,5 %", "expected a number or text like '5%', got '2,5 %'; use a point: '2.5%'"),
        ("a bit", "expected a number or text like '5%', got 'a bit'"),
        (None, "expected a number or text like '5%', got None"),
        (True, "expected a number or text like '5%', got True"),
    ],
)
def test_what_is_no_fraction_is_refused_with_the_way_to_write_it(value, complaint):
    with pytest.raises(UsageError) as caught:
        parse_fraction(value, where="mxperf_baseline of test_a: macs")
    assert str(caught.value) == f"mxperf_baseline of test_a: macs: {complaint}"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (1, "1"),
        (999, "999"),
        (1_000, "1.00 k"),
        (9_994, "9.99 k"),
        (9_995, "10.0 k"),
        (99_949, "99.9 k"),
        (99_950, "100 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (11_689_512, "11.7 M"),
        (1_814_073_344, "1.81 G"),
        (3_000_000_000_000, "3.00 T"),
        (5_000_000_000_000_000, "5000 T"),
        (-1_814_073_344, "-1.81 G"),
    ],
)
def test_counts_are_shown_with_three_digits(count, text):
    assert format_quantity(count, Quantity.COUNT) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1_023, "1023 B"), (1_024, "1.00 KiB"), (46_796_448, "44.6 MiB"), (2**30, "1.00 GiB")],
)
def test_bytes_are_shown_in_binary_units(size, text):
    """ResNet-18's weights: 46,796,448 / 1,048,576 = 44.63."""
    assert format_quantity(size, Quantity.BYTES) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0123, "12.3 ms"),
        (0.04, "40.0 ms"),
        (0.9996, "1.00 s"),
        (2.5, "2.50 s"),
        (125.0, "125 s"),
        (4.2e-5, "42.0 \u00b5s"),
        (7e-9, "7.00 ns"),
        (Fraction(1, 25), "40.0 ms"),
    ],
)
def test_durations_are_shown_in_the_largest_unit_that_fits(seconds, text):
    assert format_quantity(seconds, Quantity.SECONDS) == text


@given(
    st.one_of(
        st.tuples(st.integers(min_value=0, max_value=10**14), st.just(Quantity.COUNT)),
        st.tuples(st.integers(min_value=0, max_value=2**49), st.just(Quantity.BYTES)),
        st.tuples(st.floats(min_value=1e-9, max_value=1e4), st.just(Quantity.SECONDS)),
    )
)
def test_what_is_shown_can_be_typed_back_within_half_a_percent(shown):
    """Three digits are at worst 1.00 for 1.005, half a percent off; bytes reach 1023.49 in four digits, closer."""
    value, unit = shown
    again = parse_quantity(format_quantity(value, unit), unit, where="here")
    assert abs(again - Fraction(value)) <= Fraction(value) * Fraction(51, 10_000)


@pytest.mark.parametrize(
    ("before", "now", "unit", "texts"),
    [
        (18_100_000, 18_140_000, Quantity.COUNT, ("18.10 M", "18.14 M")),
        (999_900, 1_000_100, Quantity.COUNT, ("0.9999 M", "1.0001 M")),
        (18_000_000, 18_140_000, Quantity.COUNT, ("18.0 M", "18.1 M")),
        (18_140_000, 18_140_000, Quantity.COUNT, ("18.1 M", "18.1 M")),
        (2**30, 2**30 + 2**20, Quantity.BYTES, ("1.000 GiB", "1.001 GiB")),  # 1 / 1024
        (0.04, 0.0400001, Quantity.SECONDS, ("40.0000 ms", "40.0001 ms")),
    ],
)
def test_two_numbers_never_look_equal_unless_they_are(before, now, unit, texts):
    assert format_pair(before, now, unit) == texts


@given(
    st.one_of(
        st.tuples(*[st.integers(1, 10**12)] * 2, st.just(Quantity.COUNT), st.sampled_from(["", "k", "M", "G", "T"])),
        st.tuples(*[st.integers(1, 2**40)] * 2, st.just(Quantity.BYTES), st.sampled_from(["", "kB", "MiB", "GiB"])),
        st.tuples(*[st.floats(1e-9, 0.9)] * 2, st.just(Quantity.SECONDS), st.sampled_from(["", "s", "ms", "us"])),
    )
)
@example((18_130_001, 16_000_000, Quantity.COUNT, "M"))
@example((2**40 + 1, 2**40, Quantity.BYTES, "GiB"))
@example((0.040000001, 0.04, Quantity.SECONDS, ""))
def test_a_value_that_breaks_its_limit_would_meet_the_shown_one(given):
    """The shown value, taken as the limit, is met. Counts without a unit have commas."""
    value, limit, unit, written = given
    assume(value != limit)
    shown, held = format_limited(value, limit, unit, written, is_broken=True)
    assert shown != held
    again = parse_quantity(shown.replace(",", ""), unit, where="here")
    value, again = (value, float(again)) if unit is Quantity.SECONDS else (Fraction(value), again)
    assert again >= value if value >= limit else again <= value


@pytest.mark.parametrize(("shape", "text"), [((1, 3, 224, 224), "1x3x224x224"), ((7,), "7"), ((), "()")])
def test_shapes_are_shown_with_an_x_and_scalars_as_brackets(shape, text):
    assert format_shape(shape) == text


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        (200, 205, "+2.50%"),
        (8.0, 6.0, "-25.00%"),
        (0, 7, "from 0"),
        (2, 199, "+9850.00%"),
        (2, 200, "100 times as much"),
        (Fraction(1, 10**90), 126.0, "1.26e+92 times as much"),
    ],
)
def test_growth_is_shown_as_a_percentage_with_its_sign(before, now, text):
    assert format_growth(before, now) == text


def test_a_fraction_of_1_or_more_is_asked_for_in_percent():
    """5 for 5% would allow six times the cost."""
    with pytest.raises(UsageError, match=r"macs: 5 would be 500%; write '5%' or 0\.05"):
        parse_fraction(5, where="macs")


@pytest.mark.parametrize("text", ["1e999999999", "1e-999999999", "1e1000%", "1E+9999 G"])
def test_an_exponent_that_would_take_minutes_is_no_number(text):
    """10 ** 999,999,999 has a thousand million digits."""
    for parse in (parse_fraction, lambda text, where: parse_quantity(text, Quantity.COUNT, where=where)):
        with pytest.raises(UsageError, match=r"^here: "):
            parse(text, where="here")


def test_the_exponents_of_floats_are_read():
    assert parse_quantity(1e300, Quantity.COUNT, where="here") == 10**300


@pytest.mark.parametrize(
    ("value", "limit", "unit", "written", "expected"),
    [
        (5e-324, 2**40, Quantity.BYTES, "TiB", ("4.94066e-324", "1.09951e+12")),
        (1e-99, 1, Quantity.COUNT, "", ("1e-99", "1")),
        (1e-30, 1e-12, Quantity.SECONDS, "", ("1e-30 s", "1e-12 s")),
    ],
)
def test_numbers_that_nobody_measures_are_shown_in_few_characters(value, limit, unit, written, expected):
    assert format_limited(value, limit, unit, written) == expected
