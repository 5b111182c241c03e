"""Which of two ordered lists face each other: the pairs, both rising, with the largest sum of likeness."""


def best_pairs(likeness: list[list[float]]) -> list[tuple[int, int]]:
    """Pairs (row, column), both rising, with the largest sum of ``likeness``; what is like nothing is in none.

    Needleman and Wunsch (1970), with free gaps.
    """
    height, width = len(likeness), len(likeness[0]) if likeness else 0
    best = [[0.0] * (width + 1) for _ in range(height + 1)]
    for i in range(height - 1, -1, -1):
        for j in range(width - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], likeness[i][j] + best[i + 1][j + 1])
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < height and j < width:
        if likeness[i][j] and best[i][j] == likeness[i][j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs
