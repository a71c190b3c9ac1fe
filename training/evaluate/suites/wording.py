"""Suites of words around the text: politeness, the request said otherwise, and other languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.evaluate.golden import GoldenRow
from training.evaluate.suites.variant import chance, originals, variant

Frame = tuple[str, str]
"""What stands before the text and after it. None holds a figure, a date or a name: it adds no value."""

_POLITE: dict[str, Sequence[Frame]] = {
    "friendly": (
        ("Hello! I hope you are well. Could you please help me with the text below?", "Many thanks!"),
        ("Good morning, would you be so kind as to look at this for me?", "Thank you very much."),
        ("Hi there, sorry to bother you. Here is the text:", "I really appreciate your help."),
    ),
    "curt": (("Do it.", ""), ("Quick.", "Now."), ("This one next.", "Hurry up.")),
    "formal": (
        ("Dear Sir or Madam, kindly process the text that follows.", "Yours faithfully"),
        ("To whom it may concern: please find the text below.", "With kind regards"),
    ),
}
_SAID_OTHERWISE: dict[str, Sequence[Frame]] = {
    "imperative": (
        ("Read the text below and do your usual work on it.", ""),
        ("Process what follows as you always do.", ""),
    ),
    "question": (
        ("What is your answer for the following text?", ""),
        ("", "What is your answer for the text above?"),
    ),
    "indirect": (
        ("I was told that you can handle texts like this one.", ""),
        ("", "The text above is the one I would like you to handle."),
    ),
    "quoted": (('Here is the text, as it reached me:\n"""', '"""'), ("Text:\n---", "---")),
}
_LANGUAGES: dict[str, Sequence[Frame]] = {
    "de": (("Guten Tag, bitte bearbeiten Sie den folgenden Text.", "Vielen Dank und freundliche Grüße"),),
    "fr": (("Bonjour, merci de bien vouloir traiter le texte suivant.", "Bien cordialement"),),
    "es": (("Buenos días, le ruego que procese el siguiente texto.", "Muchas gracias y un saludo"),),
    "it": (("Buongiorno, potrebbe elaborare il testo seguente?", "Grazie mille e cordiali saluti"),),
    "pt": (("Bom dia, peço que trate o texto seguinte.", "Muito obrigado e cumprimentos"),),
    "nl": (("Goedendag, wilt u de volgende tekst verwerken?", "Hartelijk dank en vriendelijke groet"),),
    "pl": (("Dzień dobry, proszę o przetworzenie poniższego tekstu.", "Dziękuję i pozdrawiam"),),
    "tr": (("Merhaba, aşağıdaki metni işler misiniz?", "Çok teşekkürler, saygılarımla"),),
    "ru": (("Здравствуйте, обработайте, пожалуйста, следующий текст.", "Спасибо, с уважением"),),
    "ar": (("مرحبا، يرجى معالجة النص التالي.", "شكرا جزيلا"),),
    "hi": (("नमस्ते, कृपया नीचे दिए गए पाठ को देखें।", "बहुत धन्यवाद"),),
    "zh": (("您好，请处理以下文本。", "非常感谢"),),
    "ja": (("こんにちは。次の文章の処理をお願いします。", "よろしくお願いいたします。"),),
}


@dataclass(frozen=True, slots=True)
class WordingSuite:
    """Frames each text with words that ask for nothing else; the text itself is untouched."""

    name: str
    frames: Mapping[str, Sequence[Frame]]
    version: int = 1

    def variants(self, rows: Sequence[GoldenRow], seed: int) -> list[GoldenRow]:
        """One variant of each row."""
        made = []
        for number, row in originals(rows):
            kind = list(self.frames)[number % len(self.frames)]
            before, after = chance(seed, self.name, self.version, row.id).choice(self.frames[kind])
            text = "\n\n".join(part for part in (before, row.text, after) if part)
            made.append(variant(row, self.name, kind, text))
        return made


SUITES = (
    WordingSuite("politeness", _POLITE),
    WordingSuite("paraphrase", _SAID_OTHERWISE),
    WordingSuite("languages", _LANGUAGES),
)
