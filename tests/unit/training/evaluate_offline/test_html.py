"""The HTML report: what it shows, that it is one whole page, and that no answer can break out of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from contracts.evaluation import Verdict
from tests.unit.training.evaluate_offline.sample_report import HOSTILE, model, sample_report
from training.evaluate.html import render
from training.evaluate.html_plots import Axis, Mark, Row, axis_over, interval_plot
from training.evaluate.html_text import bound, gain, percent, visible
from training.evaluate.records import Comparison, MeasuredReport, Mistake

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Reads a page, and notes every tag that is not closed where it has to be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.broken: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.broken += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.broken.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render(sample_report()))


def test_the_page_is_whole(page: Page) -> None:
    assert page.broken == []
    assert page.tags.count("html") == 1
    assert page.tags.count("svg") == 5  # differences twice, fields, slices, latency


def test_the_page_needs_no_network_and_no_script(page: Page) -> None:
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name in ("src", "href") or name.startswith("on")]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_hostile_texts_stay_texts(page: Page) -> None:
    assert page.text.count('</td><script>alert(1)</script>" onload="x" \\u202eevil\\u0000') >= 4
    raw = render(sample_report())
    assert "<script" not in raw
    assert "\u202e" not in raw
    assert "\x00" not in raw


def test_a_surrogate_can_be_written_to_a_file() -> None:
    mistake = Mistake(id="1", group="", expected="a", got="half \ud83d a sign")
    report = sample_report()
    first = report.models[0].model_copy(update={"mistakes": (mistake,)})
    text = render(report.model_copy(update={"models": (first,)}))
    assert b"half \\ud83d a sign" in text.encode("utf-8")


def test_the_verdict_stands_first_with_its_reasons(page: Page) -> None:
    assert "✗ Fail recall.billing: 0.8 is below the minimum 0.9" in page.text
    assert "✓ Pass Every metric holds" in Page(render(sample_report(Verdict.PASS))).text
    assert "? Inconclusive" in Page(render(sample_report(Verdict.INCONCLUSIVE))).text


def test_the_page_holds_the_figures(page: Page) -> None:
    for words in (
        "95.0 % 91.0 % to 98.0 % at least 90.0 %, no more than 5 points worse",
        "-7.1 points -10.1 to -4.6; baseline 94.0 %",
        "420 ms 400 ms to 470 ms no more than 20 % worse",
        "98.0 % of 100",
        "several dates (40)",
        "99 × stop, 1 × length, 1 × 502 output_invalid",
        "20,100, 3,210",
    ):
        assert words in page.text


def test_the_page_names_what_was_judged_and_by_what(page: Page) -> None:
    for words in (
        "ab" * 32,
        "cd" * 32,
        "0a" * 32,
        "Signed by quality@example.org",
        "Owners quality@example.org, legal@example.org",
        "ticket-triage@0a1b2c3d4e5f on smollm2-135m in int8",
        "Suites typos (50), injection (50)",
        "processor x86_64",
    ):
        assert words in page.text


def test_a_mistake_shows_its_fields_side_by_side(page: Page) -> None:
    assert "row-7 letters Expected and answered, field by field." in page.text
    assert "queue billing billing urgency low high ✗" in page.text
    assert "row-9 504 engine_timeout Expected bug Answered no answer" in page.text


def test_confusion_is_a_table_with_shares(page: Page) -> None:
    assert "Right class billing bug question (none) billing 40 2 bug 25 6 1 question 26" in page.text
    assert ("style", "--share:0.952") in page.attributes


def test_every_table_has_a_caption_and_every_plot_a_name(page: Page) -> None:
    assert page.tags.count("caption") == page.tags.count("table")
    assert page.attributes.count(("role", "img")) == page.tags.count("svg")
    assert not [value for name, value in page.attributes if name == "aria-label" and not value]


def test_hostile_names_stay_names_in_plots() -> None:
    report = sample_report()
    first = report.models[0]
    named = first.model_copy(update={"role": HOSTILE, "by_field": {HOSTILE: first.by_field["queue"]}})
    raw = render(report.model_copy(update={"models": (named,)}))
    assert Page(raw).broken == []
    assert "<script" not in raw
    assert "\u202e" not in raw


def test_equal_reports_give_equal_bytes() -> None:
    assert render(sample_report()) == render(sample_report())


def test_figures_without_a_specification_have_no_verdict() -> None:
    report = MeasuredReport(
        task="t",
        task_version="v",
        data_sha256="ef" * 32,
        records=100,
        concurrency=1,
        models=(model("", 0), model("baseline", 9)),
        comparisons=(Comparison(model="a", other=HOSTILE, difference=0.02, low=-0.01, high=0.05),),
    )
    page = Page(render(report))
    assert page.broken == []
    assert "so there is no verdict" in page.text
    assert "+2.0 points (-1.0 to +5.0)" in page.text


def test_a_report_without_models_is_a_page_too() -> None:
    empty = sample_report(Verdict.INCONCLUSIVE).model_copy(
        update={"models": (), "metrics": (), "reasons": ()}
    )
    assert Page(render(empty)).broken == []


def test_an_interval_lies_where_its_numbers_say() -> None:
    plot = interval_plot(
        [Row("a<b", (Mark(0.5, 0.25, 0.75, "candidate", "half"),))], Axis(0, 1, percent), "t"
    )
    assert "a&lt;b" in plot
    assert re.search(r'<line x1="325" x2="515"', plot)
    assert '<circle cx="420"' in plot


def test_an_axis_of_shares_stays_within_them() -> None:
    axis = axis_over([0.4, 1.0], percent)
    assert (axis.low < 0.4, axis.high) == (True, 1.0)


@pytest.mark.parametrize(
    ("share", "words"),
    [(None, "–"), (1, "100.0 %"), (0.99974, "99.97 %"), (0.0002, "0.02 %"), (0.5, "50.0 %")],
)
def test_a_share_near_an_end_is_not_rounded_to_it(share: float | None, words: str) -> None:
    assert percent(share) == words


def test_words_around_numbers() -> None:
    assert (gain(-0.0001), gain(0.05), gain(None)) == ("0.0", "+5.0", "–")
    assert bound(sample_report().metrics[3]) == "no more than 20 % worse"
    assert visible("x" * 3100).endswith("… and 100 more characters")
