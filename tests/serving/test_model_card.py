"""The card: there and back, what it says, and what is said of a text that is none."""

import dataclasses
import json

import pytest

from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.problems import UserError
from ct2mr_tf.serving.model_card import ModelCard


def test_there_and_back(tiny_card):
    assert ModelCard.from_json(tiny_card.to_json(), 'a card') == tiny_card
    assert ModelCard.from_json(tiny_card.to_json().encode(), 'a card') == tiny_card


def test_what_it_says(tiny_card):
    content = json.loads(tiny_card.to_json())
    assert content['warning'] == 'Not for diagnosis'
    assert content['ct_window'] == {'low_hu': -200, 'high_hu': 600}
    assert content['picture'] == {'height': 32, 'width': 40}
    assert content['crop']['ct_plane'] == 'slice'
    assert 'thecal sac' in content['crop']['rule']
    assert content['validation'] == {'mae': 12.5, 'pearson': None}
    assert content['limits'] == {'smallest_side': 12, 'largest_side': 64, 'side_multiple': 4}


def test_a_later_version_may_say_more(tiny_card):
    content = json.loads(tiny_card.to_json())
    content['colour'] = 'grey'
    content['limits']['depth'] = 3
    assert ModelCard.from_json(json.dumps(content), 'a card') == tiny_card


def problems_of(text):
    with pytest.raises(UserError) as caught:
        ModelCard.from_json(text, 'a card')
    return caught.value.problems


@pytest.mark.parametrize('text', ['', '{', b'\xff', '[' * 100_000, '[]', '"card"', 'null'])
def test_a_text_that_is_no_card(text):
    (problem,) = problems_of(text)
    assert problem.where == 'a card'
    assert 'JSON' in problem.found


def test_all_that_is_wrong_at_once(tiny_card):
    content = json.loads(tiny_card.to_json())
    del content['name']
    del content['ct_window']['low_hu']
    content['picture']['height'] = '32'
    content['limits'] = 64
    content['checkpoint']['step'] = True
    assert {problem.where: problem.found for problem in problems_of(json.dumps(content))} == {
        'a card, name': 'nothing',
        'a card, ct_window, low_hu': 'nothing',
        'a card, picture, height': "'32'",
        'a card, limits': '64',
        'a card, checkpoint, step': 'True',
    }


def test_a_window_that_is_none(tiny_card):
    turned = dataclasses.replace(tiny_card, ct_window=Window(0, 1)).to_json()
    (problem,) = problems_of(turned.replace('"high_hu": 1', '"high_hu": -1'))
    assert 'must rise' in problem.found


def test_a_window_beyond_all_numbers(tiny_card):
    """JSON's integers may have any number of digits."""
    content = json.loads(tiny_card.to_json())
    content['ct_window']['low_hu'] = -(10**400)
    (problem,) = problems_of(json.dumps(content))
    assert problem.where == 'a card, ct_window'


def test_numbers_that_json_has_not(tiny_card):
    """A card is read by other languages too: NaN would be no JSON."""
    with pytest.raises(ValueError, match='not JSON compliant'):
        dataclasses.replace(tiny_card, validation={'mae': float('nan')}).to_json()
