"""Pages: templates to self-contained HTML files that open from disk and ask no network."""

import base64
import pathlib

import jinja2

from ct2mr_tf.files import written_whole
from ct2mr_tf.version import VERSION

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader('ct2mr_tf'),
    # A pair may be called anything: nothing in a page is taken for markup but the templates.
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_page(path: pathlib.Path, template: str, **values: object) -> None:
    """Fills a template and writes the page, whole or not at all.

    Args:
        path: of the HTML file.
        template: file name in `ct2mr_tf/templates/`; usually it extends `page.html`.
        values: what the template names; pictures as the text of `data_uri`.

    Raises:
        jinja2.UndefinedError: the template names something that is not given.
        OSError: the place cannot be written to, or the disk is full.
    """
    stream = _ENVIRONMENT.get_template(template).stream(software_version=VERSION, **values)
    with written_whole(path) as temporary, temporary.open('wb') as file:
        # Piece by piece: with its thumbnails a page may have tens of megabytes.
        # A data set's folder may have a name that is no text.
        stream.dump(file, encoding='utf-8', errors='backslashreplace')


def data_uri(picture: bytes, kind: str = 'png') -> str:
    """A picture as an address that holds it: `data:image/<kind>;base64,...`."""
    return f'data:image/{kind};base64,{base64.b64encode(picture).decode("ascii")}'
