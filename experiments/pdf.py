"""The report as PDF: the same page, set by WeasyPrint, tagged for screen readers (PDF/UA).

WeasyPrint is the extra ``pdf``; it needs the text library Pango of the system.
"""

from __future__ import annotations

import logging
import re
from typing import Any

#: the part of the page that the first two printed pages have to end before
ANNEX = "annex"
#: how closely the first two pages can be set (classes of the style sheet)
TIGHTNESS = (0, 1, 2)

INSTALL = (
    "pip install 'countersmuggling[pdf]', and the text library Pango (Debian and Ubuntu: apt-get install libpango-1.0-0 "
    "libpangoft2-1.0-0 libharfbuzz-subset0; Fedora: dnf install pango; macOS: brew install pango)"
)


class NoPdf(RuntimeError):
    """PDF cannot be made here; the message says what to install."""


def _weasyprint() -> Any:
    try:
        import weasyprint
    except ImportError:
        raise NoPdf(f"PDF needs WeasyPrint, which is not installed: {INSTALL}; or print report.html from a browser") from None
    except OSError as error:
        raise NoPdf(f"PDF needs the text library Pango, which WeasyPrint does not find: {INSTALL} ({error})") from None
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)  # it warns of what only browsers understand
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    return weasyprint


def check() -> None:
    """Raise `NoPdf` when PDF cannot be made here."""
    _weasyprint()


def pdf_of(html: str) -> bytes:
    """A page of the report as PDF.

    The first two pages of the main report are set closer where they would not be two, and a stakeholder's page where it
    would not be one.

    Raises
    ------
    NoPdf
        When WeasyPrint or Pango is not there.
    """
    weasyprint = _weasyprint()
    document = None
    for tight in _tightness(html):
        closer = re.sub(r'<body class="tight-\d">', f'<body class="tight-{tight}">', html, count=1)
        document = weasyprint.HTML(string=closer).render(pdf_variant="pdf/ua-1")
        annex = page_of(document, ANNEX)
        if annex == 2 or (annex is None and len(document.pages) == 1):
            break
    assert document is not None
    content: bytes = document.write_pdf(pdf_variant="pdf/ua-1")
    return content


def _tightness(html: str) -> tuple[int, ...]:
    found = re.search(r'<body class="tight-(\d)">', html)
    return TIGHTNESS[int(found[1]) :] if found else (0,)


def page_of(document: Any, anchor: str) -> int | None:
    """Number of the page, from 0, on which a part begins; None where there is no such part."""
    return next((n for n, page in enumerate(document.pages) if anchor in page.anchors), None)
