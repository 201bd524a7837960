"""Real or synthetic: how often readers took the synthetic MR for the real one (Table 2).

Choices are a table with one row an answer: reader, role, years, pair_id, taken (bool).
"""

import pandas as pd
from statsmodels.stats.multitest import multipletests

from ct2mr_tf.reader_study.agreement import fleiss_kappa
from ct2mr_tf.reader_study.estimates import Estimate, clustered_proportion, proportion
from ct2mr_tf.reader_study.study_answers import complete

ALL = 'All readers'
"""Name of the row over all readers."""


def rates(choices: pd.DataFrame) -> pd.DataFrame:
    """How often each reader, each role and all readers took the synthetic MR for the real one.

    Args:
        choices: one row an answer.

    Returns:
        One row each: group ('reader', 'role', 'all'), name, role, years, answers, taken, rate (0 to
        1), low, high (Clopper and Pearson; of roles and all with the number of answers that Korn
        and Graubard leave where readers see the same cases), p_value (exact binomial, against one
        half) and, among the readers, p_holm (Holm's correction for their number).
    """
    rows = [_rate_row(*named) for named in _groups(choices)]
    table = pd.DataFrame(rows)
    readers = table['group'] == 'reader'
    corrected = multipletests(table.loc[readers, 'p_value'], method='holm')[1]
    table.loc[readers, 'p_holm'] = corrected
    return table


def _groups(answers: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """Group, name and answers of every reader, of every role if there are several, and of all."""
    groups = [('reader', name, own) for name, own in answers.groupby('reader', sort=False)]
    roles = [('role', name, own) for name, own in answers.groupby('role', sort=False)]
    return groups + (roles if len(roles) > 1 else []) + [('all', ALL, answers)]


def _share(answers: pd.DataFrame, happened: pd.Series) -> Estimate:
    """How often something happened, with the interval that suits one answer a case or several."""
    if answers['pair_id'].is_unique:
        return proportion(int(happened.sum()), len(happened))
    by_case = happened.groupby(answers['pair_id'])
    return clustered_proportion(by_case.sum().to_numpy(), by_case.size().to_numpy())


def _who(group: str, name: str, answers: pd.DataFrame) -> dict[str, object]:
    """The first columns of a row."""
    one_role, one = answers['role'].nunique() == 1, group == 'reader'
    return {
        'group': group,
        'name': name,
        'role': answers['role'].iloc[0] if one_role else '',
        'years': f'{answers["years"].iloc[0]}' if one else '',
        'readers': answers['reader'].nunique(),
    }


def _rate_row(group: str, name: str, choices: pd.DataFrame) -> dict[str, object]:
    share = _share(choices, choices['taken'])
    return {
        **_who(group, name, choices),
        'answers': len(choices),
        'taken': int(choices['taken'].sum()),
        'rate': share.value,
        'low': share.low,
        'high': share.high,
        'p_value': share.p_value,
    }


def detection(answers: pd.DataFrame) -> pd.DataFrame:
    """How well each reader, each role and all readers tell real from synthetic, one at a time.

    Args:
        answers: given answers of a study of the kind yes_no: reader, role, years, pair_id, truth
            and answer, both 'real' or 'synthetic'.

    Returns:
        One row each: group, name, role, years; and for each of sensitivity (a real MR called real),
        specificity (a synthetic MR called synthetic), accuracy (right answers) and fooled (a
        synthetic MR called real) the columns `<name>_count`, `<name>_answers`, `<name>`,
        `<name>_low`, `<name>_high`; p_value is that of `_told_apart_p`.
    """
    rows = []
    for group, name, own in _groups(answers):
        row = _who(group, name, own)
        right = own['answer'] == own['truth']
        real = own['truth'] == 'real'
        measures = {
            'sensitivity': (real, right),
            'specificity': (~real, right),
            'accuracy': (real | ~real, right),
            'fooled': (~real, ~right),
        }
        for measure, (among, happened) in measures.items():
            share = _share(own[among], happened[among])
            row[f'{measure}_count'] = int(happened[among].sum())
            row[f'{measure}_answers'] = int(among.sum())
            row[measure], row[f'{measure}_low'] = share.value, share.low
            row[f'{measure}_high'] = share.high
        rows.append({**row, 'p_value': _told_apart_p(own)})
    return pd.DataFrame(rows)


def _told_apart_p(answers: pd.DataFrame) -> float:
    """The p of the exact test whether real and synthetic are told apart (McNemar 1947).

    A reader who remembers a case may answer its second picture by what they said of the first, and
    is then twice right or twice wrong: the two answers are not independent. Which MR came first was
    drawn, so of the cases whose two MR were called differently, one half are right by chance.
    """
    right = (answers['answer'] == answers['truth']).groupby([answers['reader'], answers['pair_id']])
    called = right.agg(['sum', 'size'])
    differently = called.loc[(called['size'] == 2) & (called['sum'] != 1), 'sum']
    return proportion(int((differently == 2).sum()), len(differently)).p_value


def by_case(choices: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """How many readers took the synthetic MR of each case for the real one.

    Args:
        choices: one row an answer.
        cases: the metrics of the cases, pair_id as the index.

    Returns:
        One row a case that was answered, pair_id as the index, in the order of `cases`: answers,
        taken, rate, low, high (Clopper and Pearson), by_whom (the readers), and its metrics.
    """
    rows = {}
    for pair_id, own in choices.groupby('pair_id', sort=False):
        share = proportion(int(own['taken'].sum()), len(own))
        rows[pair_id] = {
            'answers': len(own),
            'taken': int(own['taken'].sum()),
            'rate': share.value,
            'low': share.low,
            'high': share.high,
            'by_whom': ' '.join(own.loc[own['taken'], 'reader']),
        }
    table = pd.DataFrame.from_dict(rows, orient='index').rename_axis('pair_id')
    table = table.loc[[pair_id for pair_id in cases.index if pair_id in rows]]
    return table.join(cases)


def choice_agreement(choices: pd.DataFrame) -> Estimate:
    """Fleiss' kappa: whether it was the same synthetic MR that readers took for real ones."""
    return fleiss_kappa(complete(choices, ['pair_id'], 'taken'))


def detection_agreement(answers: pd.DataFrame) -> Estimate:
    """Fleiss' kappa of calling pictures real, over all real and synthetic MR of a yes_no study."""
    called = answers.assign(called_real=answers['answer'] == 'real')
    return fleiss_kappa(complete(called, ['pair_id', 'truth'], 'called_real'))
