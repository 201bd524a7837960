"""Fonts of figures: names of items and pairs may be written in Korean, Chinese or Japanese.

matplotlib brings DejaVu Sans, which has the letters of Europe, among others. What it lacks is drawn
letter by letter in the first of FALLBACKS that is installed; without any, as boxes.
"""

import contextlib

import matplotlib
from matplotlib import font_manager

FIRST = 'DejaVu Sans'
"""The font of figures; it comes with matplotlib."""

FALLBACKS = (
    'Noto Sans CJK KR',
    'Noto Sans CJK JP',  # the same letters: the name by which older matplotlib knows the file
    'Noto Sans KR',
    'NanumGothic',
    'Malgun Gothic',
    'Apple SD Gothic Neo',
    'AppleGothic',
)
"""Fonts with Hangul, as Linux, Windows and macOS have them; most have Chinese and kana too."""

SETTINGS = matplotlib.RcParams(
    {'font.family': [FIRST, 'sans-serif'], 'font.sans-serif': [*FALLBACKS, FIRST]}
)
"""matplotlib's settings. Of `sans-serif` it takes the first installed, and passes over the rest
without a warning for each; named in `font.family`, each would have one."""


def without_glyph(text: str) -> str:
    """The letters of a text that figures cannot show, each once, in the order in which they come.

    Where there are any, fonts that were installed since matplotlib last listed them are added to
    its list: figures drawn afterwards have them.
    """
    missing = _without_glyph(text)
    if missing:
        _add_new_fonts()
        missing = _without_glyph(missing)
    return missing


def _without_glyph(text: str) -> str:
    with matplotlib.rc_context(SETTINGS):
        families = [font_manager.FontProperties(family=[name]) for name in SETTINGS['font.family']]
        paths = [font_manager.findfont(family) for family in families]
    known = set().union(*(font_manager.get_font(path).get_charmap() for path in paths))
    return ''.join(letter for letter in dict.fromkeys(text) if ord(letter) not in known)


def _add_new_fonts() -> None:
    """Adds to matplotlib's list of fonts, which it keeps on disk and never renews, the new ones."""
    listed = {font.fname for font in font_manager.fontManager.ttflist}
    for path in sorted({*font_manager.findSystemFonts()} - listed):
        with contextlib.suppress(OSError, RuntimeError, ValueError, LookupError):  # unreadable
            font_manager.fontManager.addfont(path)
