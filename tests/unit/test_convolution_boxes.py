"""A convolution is cut into boxes that hold each output once, read what it reads, and fit the budget."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from rocmswitch.guest.convolutions.geometry import Box, Geometry, boxes, outputs, volume, window

BYTES = 4


@st.composite
def _geometries(draw: st.DrawFn) -> Geometry:
    dimensions = draw(st.sampled_from((2, 3)))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(dimensions))

    kernel, stride, padding, dilation = each(1, 3), each(1, 3), each(0, 3), each(1, 2)
    size = tuple(draw(st.integers(d * (k - 1) + 1, 12)) for k, d in zip(kernel, dilation, strict=True))
    full = outputs(size, kernel, stride, padding, dilation)
    # A transposed convolution may have more room than outputs are asked for.
    out = tuple(draw(st.integers(max(1, number - 1), number)) for number in full)
    numbers = (draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    return Geometry(*numbers, 1, size, out, kernel, stride, padding, dilation)


def _cut(geometry: Geometry, budget: int) -> tuple[Box, ...]:
    def cost(extent: tuple[int, ...], is_whole: bool) -> int:
        return geometry.channels * geometry.taps * volume(extent) * BYTES

    return boxes(geometry, cost, budget)


@settings(deadline=None)
@given(_geometries(), st.integers(1, 5000))
def test_each_output_is_in_one_box(geometry: Geometry, budget: int):
    found = [
        (image, *place)
        for box in _cut(geometry, budget)
        for image in range(box.images.start, box.images.stop)
        for place in product(*(range(run.start, run.stop) for run in box.outputs))
    ]

    everything = product(range(geometry.images), *(range(number) for number in geometry.out))
    assert sorted(found) == list(everything)


@settings(deadline=None)
@given(_geometries(), st.integers(1, 5000))
def test_the_columns_of_a_box_are_its_outputs_counted_through_the_image(geometry: Geometry, budget: int):
    for box in _cut(geometry, budget):
        numbers = []
        for place in product(*(range(run.start, run.stop) for run in box.outputs)):
            number = 0
            for one, size in zip(place, geometry.out, strict=True):
                number = number * size + one
            numbers.append(number)

        assert numbers == list(range(box.columns.start, box.columns.stop))


@settings(deadline=None)
@given(_geometries(), st.integers(1, 5000))
def test_a_box_reads_what_its_outputs_read_with_zeros_around_the_image(geometry: Geometry, budget: int):
    for box in _cut(geometry, budget):
        if not box.is_barren:
            read = [run.stop - run.start for run in box.inputs]
            frame = box.edges or (0,) * 2 * len(read)
            pairs = zip(frame[-2::-2], frame[::-1][::2], strict=True)
            assert tuple(sum(one) for one in zip(read, *zip(*pairs, strict=True), strict=True)) == window(
                geometry, box.extent
            )


@settings(deadline=None)
@given(_geometries(), st.integers(1, 5000))
def test_a_box_fits_the_budget_unless_it_is_one_output(geometry: Geometry, budget: int):
    for box in _cut(geometry, budget):
        images = box.images.stop - box.images.start
        needed = images * geometry.channels * geometry.taps * volume(box.extent) * BYTES

        assert needed <= budget or images * volume(box.extent) == 1


@settings(deadline=None)
@given(_geometries())
def test_what_fits_is_not_cut(geometry: Geometry):
    assert len(_cut(geometry, 1 << 30)) == 1
