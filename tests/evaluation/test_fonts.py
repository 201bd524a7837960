"""Fonts of figures: which letters can be drawn, and a font that matplotlib has not listed yet."""

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib.tables._g_l_y_f import Glyph

from ct2mr_tf.evaluation import fonts

WORD = '디스크'

DRAWS = """
import pathlib, sys, warnings
from matplotlib import font_manager
own = [font for font in font_manager.fontManager.ttflist if font.name == 'DejaVu Sans']
font_manager.fontManager.ttflist = own  # whatever this machine has
font_manager.findSystemFonts = lambda: sys.argv[2:]
from matplotlib.figure import Figure
from ct2mr_tf.evaluation import fonts, report_figures
sys.stdout.reconfigure(encoding='utf-8')
print(fonts.without_glyph('Disc 디스크 디스크'))
with report_figures.matplotlib.rc_context(report_figures.STYLE):
    figure = Figure()
    figure.text(0.5, 0.5, 'Disc 디스크')
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter('always')
    report_figures.save_figure(figure, pathlib.Path(sys.argv[1]), 'figure')
print(sum('missing from font' in message for message in {str(one.message) for one in said}))
"""


@pytest.fixture(scope='module')
def font_file(tmp_path_factory):
    """A font with the letters of WORD and no others."""
    builder = FontBuilder(1000, isTTF=True)
    names = {letter: f'uni{ord(letter):04X}' for letter in WORD}
    builder.setupGlyphOrder(['.notdef', *names.values()])
    builder.setupCharacterMap({ord(letter): name for letter, name in names.items()})
    builder.setupGlyf(dict.fromkeys(builder.font.getGlyphOrder(), Glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(builder.font.getGlyphOrder(), (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({'familyName': 'NanumGothic', 'styleName': 'Regular'})
    builder.setupOS2()
    builder.setupPost()
    path = tmp_path_factory.mktemp('fonts') / 'a font.ttf'
    builder.save(path)
    return path


def drawn(command, folder, *installed):
    """What a process with these fonts besides matplotlib's says: the letters, and the warnings."""
    done = command('-c', DRAWS, folder, *installed, encoding='utf-8')
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_without_a_font_the_letters_are_named(command, tmp_path):
    assert drawn(command, tmp_path) == [WORD, '3']


def test_a_font_of_which_matplotlib_does_not_know_yet(command, tmp_path, font_file):
    broken = tmp_path / 'broken.ttf'
    broken.write_bytes(font_file.read_bytes()[:100])
    assert drawn(command, tmp_path, broken, font_file) == ['', '0']


def test_what_matplotlibs_own_font_has_needs_no_other():
    assert fonts.without_glyph('Ödem, Größe: 5 µm ± 2, Ελληνικά, Русский − 𒀀a𒀀') == '𒀀'
