"""Where an invoice comes from: language, currencies, and how that place writes numbers and dates."""

from __future__ import annotations

from dataclasses import dataclass

from training.data.invoices.languages.dutch import DUTCH
from training.data.invoices.languages.english import ENGLISH
from training.data.invoices.languages.french import FRENCH
from training.data.invoices.languages.german import GERMAN
from training.data.invoices.languages.italian import ITALIAN
from training.data.invoices.languages.portuguese import PORTUGUESE
from training.data.invoices.languages.spanish import SPANISH
from training.data.invoices.languages.words import Words

POINT = ("1,248.50", "1,248.50", "1,248.50", "1248.50")
"""Number forms, each named by how it writes 1248.5; one that is repeated is drawn more often."""
COMMA = ("1.248,50", "1.248,50", "1.248,50", "1248,50")
SPACE = ("1 248,50", "1 248,50", "1\u00a0248,50", "1\u202f248,50", "1248,50")
SWISS = ("1'248.50", "1'248.50", "1’248.50", "1248.50", "1 248.50")

DAY_FIRST = (
    "{dd}/{mm}/{year}",
    "{dd}/{mm}/{year}",
    "{day}/{month_number}/{year}",
    "{dd}-{mm}-{year}",
    "{dd}/{mm}/{yy}",
)
DOTTED = ("{dd}.{mm}.{year}", "{dd}.{mm}.{year}", "{day}.{month_number}.{year}", "{dd}.{mm}.{yy}")
MONTH_FIRST = (
    "{mm}/{dd}/{year}",
    "{mm}/{dd}/{year}",
    "{month_number}/{day}/{year}",
    "{mm}-{dd}-{year}",
    "{mm}/{dd}/{yy}",
)


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO code, the signs that are printed for it, and how many decimals it has."""

    code: str
    signs: tuple[str, ...] = ()
    decimals: int = 2


@dataclass(frozen=True, slots=True)
class Locale:
    """One place. `weight` is how often it is drawn.

    `tax_labels`, `forms` and `cities` replace the language's own.
    """

    name: str
    words: Words
    currencies: tuple[Currency, ...]
    numbers: tuple[str, ...]
    numeric_dates: tuple[str, ...]
    tax_percents: tuple[float, ...]
    weight: int
    tax_labels: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()


USD = Currency("USD", ("$", "US$"))
EUR = Currency("EUR", ("€",))
GBP = Currency("GBP", ("£",))
CHF = Currency("CHF", ("CHF", "Fr.", "SFr."))
JPY = Currency("JPY", ("¥", "JPY"), decimals=0)
AUD = Currency("AUD", ("A$", "AU$"))
INR = Currency("INR", ("₹", "Rs."))
CAD = Currency("CAD", ("CA$", "C$"))
MXN = Currency("MXN", ("MXN", "Mex$"))
BRL = Currency("BRL", ("R$",))

_US_FORMS = ("Inc.", "LLC", "Corp.", "Co.", "Inc", "LLP", "", "", "", "")
_US_CITIES = (
    "Portland, OR 97204",
    "Austin, TX 78701",
    "Albany, NY 12207",
    "Boise, ID 83702",
    "Columbus, OH 43215",
)
_UK_FORMS = ("Ltd", "Ltd", "Limited", "plc", "LLP", "", "", "")
_UK_CITIES = ("Leeds LS1 4DY", "Bristol BS1 5TR", "Glasgow G2 1AL", "London EC2A 4NE", "Norwich NR1 3JU")

LOCALES = (
    Locale(
        "en-US",
        ENGLISH,
        (USD,),
        POINT,
        MONTH_FIRST,
        (0, 4.5, 6, 7.25, 8.875),
        26,
        ("Sales tax", "Tax", "State tax"),
        _US_FORMS,
        _US_CITIES,
    ),
    Locale(
        "en-GB",
        ENGLISH,
        (GBP, GBP, EUR),
        POINT,
        DAY_FIRST,
        (0, 5, 20, 20),
        14,
        ("VAT", "VAT 20%", "VAT @ 20%"),
        _UK_FORMS,
        _UK_CITIES,
    ),
    Locale(
        "en-IE",
        ENGLISH,
        (EUR,),
        POINT,
        DAY_FIRST,
        (13.5, 23),
        8,
        ("VAT", "VAT 23%"),
        ("Ltd", "Limited", "DAC", "", ""),
        ("Dublin 2", "Cork T12 X8F2", "Galway H91 E2K3"),
    ),
    Locale(
        "en-AU",
        ENGLISH,
        (AUD,),
        POINT,
        DAY_FIRST,
        (10,),
        4,
        ("GST", "GST 10%"),
        ("Pty Ltd", "Pty Ltd", "Limited", "", ""),
        ("Perth WA 6000", "Sydney NSW 2000", "Hobart TAS 7000"),
    ),
    Locale(
        "en-IN",
        ENGLISH,
        (INR,),
        ("1,248.50", "12,34,248.50"),
        DAY_FIRST,
        (5, 12, 18),
        4,
        ("GST", "IGST", "CGST+SGST"),
        ("Pvt. Ltd.", "Private Limited", "LLP", "", ""),
        ("Mumbai 400001", "Bengaluru 560001", "New Delhi 110001"),
    ),
    Locale(
        "en-JP",
        ENGLISH,
        (JPY,),
        POINT,
        ("{year}/{mm}/{dd}",),
        (8, 10),
        4,
        ("Consumption tax", "Tax"),
        ("K.K.", "Co., Ltd.", "", ""),
        ("Tokyo 100-0005", "Osaka 530-0001"),
    ),
    Locale("de-DE", GERMAN, (EUR,), COMMA, DOTTED, (7, 19, 19), 11),
    Locale("de-AT", GERMAN, (EUR,), COMMA, DOTTED, (10, 20), 3),
    Locale("de-CH", GERMAN, (CHF,), SWISS, DOTTED, (2.6, 8.1), 5),
    Locale("fr-FR", FRENCH, (EUR,), SPACE, DAY_FIRST, (5.5, 20, 20), 10),
    Locale("fr-CH", FRENCH, (CHF,), SWISS, DOTTED, (2.6, 8.1), 3),
    Locale("fr-CA", FRENCH, (CAD,), SPACE, ("{year}-{mm}-{dd}",), (5, 14.975), 2),
    Locale("es-ES", SPANISH, (EUR,), COMMA, DAY_FIRST, (10, 21, 21), 8),
    Locale("es-MX", SPANISH, (MXN, USD), POINT, DAY_FIRST, (16,), 3),
    Locale("it-IT", ITALIAN, (EUR,), COMMA, DAY_FIRST, (4, 10, 22), 9),
    Locale(
        "nl-NL",
        DUTCH,
        (EUR,),
        COMMA,
        ("{dd}-{mm}-{year}", "{dd}-{mm}-{year}", "{dd}/{mm}/{year}", "{dd}-{mm}-{yy}"),
        (9, 21),
        9,
    ),
    Locale("pt-PT", PORTUGUESE, (EUR,), COMMA, DAY_FIRST, (6, 23), 4),
    Locale("pt-BR", PORTUGUESE, (BRL,), COMMA, DAY_FIRST, (5, 18), 2),
)
