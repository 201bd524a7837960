"""Whether a page tells which MR is real: rules that look for it everywhere but in the anatomy.

The pictures are MR of phantoms, and by lot one of a case is called real and one synthetic: their
pixels cannot tell, and a rule that does better than a coin has found something in the page. Each
rule may choose on one half of the studies whether to be turned round, and is judged on the other by
the exact binomial test, corrected for the number of rules. The seeds are fixed: the outcome too.
"""

import base64
import hashlib
import json
import random
import struct
import zlib

import numpy as np
import pytest
from scipy import stats
from test_reader_pages import content_of

from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.metrics import METRICS
from ct2mr_tf.phantom.cohort import draw_cohort
from ct2mr_tf.phantom.cohort_pairs import draw_pictures
from ct2mr_tf.reader_study import reader_plan, study_folder
from ct2mr_tf.reader_study.study_files import CHOICES
from ct2mr_tf.reader_study.study_folder import Design
from ct2mr_tf.reader_study.study_key import read_key

STUDIES = 200
CASES = 9
SIGNIFICANT = 0.001
"""Probability of an alarm, over all rules, where there is nothing to find."""


@pytest.fixture(scope='module')
def phantoms():
    """CT and MR of four phantoms."""
    members = draw_cohort(5, 4)
    return [(p.ct, p.mr) for member in members for p in draw_pictures(member, size=32)]


@pytest.fixture(scope='module', params=['forced_choice', 'yes_no'])
def studies(request, phantoms, tmp_path_factory):
    """Of each study what a reader has, the page, and what the key says."""
    folder, found = tmp_path_factory.mktemp('studies'), []
    for number in range(STUDIES):
        lot = random.Random(number)
        cases = []
        for case in range(CASES):
            (ct, _), (_, real), (_, synthetic) = lot.sample(phantoms, 3)
            cases.append(Case(f'{case}', ct, real, synthetic, dict.fromkeys(METRICS, 0.0)))
        design = Design(request.param, 1, f'{lot.getrandbits(128):032x}')
        out = folder / f'{number}'
        study = study_folder.write_study_folder(design, cases, {}, out)
        text = (out / 'pages' / 'reader_01.html').read_text(encoding='utf-8')
        found.append((text, [truth for _, truth in read_key(out, study)['reader_01']]))
    return found


def choices_of(text):
    """The MR among which a reader chooses, encoded, trial by trial."""
    return [trial[-2:] for trial in content_of(text)['trials']]


def measures(text, encoded):
    """Numbers that tell one encoded picture from another."""
    png = base64.b64decode(encoded)
    at, kinds = 8, []
    while at < len(png):
        (length,) = struct.unpack('>I', png[at : at + 4])
        kinds.append(png[at + 4 : at + 8])
        at += 12 + length
    data = png[41:-16]
    pixels = np.frombuffer(zlib.decompress(data), np.uint8)
    return {
        'length in the page': len(encoded),
        'length of the PNG': len(png),
        'number of chunks': len(kinds),
        'name of the last chunk': kinds[-2],
        'header': png[:33],
        'order of the text': encoded,
        'checksum of the chunk': png[-16:-12],
        'checksum of the pixels': data[-4:],
        'head of the stream': data[:7],
        'parity of the checksum': png[-13] % 2,
        'hash': hashlib.sha256(png).digest(),
        'place in the page': text.index(encoded),
        'places in the page': text.count(encoded),
        'mean byte': float(np.mean(np.frombuffer(png, np.uint8))),
        'bytes that occur': len(set(png)),
        'size when compressed': len(zlib.compress(png, 9)),
        'levels that occur': len(set(pixels)),
        'darkest': int(pixels.min()),
        'brightest': int(pixels.max()),
        'parity of the pixels': int(pixels.sum()) % 2,
    }


def picture_rules(text):
    """Whether the first answer is right, by what tells the pictures apart."""
    trials = choices_of(text)
    measured = [[measures(text, encoded) for encoded in trial] for trial in trials]
    rules = {}
    for name in measured[0][0]:
        if len(trials[0]) == 2:
            rules[name] = [first[name] > second[name] for first, second in measured]
        else:
            values = [only[name] for (only,) in measured]
            middle = sorted(values)[len(values) // 2]
            rules[name] = [value >= middle for value in values]
            last = values[-1]
            rules[f'{name}, after the trial before'] = [
                value > before for value, before in zip(values, [last, *values[:-1]], strict=True)
            ]
    return rules


def place_rules(count):
    """The same by the number of the trial alone."""
    numbers = range(count)
    return {
        'always the first': [True] * count,
        'every other': [n % 2 == 0 for n in numbers],
        'every third': [n % 3 == 0 for n in numbers],
        'two and two': [n % 4 < 2 for n in numbers],
        'first half': [2 * n < count for n in numbers],
        'outer quarters': [not count <= 4 * n < 3 * count for n in numbers],
    }


def guessed_seeds(content):
    """Seeds that who has this software might try."""
    study_id, reader = content['study_id'], content['reader']
    texts = ['', '0', '1', '42', study_id, reader, study_id + reader, f'{study_id}/{reader}']
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    padded = study_id[1:].ljust(32, '0')
    return {
        **{text or 'nothing': text for text in texts},
        **{f'hash of {text}': digest[:32] for text, digest in zip(texts, digests, strict=True)},
        'id and zeros': padded,
        'zeros and id': study_id[1:].rjust(32, '0'),
    }


def seed_rules(content, kind):
    """The same by drawing what building might have drawn."""
    count, first = len(content['trials']), CHOICES[kind][0]
    cases = count // (2 if kind == 'yes_no' else 1)
    rules = {}
    for name, seed in guessed_seeds(content).items():
        name = name.replace(content['study_id'], 'id')
        drawn = reader_plan.draw_trials(kind, cases, content['reader'], seed, content['study_id'])
        rules[f'plan of {name}'] = [trial.truth == first for trial in drawn]
        by_python = random.Random(seed)
        rules[f'coins of {name}'] = [by_python.random() < 0.5 for _ in range(count)]
        by_numpy = np.random.default_rng(list(seed.encode()))
        rules[f'numpy of {name}'] = (by_numpy.random(count) < 0.5).tolist()
    digits = bin(int(content['study_id'][1:], 16))[2:].zfill(48)
    rules['bits of the id'] = [digits[n % 48] == '1' for n in range(count)]
    return rules


def told(studies):
    """The rules that beat chance, with their p-values."""
    kind = 'yes_no' if studies[0][1][0] in CHOICES['yes_no'] else 'forced_choice'
    hits = {}
    for text, truths in studies:
        content = content_of(text)
        rules = {**picture_rules(text), **place_rules(len(truths)), **seed_rules(content, kind)}
        for name, says in rules.items():
            right = [
                said == (truth == CHOICES[kind][0])
                for said, truth in zip(says, truths, strict=True)
            ]
            hits.setdefault(name, []).append(right)
    found = {}
    for name, right in hits.items():
        half = len(right) // 2
        turned = np.mean(right[:half]) < 0.5
        judged = np.array(right[half:]) != turned
        p = stats.binomtest(int(judged.sum()), judged.size, 0.5, alternative='greater').pvalue
        if p < SIGNIFICANT / len(hits):
            found[name] = p
    return found


def test_no_rule_tells_which_is_real(studies):
    assert told(studies) == {}


def edited(text, change):
    """The page as a careless builder would write it: the pictures of every trial changed."""
    content = content_of(text)
    for number, trial in enumerate(content['trials']):
        trial[-2:] = change(number, trial[-2:])
    before, _, rest = text.partition('id="content">')
    return before + 'id="content">' + json.dumps(content) + rest[rest.index('</script>') :]


def with_a_chunk(encoded):
    png = base64.b64decode(encoded)
    chunk = struct.pack('>I', 1) + b'tEXtx' + struct.pack('>I', zlib.crc32(b'tEXtx'))
    return base64.b64encode(png[:-12] + chunk + png[-12:]).decode()


def test_the_rules_find_a_leak(studies):
    """Were the real MR alone to carry a chunk more, the search would say so at once."""

    def leaky(text, truths):
        def change(number, trial):
            place = CHOICES[kind].index(truths[number])
            real = place if kind == 'forced_choice' else 0 if place == 0 else None
            return [with_a_chunk(p) if n == real else p for n, p in enumerate(trial)]

        kind = 'yes_no' if truths[0] in CHOICES['yes_no'] else 'forced_choice'
        return edited(text, change)

    found = told([(leaky(text, truths), truths) for text, truths in studies])
    assert {'length in the page', 'length of the PNG', 'number of chunks'} <= set(found)


def test_the_rules_find_a_seed_that_follows_from_the_id(studies):
    """Were the plan drawn from the study's id, the search would say so too."""
    kind = 'yes_no' if studies[0][1][0] in CHOICES['yes_no'] else 'forced_choice'
    guessable = []
    for text, truths in studies:
        cases = len(truths) // (2 if kind == 'yes_no' else 1)
        seed = content_of(text)['study_id']
        trials = reader_plan.draw_trials(kind, cases, 'reader_01', seed, seed)
        guessable.append((text, [trial.truth for trial in trials]))
    assert set(told(guessable)) == {'plan of id'}
