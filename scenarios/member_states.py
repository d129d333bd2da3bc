"""The 27 Member States of the European Union by ISO 3166-1 alpha-3 code."""

from types import MappingProxyType
from typing import Final

MEMBER_STATES: Final = MappingProxyType(
    {
        "AUT": "Austria",
        "BEL": "Belgium",
        "BGR": "Bulgaria",
        "CYP": "Cyprus",
        "CZE": "Czechia",
        "DEU": "Germany",
        "DNK": "Denmark",
        "ESP": "Spain",
        "EST": "Estonia",
        "FIN": "Finland",
        "FRA": "France",
        "GRC": "Greece",
        "HRV": "Croatia",
        "HUN": "Hungary",
        "IRL": "Ireland",
        "ITA": "Italy",
        "LTU": "Lithuania",
        "LUX": "Luxembourg",
        "LVA": "Latvia",
        "MLT": "Malta",
        "NLD": "Netherlands",
        "POL": "Poland",
        "PRT": "Portugal",
        "ROU": "Romania",
        "SVK": "Slovakia",
        "SVN": "Slovenia",
        "SWE": "Sweden",
    }
)
"""ISO 3166-1 alpha-3 code -> short English name."""

_ALPHA2: Final = MappingProxyType(
    {
        "AT": "AUT", "BE": "BEL", "BG": "BGR", "CY": "CYP", "CZ": "CZE", "DE": "DEU", "DK": "DNK", "ES": "ESP",
        "EE": "EST", "FI": "FIN", "FR": "FRA", "GR": "GRC", "EL": "GRC", "HR": "HRV", "HU": "HUN", "IE": "IRL",
        "IT": "ITA", "LT": "LTU", "LU": "LUX", "LV": "LVA", "MT": "MLT", "NL": "NLD", "PL": "POL", "PT": "PRT",
        "RO": "ROU", "SK": "SVK", "SI": "SVN", "SE": "SWE",
    }
)  # fmt: skip


def guess_member_state(text: str) -> str | None:
    """The Member State that ``text`` probably means when it is an alpha-2 code (``EL`` too) or an English name."""
    wanted = text.strip()
    if wanted.upper() in _ALPHA2:
        return _ALPHA2[wanted.upper()]
    return next((code for code, name in MEMBER_STATES.items() if name.lower() == wanted.lower()), None)
