"""Trees from scores: directed (Chu & Liu 1965; Edmonds 1967), projective (Eisner 1996), undirected (Prim 1957), binary
ones from distances between neighbours (Shen et al. 2018)."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.record.errors import BadRequest, NotFinite

Heads = NDArray[np.int64]
"""The governor of each word, 0-based; -1 marks the root."""
Bracketing = frozenset[tuple[int, int]]
"""The spans (start, end) of a tree over words, 0-based, end excluded, without single words and the whole sentence."""


def arborescence(scores: NDArray[Any], *, root: int | None = None, root_scores: NDArray[Any] | None = None) -> Heads:
    """The tree that maximises Σ scores[word, head of word], crossing arcs allowed, with exactly one root.

    `scores` (word, head), any finite numbers; the diagonal is ignored. `root` fixes the root; without it the best root
    is found, `root_scores` (word,), zero by default, being added to its tree. O(n³) at worst, near O(n²) in practice.
    """
    scores, extra = _checked(scores, root, root_scores)
    n = len(scores)
    if n == 1:
        return np.array([-1])
    # A virtual word n governs the root. Its arcs cost more than any tree can win, so that exactly one is used.
    spread = np.ptp(scores[~np.eye(n, dtype=bool)]) + np.ptp(extra[np.isfinite(extra)]) + 1.0
    table = np.full((n + 1, n + 1), -np.inf)
    table[:n, :n] = scores
    table[:n, n] = extra - 2 * n * spread + scores.min()
    np.fill_diagonal(table, -np.inf)
    heads = _edmonds(table, n)[:n]
    return np.where(heads == n, -1, heads)


def projective_tree(scores: NDArray[Any], *, root: int | None = None, root_scores: NDArray[Any] | None = None) -> Heads:
    """The best tree without crossing arcs and with one root, under no arc; arguments as `arborescence`. O(n³)."""
    scores, extra = _checked(scores, root, root_scores)
    n = len(scores)
    # complete[d][i, j]: the best span i..j headed by its left (d = 0) or right end (d = 1); half: arc i-j on top.
    complete, half = np.full((2, n, n), -np.inf), np.full((2, n, n), -np.inf)
    split_complete, split_half = np.zeros((2, n, n), dtype=np.int64), np.zeros((n, n), dtype=np.int64)
    complete[:, np.arange(n), np.arange(n)] = 0.0
    for width in range(1, n):
        i = np.arange(n - width)
        j, k = i + width, i[:, None] + np.arange(width)
        inner = complete[0, i[:, None], k] + complete[1, k + 1, j[:, None]]
        split_half[i, j] = k[i, inner.argmax(1)]
        half[0, i, j] = inner.max(1) + scores[j, i]
        half[1, i, j] = inner.max(1) + scores[i, j]
        left = half[0, i[:, None], k + 1] + complete[0, k + 1, j[:, None]]
        right = complete[1, i[:, None], k] + half[1, k, j[:, None]]
        complete[0, i, j], split_complete[0, i, j] = left.max(1), k[i, left.argmax(1)] + 1
        complete[1, i, j], split_complete[1, i, j] = right.max(1), k[i, right.argmax(1)]
    top = int((complete[1, 0, :] + complete[0, :, n - 1] + extra).argmax())
    heads = np.full(n, -1)
    todo = [(1, 0, top), (0, top, n - 1)]
    while todo:
        side, i, j = todo.pop()
        if i == j:
            continue
        middle = int(split_complete[side, i, j])
        low, high = (i, middle) if side == 0 else (middle, j)
        heads[high if side == 0 else low] = low if side == 0 else high
        todo.append((side, middle, j) if side == 0 else (side, i, middle))
        cut = int(split_half[low, high])
        todo += [(0, low, cut), (1, cut + 1, high)]
    return heads


def spanning_trees(distances: NDArray[Any], keep: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Minimum spanning trees of many distance matrices at once, undirected (Prim 1957).

    `distances` (tree, word, word), read above the diagonal; `keep` (tree, word) marks the words to span. Returns
    (tree, word): the neighbour through which each word was joined, -1 for the first kept word and for words left out.
    Of equal distances the pair that comes first in reading order is taken, as by Kruskal on a stable sort; a distance
    of zero is a distance (in a sparse graph it would be no edge).
    """
    distances = np.asarray(distances)
    trees, n = distances.shape[:2]
    keep = np.ones((trees, n), dtype=bool) if keep is None else np.asarray(keep, dtype=bool)
    upper = np.triu_indices(n, 1)
    flat = distances[:, upper[0], upper[1]]
    order = np.argsort(flat, axis=1, kind="stable")
    rank = np.empty(flat.shape, dtype=np.int32)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(flat.shape[1], dtype=np.int32), flat.shape), axis=1)
    far = np.iinfo(np.int32).max
    table = np.full((trees, n, n), far, dtype=np.int32)
    table[:, upper[0], upper[1]] = table[:, upper[1], upper[0]] = rank
    table[~keep] = far
    each = np.arange(trees)
    latest = keep.argmax(1)
    outside = keep.copy()
    outside[each, latest] = False
    best = np.full((trees, n), far, dtype=np.int32)
    joined = np.full((trees, n), -1, dtype=np.int64)
    through = np.full((trees, n), -1, dtype=np.int64)
    for _ in range(n - 1):
        closer = outside & (table[each, latest] < best)
        best = np.where(closer, table[each, latest], best)
        through = np.where(closer, latest[:, None], through)
        latest = np.where(outside, best, far).argmin(1)
        more = outside[each, latest]
        joined[each[more], latest[more]] = through[each[more], latest[more]]
        outside[each[more], latest[more]] = False
    return joined


def binary_tree(distances: NDArray[Any]) -> Bracketing:
    """The tree that splits n words where they are farthest apart, then both parts likewise (Shen et al. 2018).

    `distances` (n - 1,): entry i is that between words i and i + 1. Of equal distances the one nearest the middle
    splits, so that ties favour no direction. Raises NotFinite on NaN.
    """
    distances = np.asarray(distances, dtype=np.float64)
    if np.isnan(distances).any():
        raise NotFinite("distances between neighbours hold NaN.", "Leave such sentences out.")
    values = distances.tolist()

    def farthest(start: int, end: int) -> int:
        middle = (start + end) / 2
        return max(range(start + 1, end), key=lambda cut: (values[cut - 1], -abs(cut - middle)))

    return _split(len(values) + 1, farthest)


def right_branching(n: int) -> Bracketing:
    """Each word is split off the left end: ( a ( b ( c d ) ) )."""
    return _split(n, lambda start, end: start + 1)


def left_branching(n: int) -> Bracketing:
    """Each word is split off the right end: ( ( ( a b ) c ) d )."""
    return _split(n, lambda start, end: end - 1)


def balanced(n: int) -> Bracketing:
    """Every span is halved; of an odd number of words the right half is the longer."""
    return _split(n, lambda start, end: (start + end) // 2)


def random_branching(n: int, rng: np.random.Generator) -> Bracketing:
    """Every span is cut at a place drawn uniformly."""
    return _split(n, lambda start, end: int(rng.integers(start + 1, end)))


def span_f1(found: Iterable[tuple[int, int]], gold: Iterable[tuple[int, int]], n: int) -> float:
    """Unlabelled F1 of one sentence of n words, 0 to 1, over sets of spans, single words and the sentence left out.

    nan when the gold tree has no other span: there is nothing to find.
    """
    counted = lambda spans: {(a, b) for a, b in spans if 1 < b - a < n}
    a, b = counted(found), counted(gold)
    return 2 * len(a & b) / (len(a) + len(b)) if b else float("nan")


def right_chain(n: int) -> Heads:
    """Each word governs the next: the first is the root. As undirected trees the two chains are one."""
    return np.arange(n) - 1


def left_chain(n: int) -> Heads:
    """Each word is governed by the next: the last is the root."""
    return np.append(np.arange(1, n), -1) if n else np.zeros(0, dtype=np.int64)


def tree_distances(heads: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Number of arcs on the path between every two words, (word, word). BadRequest if the heads are no single tree."""
    heads = np.asarray(heads)
    above = np.zeros((len(heads), len(heads)), dtype=np.float32)
    for word in _from_root(heads):
        if heads[word] >= 0:
            above[word] = above[heads[word]]
        above[word, word] = 1
    # Two words share as many governors as the depth of the lowest one (itself counted).
    shared = (above @ above.T).astype(np.int64)
    own = shared.diagonal()
    return own[:, None] + own[None] - 2 * shared


def tree_depths(heads: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Number of arcs between each word and the root, (word,). BadRequest if the heads are no single tree."""
    heads = np.asarray(heads)
    depths = np.zeros(len(heads), dtype=np.int64)
    for word in _from_root(heads)[1:]:
        depths[word] = depths[heads[word]] + 1
    return depths


def _split(n: int, cut: Callable[[int, int], int]) -> Bracketing:
    """Spans of the binary tree that cuts start..end before word cut(start, end)."""
    spans, todo = [], [(0, n)]
    while todo:
        start, end = todo.pop()
        if end - start < 2:
            continue
        if end - start < n:
            spans.append((start, end))
        middle = cut(start, end)
        todo += [(start, middle), (middle, end)]
    return frozenset(spans)


def _from_root(heads: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Words in an order in which governors come before what they govern."""
    children: dict[int, list[int]] = {}
    for word, head in enumerate(heads.tolist()):
        children.setdefault(head, []).append(word)
    order = children.get(-1, [])[:1]
    for word in order:
        order.extend(children.get(word, ()))
    if len(order) != len(heads) or len(children.get(-1, ())) != 1:
        raise BadRequest(
            f"heads {heads.tolist()[:20]} are no tree.", "Give 0-based governors, with one -1 for the root."
        )
    return np.array(order)


def _checked(
    scores: NDArray[Any], root: int | None, root_scores: NDArray[Any] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    scores = np.array(scores, dtype=np.float64)
    n = len(scores)
    if scores.shape != (n, n) or n == 0:
        raise BadRequest(f"scores have shape {scores.shape}.", "Give a square matrix (word, head).")
    extra = np.zeros(n) if root_scores is None else np.array(root_scores, dtype=np.float64)
    if root is not None:
        if not 0 <= root < n:
            raise BadRequest(f"root {root} is no word of {n}.", "Give a 0-based word index, or None.")
        extra = np.where(np.arange(n) == root, 0.0, -np.inf)
    np.fill_diagonal(scores, scores[~np.eye(n, dtype=bool)].min(initial=0.0) if n > 1 else 0.0)
    if not np.isfinite(scores).all() or np.isnan(extra).any():
        raise NotFinite("tree scores hold NaN or infinite values.", "Clip log-probabilities before asking for a tree.")
    return scores, extra


def _edmonds(table: NDArray[np.float64], root: int) -> NDArray[np.int64]:
    """Best heads below `root`: greedy arcs; a cycle becomes one word, then opens where it is entered."""
    n = len(table)
    heads = table.argmax(1)
    heads[root] = -1
    cycle = _cycle(heads)
    if cycle is None:
        return heads
    inside = np.zeros(n, dtype=bool)
    inside[cycle] = True
    rest = np.flatnonzero(~inside)
    m = len(rest)
    smaller = np.full((m + 1, m + 1), -np.inf)
    smaller[:m, :m] = table[np.ix_(rest, rest)]
    out = table[np.ix_(rest, cycle)]
    smaller[:m, m] = out.max(1)
    swap = table[np.ix_(cycle, rest)] - table[cycle, heads[cycle]][:, None]
    smaller[m, :m] = swap.max(0)
    solved = _edmonds(smaller, int(np.flatnonzero(rest == root)[0]))
    entered_from = int(solved[m])
    entry = cycle[int(swap[:, entered_from].argmax())]
    heads[rest] = [
        -1 if head == -1 else int(cycle[out[word].argmax()]) if head == m else int(rest[head])
        for word, head in enumerate(solved[:m].tolist())
    ]
    heads[entry] = rest[entered_from]
    return heads


def _cycle(heads: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """The words of a cycle, if there is one."""
    head, seen = heads.tolist(), [0] * len(heads)
    for start in range(len(head)):
        word = start
        while word != -1 and not seen[word]:
            seen[word] = start + 1
            word = head[word]
        if word != -1 and seen[word] == start + 1:
            loop, at = [word], head[word]
            while at != word:
                loop.append(at)
                at = head[at]
            return np.array(loop)
    return None
