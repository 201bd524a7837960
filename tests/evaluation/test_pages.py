"""Pages are filled whole, and nothing that is given is taken for markup."""

import base64

import jinja2
import pytest

from ct2mr_tf.evaluation import pages


@pytest.fixture
def template(monkeypatch):
    """Sets the text of a template that extends the frame of all pages."""

    def set_text(content):
        environment = pages._ENVIRONMENT.overlay()
        text = "{% extends 'page.html' %}{% block title %}T{% endblock %}"
        text += '{% block content %}' + content + '{% endblock %}'
        loader = jinja2.ChoiceLoader([jinja2.DictLoader({'one.html': text}), environment.loader])
        environment.loader = loader
        monkeypatch.setattr(pages, '_ENVIRONMENT', environment)

    return set_text


def test_what_is_given_is_text(template, tmp_path):
    template('<p title="{{ name }}">{{ name }}</p>')
    pages.write_page(tmp_path / 'page.html', 'one.html', name='"><script>alert(1)</script>')
    page = (tmp_path / 'page.html').read_text(encoding='utf-8')
    assert '<script>alert' not in page
    assert '&lt;script&gt;alert(1)&lt;/script&gt;' in page
    assert page.startswith('<!doctype html>')
    assert 'not for diagnosis' in page


def test_the_frame_allows_nothing_from_outside(template, tmp_path):
    template('')
    pages.write_page(tmp_path / 'page.html', 'one.html')
    page = (tmp_path / 'page.html').read_text(encoding='utf-8')
    assert "default-src 'none'; img-src data:;" in page
    assert 'http://' not in page and 'https://' not in page


def test_a_page_that_cannot_be_filled_is_not_written(template, tmp_path):
    template('{{ known }} {{ forgotten }}')
    with pytest.raises(jinja2.UndefinedError, match='forgotten'):
        pages.write_page(tmp_path / 'page.html', 'one.html', known='x')
    assert list(tmp_path.iterdir()) == []


def test_pictures_in_a_page():
    kind, _, text = pages.data_uri(b'\x89PNG\xff').partition(',')
    assert kind == 'data:image/png;base64'
    assert base64.b64decode(text) == b'\x89PNG\xff'


def test_a_name_that_is_no_text_is_written_all_the_same(template, tmp_path):
    template('<p>{{ name }}</p>')
    pages.write_page(tmp_path / 'page.html', 'one.html', name='M\udcfcller')
    assert r'<p>M\udcfcller</p>' in (tmp_path / 'page.html').read_text(encoding='utf-8')
