import numpy as np

from ct2mr_tf.data import overviews
from ct2mr_tf.data.examples import write_pair
from ct2mr_tf.data.overviews import Tile
from ct2mr_tf.evaluation.figures import GAP, TEXT_HEIGHT


def square_picture(size=256):
    """A bright square of half the size in the middle."""
    picture = np.full((size, size), 20, np.uint8)
    picture[size // 4 : 3 * size // 4, size // 4 : 3 * size // 4] = 220
    return picture


def test_checkerboard_shows_ct_and_mr_in_turn_each_at_its_place():
    ct, mr = (np.arange(256, dtype=np.uint8).reshape(16, 16) // 2 + offset for offset in (0, 128))
    board = overviews.checkerboard(ct, mr)
    assert (board[:2, :2] == ct[:2, :2]).all() and (board[:2, 2:4] == mr[:2, 2:4]).all()
    assert (board[2:4, :2] == mr[2:4, :2]).all() and (board[14:, 14:] == ct[14:, 14:]).all()
    assert (board < 128).mean() == 0.5


def test_edges_of_the_ct_lie_on_the_mr_where_the_ct_has_them():
    picture = overviews.with_edges(square_picture(), np.zeros((256, 256), np.uint8))
    y, x = np.nonzero((picture == overviews.EDGE_COLOUR).all(axis=-1))
    from_edges = [np.abs(place[:, np.newaxis] - [64, 192]).min(axis=1) for place in (y, x)]
    assert len(y) > 400
    assert np.minimum(*from_edges).max() <= 2
    assert (picture[128, 128] == overviews.CENTRE_COLOUR).all()


def test_overview_holds_ct_mr_checkerboard_and_edges_beside_each_other():
    ct = square_picture()
    mr = 255 - ct
    picture = overviews.pair_overview(ct, mr, 'a pair', ['a note'])
    assert picture.shape == (3 * TEXT_HEIGHT + 256, 4 * 256 + 3 * GAP, 3)
    row = picture[2 * TEXT_HEIGHT : -TEXT_HEIGHT]
    assert (row[:, :256, 0] == ct).all()
    assert (row[:, 256 + GAP : 2 * 256 + GAP, 1] == mr).all()


def test_small_pairs_are_enlarged_by_whole_factors():
    picture = overviews.pair_overview(square_picture(40), square_picture(40), 'a pair')
    assert picture.shape[0] == 2 * TEXT_HEIGHT + 200  # five times 40, the first above 192


def test_contact_sheet_shows_each_pair_in_its_cell(tmp_path):
    paths = []
    for number in range(overviews.SHEET_COLUMNS + 1):
        ct, mr = np.full((64, 64), number, np.uint8), np.full((64, 64), 100 + number, np.uint8)
        paths.append(tmp_path / f'pair_{number}.png')
        write_pair(paths[-1], ct, mr)
    sheet = overviews.contact_sheet(paths)
    side = overviews.THUMBNAIL_SIDE
    assert sheet.shape == (
        2 * (side + TEXT_HEIGHT),
        overviews.SHEET_COLUMNS * (2 * side + GAP) - GAP,
    )
    assert (sheet[:side, :side] == 0).all() and (sheet[:side, side : 2 * side] == 100).all()
    second = 2 * side + GAP
    assert (sheet[:side, second : second + side] == 1).all()
    below = side + TEXT_HEIGHT
    assert (sheet[below : below + side, :side] == overviews.SHEET_COLUMNS).all()
    assert (sheet[below : below + side, second:] == 255).all()


def test_a_grid_is_no_wider_than_its_tiles_and_may_have_a_title():
    tiles = [Tile(np.full((30, 40), grey, np.uint8), 'name') for grey in (7, 9)]
    plain, titled = overviews.grid(tiles, 6), overviews.grid(tiles, 6, 'a title')
    assert plain.shape == (30 + TEXT_HEIGHT, 2 * 40 + GAP)
    assert (titled[TEXT_HEIGHT:] == plain).all()
    assert titled[:TEXT_HEIGHT].min() < 128
