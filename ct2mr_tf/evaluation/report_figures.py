"""Figures of reports: distributions, error against grey level, regions, the paper's 6 and 7."""

import io
import pathlib
from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ct2mr_tf.evaluation import fonts
from ct2mr_tf.evaluation.figures import DIFFERENCE_LIMIT, coloured_difference
from ct2mr_tf.evaluation.grey_error import AXES
from ct2mr_tf.evaluation.metrics import PAPER_PSNR_OFFSET_DB
from ct2mr_tf.evaluation.regions import Box
from ct2mr_tf.evaluation.tables import MODEL

DPI = 144
"""Dots an inch of figures as PNG: sharp on a screen and in print."""

METRIC_LABELS = {
    'mae': 'MAE, grey levels',
    'rmse': 'RMSE, grey levels',
    'psnr_db': 'PSNR, dB',
    'ssim': 'SSIM',
    'pearson': 'correlation',
}
"""Metrics with a panel of their own; the paper's PSNR is a second scale on that of PSNR."""

SMALLEST_BIN = 5e-4
"""Share of the pixels below which a bin of grey levels is too few to draw."""

MODEL_COLOUR = '#0a4f8f'
"""Of the model, and of absolute errors."""

OTHER_COLOUR = '#6b747e'
"""Of the baselines."""

BIAS_COLOUR = '#b3461b'
"""Of errors with a sign; told from blue by readers with any colour vision."""

Slices = tuple[np.ndarray, np.ndarray, np.ndarray]
"""CT, synthetic and real MR of a case, uint8 [H, W] each."""

STYLE = matplotlib.RcParams(
    {
        **fonts.SETTINGS,
        'font.size': 9,
        'axes.spines.top': False,
        'axes.spines.right': False,
        'axes.edgecolor': '#8a939e',
        'axes.titlesize': 10,
        'svg.hashsalt': 'ct2mr_tf',
        # A pair or an item may be called anything: what stands between two $ is no formula.
        'text.parse_math': False,
    }
)
"""How figures of all reports look."""


def save_figure(figure: Figure, folder: pathlib.Path, name: str) -> bytes:
    """Writes a figure as PNG and SVG; the same figure gives the same bytes.

    Returns:
        The PNG.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        figure.savefig(folder / f'{name}.svg', metadata={'Date': None}, bbox_inches='tight')
        buffer = io.BytesIO()
        metadata = {'Software': None}
        figure.savefig(buffer, format='png', dpi=DPI, metadata=metadata, bbox_inches='tight')
    (folder / f'{name}.png').write_bytes(buffer.getvalue())
    return buffer.getvalue()


def distributions(tables: dict[str, pd.DataFrame]) -> Figure:
    """Each metric over the cases as boxes and points: the model by itself, and with the baselines.

    A box holds the quartiles; its whiskers reach to the last case within 1.5 times their distance.

    Args:
        tables: a table of cases for each predictor, by name; the model's first.
    """
    rows = [dict([next(iter(tables.items()))]), tables]
    heights = [0.9, 0.5 + 0.28 * len(tables)]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, sum(heights) + 1.5), layout='constrained')
        axes = figure.subplots(2, len(METRIC_LABELS), sharey='row', height_ratios=heights)
        for line, shown in zip(axes, rows, strict=True):
            for axis, (metric, label) in zip(line, METRIC_LABELS.items(), strict=True):
                _boxes(axis, {name: table[metric] for name, table in shown.items()})
                axis.set_xlabel(label)
            line[0].set_ylim(len(shown) - 0.4, -0.6)
        second = axes[0, list(METRIC_LABELS).index('psnr_db')].secondary_xaxis(
            'top', (lambda x: x + PAPER_PSNR_OFFSET_DB, lambda x: x - PAPER_PSNR_OFFSET_DB)
        )
        second.set_xlabel("in the paper's convention, dB", color=OTHER_COLOUR)
    return figure


def draw_boxes(
    axis: Axes,
    values: Sequence[np.ndarray],
    rows: Sequence[float] | np.ndarray,
    width: float,
    colour: str,
) -> None:
    """Lying boxes in one colour, without outliers: the points themselves are drawn over them.

    Args:
        axis: to draw on.
        values: of each box.
        rows: where each box lies.
        width: of a box, 1 for the distance of two rows.
        colour: of lines and medians.
    """
    line = {'color': colour, 'linewidth': 1.1}
    axis.boxplot(
        values,
        positions=rows,
        widths=width,
        orientation='horizontal',
        showfliers=False,
        boxprops=line,
        whiskerprops=line,
        capprops=line,
        medianprops={'color': colour, 'linewidth': 2.2},
    )


def _boxes(axis: Axes, values: dict[str, pd.Series]) -> None:
    """A box and points a row, from the top."""
    rng = np.random.default_rng(0)
    for row, (name, column) in enumerate(values.items()):
        finite = column.to_numpy(np.float64)
        finite = finite[np.isfinite(finite)]
        colour = MODEL_COLOUR if name == MODEL else OTHER_COLOUR
        draw_boxes(axis, [finite], [row], 0.55, colour)
        height = row + rng.uniform(-0.2, 0.2, len(finite))
        size = float(np.clip(600 / max(len(finite), 1), 1.5, 14))
        alpha = 0.65 if len(finite) < 200 else 0.25
        # Thousands of points would make an SVG that no browser likes.
        axis.scatter(finite, height, size, colour, alpha=alpha, linewidths=0, rasterized=True)
    axis.set_yticks(range(len(values)), list(values))
    axis.locator_params(axis='x', nbins=4)
    axis.grid(axis='x', color='#e3e7ec', linewidth=0.8)
    axis.set_axisbelow(True)


def error_against_grey(table: pd.DataFrame, ct_window: tuple[float, float] | None) -> Figure:
    """Mean absolute error and bias against the grey level of the real MR and of the CT.

    Args:
        table: of `grey_error.GreyErrors`.
        ct_window: HU shown as black and white, where all cases have one.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 4.6), layout='constrained')
        axes = figure.subplots(2, 2, sharex=True, sharey='row', height_ratios=(3, 1))
        for column, name in enumerate(AXES):
            rows = table[table.against == name]
            share = rows.pixels / rows.pixels.sum()
            drawn = rows[share >= SMALLEST_BIN]
            error, pixels = axes[:, column]
            error.axhline(0, color='#8a939e', linewidth=0.8)
            error.plot(drawn.grey, drawn.mae, color=MODEL_COLOUR, label='mean absolute error')
            error.plot(
                drawn.grey, drawn.bias, '--', color=BIAS_COLOUR, label='bias (synthetic - real)'
            )
            error.grid(color='#e3e7ec', linewidth=0.8)
            pixels.fill_between(rows.grey, 100 * share, color=OTHER_COLOUR, step='mid', linewidth=0)
            pixels.set_xlabel(f'grey level of the {name}')
            pixels.set_xlim(0, 255)
        if ct_window:
            low, high = ct_window
            scale = (high - low) / 255
            axes[0, 1].secondary_xaxis(
                'top', (lambda grey: low + grey * scale, lambda hu: (hu - low) / scale)
            ).set_xlabel('HU', color=OTHER_COLOUR)
        axes[0, 0].set_ylabel('grey levels of the MR')
        axes[1, 0].set_ylabel('% of pixels')
        axes[0, 0].legend(frameon=False)
    return figure


def error_by_region(table: pd.DataFrame, example: Slices, box: Box) -> Figure:
    """The box on an example, and the error of every case inside and outside it.

    Args:
        table: of `regions.RegionErrors`, at least one case.
        example: a case to show the box on.
        box: of that case.
    """
    _, synthetic, real = example
    height, width = real.shape
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 3.3), layout='constrained')
        left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.5))
        left.imshow(real, cmap='gray', vmin=0, vmax=255)
        left.set_title('real MR')
        middle.imshow(coloured_difference(real, synthetic))
        middle.set_title('absolute difference')
        x = np.array([box.left, box.right, box.right, box.left, box.left]) * width - 0.5
        y = np.array([box.top, box.top, box.bottom, box.bottom, box.top]) * height - 0.5
        for axis in (left, middle):
            axis.plot(x, y, color='#39c2f0', linewidth=1.8)
            axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
            axis.set_axis_off()
        _boxes(right, {'inside the box': table.inside_mae, 'outside': table.outside_mae})
        right.set_ylim(1.6, -0.6)
        right.set_xlabel('MAE of a case, grey levels')
    return figure


def figure_6(cases: dict[str, Slices]) -> Figure:
    """Cases as in the paper's Fig. 6: CT, synthetic and real MR beside each other.

    Args:
        cases: by pair_id.
    """
    across = min(3, len(cases))
    down = -(-len(cases) // across)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.9 * across, 1.65 * down), layout='constrained')
        axes = figure.subplots(down, across, squeeze=False).ravel()
        for axis in axes[len(cases) :]:
            axis.set_visible(False)
        for axis, (pair_id, slices) in zip(axes, cases.items(), strict=False):
            gap = np.full((slices[0].shape[0], max(2, slices[0].shape[1] // 40)), 255, np.uint8)
            axis.imshow(
                np.hstack([slices[0], gap, slices[1], gap, slices[2]]),
                cmap='gray',
                vmin=0,
                vmax=255,
            )
            axis.set_title(pair_id, fontsize=8, loc='left')
            axis.set_axis_off()
    return figure


def figure_7(cases: dict[str, Slices]) -> Figure:
    """Cases as in the paper's Fig. 7: maps of the absolute difference, with one scale for all.

    Args:
        cases: by pair_id.
    """
    across = min(5, len(cases))
    down = -(-len(cases) // across)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2.1 * across + 0.9, 2.3 * down), layout='constrained')
        axes = figure.subplots(down, across, squeeze=False).ravel()
        for axis in axes[len(cases) :]:
            axis.set_visible(False)
        for axis, (pair_id, (_, synthetic, real)) in zip(axes, cases.items(), strict=False):
            axis.imshow(coloured_difference(real, synthetic))
            axis.set_title(pair_id, fontsize=8, loc='left')
            axis.set_axis_off()
        norm = matplotlib.colors.Normalize(0, DIFFERENCE_LIMIT)
        bar = figure.colorbar(
            matplotlib.cm.ScalarMappable(norm, _scale()), ax=axes.tolist(), extend='max', aspect=30
        )
        bar.set_label('absolute difference, grey levels')
    return figure


def colour_scale() -> Figure:
    """The scale of the difference maps by itself, lying down."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.2, 0.6))
        axis = figure.add_axes((0.02, 0.62, 0.96, 0.3))
        norm = matplotlib.colors.Normalize(0, DIFFERENCE_LIMIT)
        mappable = matplotlib.cm.ScalarMappable(norm, _scale())
        bar = figure.colorbar(mappable, cax=axis, orientation='horizontal', extend='max')
        bar.set_ticks(range(0, DIFFERENCE_LIMIT + 1, 32))
    return figure


def _scale() -> matplotlib.colors.ListedColormap:
    """The very colours of `figures.coloured_difference`."""
    greys = np.arange(DIFFERENCE_LIMIT + 1, dtype=np.uint8)[np.newaxis]
    return matplotlib.colors.ListedColormap(coloured_difference(greys, greys * 0)[0] / 255)


def paired_differences(differences: Sequence[tuple[str, pd.Series]]) -> Figure:
    """The differences of two runs, case by case, a panel a metric.

    Args:
        differences: label of a metric, and B - A of each case.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 1.9), layout='constrained')
        axes = figure.subplots(1, len(differences), sharey=True, squeeze=False)[0]
        for axis, (label, values) in zip(axes, differences, strict=True):
            _boxes(axis, {MODEL: values})
            axis.axvline(0, color='#1b1f24', linewidth=1)
            axis.set_yticks([])
            axis.set_xlabel(label)
    return figure
