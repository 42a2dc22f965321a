"""Pictures of what was measured. Needs matplotlib, which only the dependency group `bench` has."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

COLORS = ("#b7410e", "#9db4c0")
THICKNESS = 0.4


def ratios(path: Path, title: str, rows: list[str], sides: dict[str, list[float]]) -> None:
    """Bars, for each row one of each side, that begin at 1 and end at the side's ratio."""
    figure, axes = plt.subplots(figsize=(8, 0.42 * len(rows) + 1.4))
    for number, (side, values) in enumerate(sides.items()):
        places = [row + THICKNESS * (number - 0.5) for row in range(len(rows))]
        widths = [value - 1 for value in values]
        axes.barh(places, widths, THICKNESS, left=1, color=COLORS[number], label=side)
        for place, value in zip(places, values):
            axes.annotate(
                f"{value:.2f}",
                (value, place),
                xytext=(3 if value >= 1 else -3, 0),
                textcoords="offset points",
                va="center",
                ha="left" if value >= 1 else "right",
                fontsize=7,
            )
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xticks([0.2, 0.5, 1, 2, 5, 10, 20])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.margins(x=0.1)
    axes.set_title(title, fontsize=10)
    axes.legend(loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    finish(figure, path)


def lines(
    path: Path, panels: list[tuple[str, dict[str, list[tuple[int, float]]]]], x_label: str
) -> None:
    """Panels side by side, each a title and lines by name; the x axis is logarithmic."""
    figure, all_axes = plt.subplots(1, len(panels), figsize=(3.2 * len(panels), 3), squeeze=False)
    for axes, (title, named) in zip(all_axes[0], panels):
        for color, (name, points) in zip(COLORS, named.items()):
            xs, ys = zip(*points)
            axes.plot(xs, ys, marker="o", markersize=3, color=color, label=name)
        axes.set_xscale("log")
        axes.set_ylim(0, 1.15 * max(y for points in named.values() for _, y in points))
        axes.minorticks_off()
        axes.set_title(title, fontsize=9)
        axes.set_xlabel(x_label, fontsize=8)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    all_axes[0][0].legend(fontsize=8)
    finish(figure, path)


def finish(figure: plt.Figure, path: Path) -> None:
    figure.tight_layout()
    # Without the program's version, which would make two pictures of the same numbers differ.
    figure.savefig(path, dpi=130, metadata={"Software": None})
    plt.close(figure)
