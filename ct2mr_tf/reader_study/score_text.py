"""What a score says in words, and what so few answers cannot say."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from scipy import stats

from ct2mr_tf.evaluation.tables import p_phrase
from ct2mr_tf.reader_study import similarity_statistics, study_files
from ct2mr_tf.reader_study.estimates import CONFIDENCE, Estimate, number_text
from ct2mr_tf.reader_study.outcome_correlations import BETTER_IS
from ct2mr_tf.reader_study.score_tables import METRIC_NAMES

SIGNIFICANT = 1 - CONFIDENCE
"""p-values below it are called a difference."""

WIDE = 0.4
"""Width of an interval of agreement from which on it is said to leave poor to good open."""

FEWEST_RANKED = 5
"""Cases from which on a permutation test of ranks can say p < 0.05: of four cases, two of 24 orders
are as far from none as any."""

METHOD = {
    'forced_choice': (
        'Shares with one answer a case: exact intervals (Clopper and Pearson 1934). Shares with '
        'several: the same with the number of independent answers that Korn and Graubard (1998) '
        'leave, since answers to one case hang together; with none or all taken, nothing tells how '
        'far, and all count as independent.',
        'p of a choice of two: exact binomial test against one half, two-sided; Holm: corrected '
        'for the number of readers. If no reader can tell, every answer is a toss of its own, '
        'since the sides are drawn anew for each reader and case.',
        "Fleiss' kappa (1971) over the cases that all readers answered, with the interval of the "
        'one-way intraclass correlation (Fleiss and Cuzick 1979).',
    ),
    'yes_no': (
        'Right: real called real or synthetic called synthetic. Real and synthetic come equally '
        'often, so who always says the same is right in one half. p of one picture at a time: '
        'exact test of McNemar (1947) over the cases whose two MR a reader called differently, '
        'since who remembers a case is twice right or twice wrong; none without such a case.',
    ),
    'similarity': (
        'SD is over all scores of the row, with n − 1 in the denominator; in the row of all items, '
        "over the cases' means.",
        'ICC(2,1): two-way random effects, absolute agreement, one reader (Shrout and Fleiss '
        '1979); interval by McGraw and Wong (1996). The subjects are the cases: all items together '
        'would take differences between structures for agreement.',
        'Bias: interval of the t distribution over the means of the cases. Limits of agreement: '
        'bias ± 1.96 SD of all differences (Bland and Altman 1986), interval by bootstrap over '
        'cases.',
    ),
    'correlations': (
        "rho: Spearman's rank correlation over the cases; interval by bootstrap over cases (2.5th "
        "to 97.5th percentile), p by permutation. The paper's PSNR ranks the cases as PSNR does.",
    ),
}
"""How the numbers were reckoned, by the part of the page."""


INDEPENDENCE = (
    'Cases count as independent. Several of one patient tell less than as many patients: intervals '
    'are then too narrow.'
)
"""What holds for all the numbers."""


def _count(number: int, noun: str) -> str:
    return f'{number} {noun}{"" if number == 1 else "s"}'


def _percent(row: pd.Series, name: str = 'rate', prefix: str = '') -> str:
    low, high = row[f'{prefix}low'], row[f'{prefix}high']
    return f'{100 * row[name]:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f} %)'


def forced_choice(rates: pd.DataFrame, kappa: Estimate) -> list[str]:
    """Paragraphs on a study of forced choice.

    Args:
        rates: of `choice_statistics.rates`.
        kappa: of `choice_statistics.choice_agreement`.
    """
    everyone = rates[rates['group'] == 'all'].iloc[0]
    readers = rates[rates['group'] == 'reader']
    lowest, highest = 100 * readers['rate'].min(), 100 * readers['rate'].max()
    told = int((readers['p_holm'] < SIGNIFICANT).sum())
    first = (
        f'{_count(len(readers), "reader")} gave {_count(everyone["answers"], "answer")}. In '
        f'{everyone["taken"]} the synthetic MR was taken for the real one: {_percent(everyone)}; '
        f'by reader {lowest:.1f} to {highest:.1f} %. A reader who cannot tell is wrong half of the '
        'time.'
    )
    second = _against_chance(everyone)
    second += (
        f' Of the {_count(len(readers), "reader")}, {told} differ{"s" if told == 1 else ""} from '
        "guessing each on their own (p < 0.05 after Holm's correction)."
    )
    return [first, second, _reach(int(readers['answers'].min())), _kappa(kappa)]


def _against_chance(everyone: pd.Series) -> str:
    """What interval and test of all readers say of one half."""
    low, high = everyone['low'], everyone['high']
    if high < 0.5:
        return 'Together, the readers tell the synthetic MR from the real one better than chance.'
    if low > 0.5:
        return (
            'Together, the readers take the synthetic MR for the real one more often than chance: '
            'they do see a difference, and it misleads them.'
        )
    if everyone['p_value'] < SIGNIFICANT:
        return _some_cases(everyone['p_value'], low, high)
    return (
        'These answers do not show that the readers can tell the two apart, and they do not show '
        f'that they cannot: rates from {100 * low:.0f} to {100 * high:.0f} % all fit them.'
    )


def _some_cases(p_value: float, low: float, high: float) -> str:
    """What is said where guessing is ruled out, but one half is inside the interval."""
    return (
        f'Readers who all guess would seldom answer like this ({p_phrase(p_value)}): in some of '
        'these cases they see a difference. Cases differ so much, though, that a rate of one half '
        f'over all such cases is not ruled out: {100 * low:.0f} to {100 * high:.0f} % all fit.'
    )


def _reach(cases: int) -> str:
    """What one reader's answers can show at most."""
    told = [n for n in range(cases // 2 + 1) if stats.binomtest(n, cases).pvalue < SIGNIFICANT]
    if not told:
        return (
            f'With {_count(cases, "case")}, no reader can be told from one who guesses, whatever '
            'the answers.'
        )
    return (
        f'With {cases} cases, a reader differs from guessing (p < 0.05) with at most {told[-1]} or '
        f'at least {cases - told[-1]} taken for real; in between, not being able to tell and too '
        'few cases look the same.'
    )


def _kappa(kappa: Estimate) -> str:
    """Whether the same synthetic MR mislead several readers."""
    if math.isnan(kappa.value):
        return f"Fleiss' kappa is {kappa.note}."
    text = f"Fleiss' kappa is {_interval(kappa)}"
    if math.isnan(kappa.low):
        return f'{text} ({kappa.note}).'
    if kappa.low > 0:
        return f'{text}: in part it is the same synthetic MR that mislead several readers.'
    if kappa.high < 0:
        return (
            f'{text}: it is less often the same synthetic MR that mislead readers than by chance.'
        )
    return f'{text}: no sign that it is the same synthetic MR that mislead several readers.'


def _interval(estimate: Estimate) -> str:
    """A coefficient with its interval, in words."""
    value = number_text(estimate.value, 2)
    if math.isnan(estimate.low):
        return value
    low, high = number_text(estimate.low, 2), number_text(estimate.high, 2)
    return f'{value} (95 % interval {low} to {high})'


def yes_no(detection: pd.DataFrame, kappa: Estimate) -> list[str]:
    """Paragraphs on a study that shows one picture at a time.

    Args:
        detection: of `choice_statistics.detection`.
        kappa: of `choice_statistics.choice_agreement`.
    """
    everyone = detection[detection['group'] == 'all'].iloc[0]
    readers = int((detection['group'] == 'reader').sum())
    first = (
        f'{_count(readers, "reader")} gave {_count(everyone["accuracy_answers"], "answer")}, of '
        f'which {_percent(everyone, "accuracy", "accuracy_")} are right. A synthetic MR was called '
        f'real in {_percent(everyone, "fooled", "fooled_")} of the answers, a real one in '
        f'{_percent(everyone, "sensitivity", "sensitivity_")}.'
    )
    second = (
        'How often a synthetic MR is called real also depends on how readily a reader says so: '
        'compare it with how often real ones are, or look at the share of right answers, which is '
        'one half for anybody who cannot tell.'
    )
    return [first, second, _right_answers(everyone), _kappa(kappa)]


def _right_answers(everyone: pd.Series) -> str:
    low, high = everyone['accuracy_low'], everyone['accuracy_high']
    if low > 0.5:
        return 'Together, the readers tell the two apart better than chance.'
    if high < 0.5:
        return 'Together, the readers are wrong more often than chance: they see a difference.'
    if everyone['p_value'] < SIGNIFICANT:
        return _some_cases(everyone['p_value'], low, high)
    return (
        'These answers do not show that the readers can tell the two apart, and they do not show '
        f'that they cannot: {100 * low:.0f} to {100 * high:.0f} % right answers all fit them.'
    )


def similarity(scores: pd.DataFrame, agreement: dict[str, tuple[int, Estimate]]) -> list[str]:
    """Paragraphs on a study of similarity.

    Args:
        scores: of the study.
        agreement: of `similarity_statistics.agreement`.
    """
    items, cases = similarity_statistics.by_item(scores), similarity_statistics.by_case(scores)
    items = items[items['reader'] == similarity_statistics.ALL].set_index('item')['mean']
    cases = cases[cases['reader'] == similarity_statistics.ALL]['mean']
    readers = scores['reader'].nunique()
    first = (
        f'{_count(readers, "reader")} gave {_count(len(scores), "score")} to '
        f'{_count(len(cases), "case")}: {scores["percent"].mean():.1f} % in the mean, by case '
        f'{cases.min():.1f} to {cases.max():.1f} %.'
    )
    if len(items) > 1:
        first += (
            f' The most similar is {items.idxmax()} ({items.max():.1f} %), the least '
            f'{items.idxmin()} ({items.min():.1f} %).'
        )
    name, (_, icc) = list(agreement.items())[-1]
    said = icc.note if math.isnan(icc.value) else _interval(icc)
    what = f'{"the " if name == study_files.ALL_ITEMS else ""}{name[0].lower()}{name[1:]}'
    second = f'Agreement of the readers: ICC(2,1) of {what} is {said}.'
    if icc.high - icc.low > WIDE:
        second += ' So wide an interval leaves open whether they agree well or poorly.'
    third = (
        'The readers saw which MR is the synthetic one. A percentage of similarity has no '
        'yardstick: it compares cases, structures and readers of one study, not studies.'
    )
    return [first, second, third]


def correlations(table: pd.DataFrame) -> list[str]:
    """Paragraphs on whether metrics say what readers see.

    Args:
        table: of `outcome_correlations.correlations`.
    """
    metrics = table[table['measure'].isin(list(BETTER_IS))]
    defined = metrics[metrics['rho'].notna()]
    if not len(defined):
        return ['No correlation is defined for these answers.']
    shown = defined[defined['p_value'] < SIGNIFICANT]
    if len(shown):
        named = '; '.join(map(_correlation, shown.to_dict('records')))
        first = f'Of {_count(len(defined), "correlation")}, p < 0.05 holds for: {named}.'
    else:
        first = (
            f'None of the {_count(len(defined), "correlation")} can be told from zero: that the '
            'metrics say what the readers see cannot be shown here, which is not to show that they '
            'do not.'
        )
    cases = int(defined['cases'].min())
    if cases < FEWEST_RANKED:
        second = f'With {cases} cases, no correlation can be told from none, not even of ±1. '
    else:
        second = f'With {cases} cases, only a correlation beyond about ±{_critical(cases):.2f} can '
        second += 'be told from none. '
    second += (
        'The p-values are not corrected for the number of correlations: of '
        'unrelated pairs, one in twenty comes out below 0.05.'
    )
    return [first, second]


def _correlation(row: dict[str, Any]) -> str:
    """A correlation in words, and whether metric and readers agree."""
    against = (row['rho'] < 0) != (row['agrees'] == '-')
    remark = ', against what the metric says' if against else ''
    named = f'{METRIC_NAMES[row["measure"]]} with {row["outcome"]}'
    return f'{named} (rho {number_text(row["rho"], 2)}{remark})'


def _critical(cases: int) -> float:
    """The rank correlation with p = 0.05, by the t distribution (Kendall and Stuart)."""
    t = stats.t.ppf((1 + CONFIDENCE) / 2, cases - 2)
    return float(t / math.sqrt(cases - 2 + t**2))


def method(names: Sequence[str]) -> list[str]:
    """How the numbers of these parts of a page were reckoned, each sentence once."""
    shown = [*names, *(['forced_choice'] if 'yes_no' in names else [])]
    parts = [sentence for name, own in METHOD.items() if name in shown for sentence in own]
    return [*parts, INDEPENDENCE]
