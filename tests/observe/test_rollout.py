"""Attention rollout: by hand, and its limits."""

import torch

from bertology.observe.rollout import received, rollout


def test_rollout_of_two_layers_by_hand() -> None:
    first = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
    second = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    # half the residual: layer 1 = [[.5, .5], [0, 1]], layer 2 = [[1, 0], [.5, .5]]; the product is layer 2 · layer 1
    expected = torch.tensor([[[0.5, 0.5], [0.25, 0.75]]])
    torch.testing.assert_close(rollout([first, second]), expected)


def test_rows_sum_to_one_and_no_attention_elsewhere_is_the_identity() -> None:
    maps = [torch.rand(2, 3, 5, 5).softmax(-1) for _ in range(3)]
    torch.testing.assert_close(rollout(maps).sum(-1), torch.ones(2, 5))
    torch.testing.assert_close(rollout([torch.eye(4).expand(1, 2, 4, 4)]), torch.eye(4)[None])


def test_padding_neither_asks_nor_receives() -> None:
    flow = torch.tensor([[[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.3, 0.3, 0.4]]])
    mask = torch.tensor([[True, True, False]])
    torch.testing.assert_close(received(flow, mask), torch.tensor([[0.75, 0.25, 0.0]]))
