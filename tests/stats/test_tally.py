"""Tallies of single observations, summed by hand."""

import numpy as np

from bertology.stats.tally import of_items


def test_items_are_summed_by_block_and_cell_and_nan_is_not_counted() -> None:
    values, blocks = np.array([1.0, np.nan, 3.0, 5.0]), np.array([0, 0, 1, 1])
    assert of_items(values, blocks).rate() == 3.0
    apart = of_items(values, blocks, np.array([0, 0, 1, 0]), 2)
    assert apart.total.tolist() == [[1, 0], [5, 3]]
    assert apart.weight.tolist() == [[1, 0], [1, 1]]
    wide = of_items(np.array([[1.0, np.nan], [3.0, 4.0]]), np.array([0, 1]))
    assert wide.rate().tolist() == [2, 4]
