"""Tickets in German and Dutch."""

# ruff: noqa: E501 - a template is one line

from training.data.tickets.phrasing import Intent, Queue

GERMAN = {
    Queue.BILLING: Intent(
        "de",
        train=(
            "[Mir wurde|Es wurde] {amount} doppelt [abgebucht|berechnet] [für Bestellung {order}|diesen Monat].",
            "[Wann kommt|Wo bleibt] meine Rückerstattung [von {amount}|für {order}]?",
            "[Bitte schicken Sie mir|Ich brauche] die Rechnung [für Bestellung {order}|vom letzten Monat].",
            "Ich möchte mein {plan}-Abo kündigen, [bitte nicht mehr abbuchen|bevor es sich verlängert].",
        ),
        heldout=(
            "Auf meinem Kontoauszug stehen {amount} von Ihnen, die ich nicht zuordnen kann.",
            "Die Umsatzsteuer auf der letzten Rechnung ist falsch, bitte korrigieren.",
        ),
    ),
    Queue.SHIPPING: Intent(
        "de",
        train=(
            "Wo ist mein Paket [{order}|mit der Nummer {tracking}]? [Es bewegt sich seit Tagen nicht|Ich warte seit {n} Wochen].",
            "Das Paket kam [beschädigt|völlig durchnässt|zerdrückt] an, [der Artikel ist kaputt|bitte Ersatz schicken].",
            "Ich habe [das falsche Produkt|die falsche Größe] [erhalten|bekommen], wie kann ich es zurückschicken?",
            "Bitte [ändern Sie die Lieferadresse|liefern Sie {order}] [nach {city}|an meinen Nachbarn].",
        ),
        heldout=(
            "Laut Sendungsverfolgung zugestellt, aber bei mir liegt nichts.",
            "In der Lieferung fehlt die Hälfte, nur ein Teil war im Karton.",
        ),
    ),
    Queue.TECHNICAL: Intent(
        "de",
        train=(
            "Die App [stürzt ständig ab|lässt sich nicht öffnen|friert ein] [seit dem Update|auf meinem {device}].",
            "Beim [Speichern|Hochladen|Start] kommt die Fehlermeldung {error}.",
            "Das Gerät [geht nicht mehr an|verbindet sich nicht mit dem WLAN].",
        ),
        heldout=("Seit Version {version} werden meine Notizen nicht mehr zwischen den Geräten abgeglichen.",),
    ),
    Queue.ACCOUNT: Intent(
        "de",
        train=(
            "Ich habe mein Passwort vergessen und [der Link funktioniert nicht|bekomme keine Mail].",
            "[Bitte löschen Sie mein Konto {email}|Ich möchte mein Konto und alle Daten löschen lassen].",
            "Mein Zugang ist gesperrt, [bitte freischalten|warum]?",
        ),
        heldout=("Ich komme nicht mehr rein, weil der Code an meine alte Handynummer geht.",),
    ),
    Queue.OTHER: Intent(
        "de",
        train=(
            "[Haben Sie|Gibt es] [offene Stellen|Praktika] in {city}?",
            "Ich wollte [mich nur bedanken|Sie nur loben], [alles bestens|tolles Produkt].",
            "Wann hat Ihr Laden in {city} geöffnet?",
        ),
        heldout=("Wir sind ein Verein aus {city} und suchen Sponsoren für unser Sommerfest.",),
    ),
}

DUTCH = {
    Queue.BILLING: Intent(
        "nl",
        train=(
            "Er is twee keer {amount} afgeschreven [voor bestelling {order}|deze maand].",
            "Wanneer krijg ik mijn geld terug [voor {order}|na de retour]?",
        ),
        heldout=("Ik mis de factuur van vorige maand voor onze boekhouding.",),
    ),
    Queue.SHIPPING: Intent(
        "nl",
        train=(
            "Waar blijft mijn pakket [{order}|van {n} weken geleden]?",
            "Het product kwam [kapot|beschadigd] aan.",
        ),
        heldout=("De bezorger was er volgens de app, maar er is niemand geweest.",),
    ),
    Queue.TECHNICAL: Intent(
        "nl",
        train=(
            "De app [crasht|loopt vast] [op mijn {device}|sinds de update].",
            "Ik krijg foutmelding {error} bij het [opslaan|starten].",
        ),
        heldout=("De website laadt niet in {browser}, het scherm blijft wit.",),
    ),
    Queue.ACCOUNT: Intent(
        "nl",
        train=(
            "Ik ben mijn wachtwoord vergeten en [de mail komt niet|de link werkt niet].",
            "Verwijder mijn account [{email}|en alle gegevens].",
        ),
        heldout=("Ik kan niet meer inloggen, mijn account is geblokkeerd.",),
    ),
    Queue.OTHER: Intent(
        "nl",
        train=(
            "Hoe laat gaat de winkel in {city} open?",
            "Ik wilde alleen even bedanken, [top|heel blij mee]!",
        ),
        heldout=("Zijn er vacatures of stages in {city}?",),
    ),
}
