"""Published numbers hang together with each other."""

import re

from ct2mr_tf.evaluation.metrics import PAPER_PSNR_OFFSET_DB
from ct2mr_tf.evaluation.published import PUBLISHED


def test_the_papers_psnr_is_the_printed_one_without_the_offset():
    paper = PUBLISHED[0]
    assert round(64.92 - PAPER_PSNR_OFFSET_DB, 2) == paper.psnr_db
    assert '64.92' in paper.remark


def test_no_psnr_is_higher_than_the_error_allows():
    """The mean square is at least the square of the mean: PSNR <= 20 log10(255 / MAE)."""
    for result in PUBLISHED:
        if result.mae is not None:
            assert 10 ** (result.psnr_db / 20) <= 255 / result.mae


def test_every_work_can_be_looked_up():
    for result in PUBLISHED:
        assert re.search(r'doi:10\.\d{4,}/\S+|J Korean Neurosurg Soc 2020|".{40,}"', result.source)
        assert re.match('[A-Za-z]', result.work)
