"""Something does not work: apps, sites, devices, connections, interfaces, updates, files."""

# ruff: noqa: E501 - a template is one line

from training.data.tickets.phrasing import Intent

PLAIN = (
    Intent(
        "crash",
        train=(
            "The app [crashes|closes|freezes] [every time I open it|on start|after a few seconds] on my {device}.",
            "Since [the last update|version {version}|{weekday}] your app [keeps crashing|will not open|shuts down by itself].",
            "app crash {device} {system}",
            "[When|As soon as] I [tap|click] [settings|the camera button|search|save] [everything freezes|it closes|the screen goes white].",
        ),
        heldout=(
            "Your program is open for perhaps {n} seconds, then it is gone from the screen, no message, on {system}.",
            "white screen on {device}, [tried reinstalling|rebooted {n} times], no luck",
        ),
    ),
    Intent(
        "error",
        train=(
            "I [get|keep getting|see] error {error} when I [try to save|open a file|start the program|load the dashboard].",
            "[The website|Your site|The dashboard] [shows|says|throws] [{error}|an internal server error|something went wrong] [in {browser}|all day].",
            "error {error} [what does it mean|how to fix|help]",
            "A message [pops up|appears]: '{error}', then [nothing works|I have to start over].",
        ),
        heldout=("What does {error} tell me? It flashes up on the {product} and then the lights go off.",),
    ),
    Intent(
        "sync",
        train=(
            "My [files|notes|photos|contacts] [do not sync|are not syncing|stopped syncing] between [my phone and my computer|{device} and {device}].",
            "Changes I make on my {device} [do not show up|are missing] on my {device}.",
            "sync broken since {version}",
            "The calendar [is not updating|shows old entries] [since {weekday}|on my {device}].",
        ),
        heldout=("What I type on one machine is not there on the other, even after an hour.",),
    ),
    Intent(
        "device-dead",
        train=(
            "My {product} [does not turn on|will not start|stopped working|died] [after {n} days|since {weekday}].",
            "The {product} [will not connect|does not pair|loses the connection] [to my {device}|over Bluetooth|to the Wi-Fi].",
            "The [light|display|button] on the {product} [blinks red|stays black|does nothing], [what can I do|I tried resetting it].",
            "{product} dead, tried other socket",
        ),
        heldout=(
            "The {product} hums but nothing else happens, I held the reset pin for {many} seconds as the manual says.",
            "My {device} does not find the {product} in the list of devices [any more|at all].",
        ),
    ),
    Intent(
        "setup",
        train=(
            "[I can't|I am unable to|How do I] [install|set up] [the software|the app|the driver|the {product}] on {system}.",
            "The [installation|setup] [stops|hangs] at {many} percent [on {system}|every time].",
            "setup stuck at step {n} for the {product}",
            "Which [settings|ports|drivers] does the {product} need [on {system}|behind a firewall]?",
        ),
        heldout=("I followed the quick start to the letter, the wizard never gets past page {n}.",),
    ),
    Intent(
        "slow",
        train=(
            "[Everything|The website|The app|Your service] is [extremely slow|unbearably slow|lagging] [since {weekday}|today|in {browser}].",
            "[Is there|Are you having] an outage? [Nothing loads|The site is down] [in {city}|for our whole office].",
            "site down?",
            "Pages take [{many} seconds|a minute] to [load|open] [since {day}|in {browser}].",
        ),
        heldout=(
            "All {many} of us in {city} are staring at a spinning wheel. Is something up on your side?",
        ),
    ),
    Intent(
        "api",
        train=(
            "[The API|Your REST API|Our integration] [returns|answers with|gives] {error} [since {day}|on every call|for valid requests].",
            "Our webhook [stopped firing|gets no events|receives every event twice] [since {weekday}|after your update].",
            "The connection to {app} [broke|stopped working|keeps disconnecting] [on {day}|after version {version}].",
            "api docs say 200 but i get {error}",
        ),
        heldout=(
            "Requests with page size {many} come back truncated, the JSON ends in the middle.",
            "Nothing arrives in {app} any more although the connector is green on your side.",
        ),
    ),
    Intent(
        "files",
        train=(
            "[Uploading|Importing] [a PDF|a CSV file|photos|our list] [fails|stops|hangs] [at {many} percent|with {error}].",
            "The [export|download|report] [is empty|is corrupt|cannot be opened in Excel|never finishes].",
            "cant upload anything over {many} mb",
            "All my [notes|drafts|settings|photos] [disappeared|are gone] after [the update|I restarted my {device}].",
        ),
        heldout=("Opening the sheet I got out of your tool gives me only strange signs instead of umlauts.",),
    ),
    Intent(
        "notifications",
        train=(
            "I [do not get|stopped getting|no longer get] push notifications on my {device} [since {version}|although they are switched on].",
            "The {product} [sends|gives] an alarm [every night|all the time] [for no reason|though nothing happens].",
        ),
        heldout=("Alerts reach my {device} hours late, by then they are of no use.",),
    ),
    Intent(
        "sound-picture",
        train=(
            "[No sound|There is no sound|The microphone is dead] in [calls|video meetings] [on my {device}|in {browser}].",
            "The [picture|video|screen] of the {product} [flickers|is black|stutters] [at full brightness|after {many} minutes].",
            "camera not detected in {browser}",
        ),
        heldout=("People in meetings hear me as a robot, other programs are fine.",),
    ),
    Intent(
        "update",
        train=(
            "[After|Since] the [firmware|software|latest] update [my {product} no longer responds|the menu is gone|half the buttons are missing].",
            "The update to {version} [fails|will not install|rolls back] [with {error}|each time].",
            "how do i go back to {version}, new one is broken",
        ),
        heldout=("It wanted to go from {version} to {version} overnight and now the {product} is a brick.",),
    ),
    Intent(
        "button",
        train=(
            "The [save|submit|search|filter] button [does nothing|is greyed out|does not react] in {browser}.",
            "[Search|The filter|Sorting] [gives no results|shows wrong results|ignores what I type].",
            "The page [looks broken|is cut off|overlaps] on my {device} in {browser}.",
        ),
        heldout=(
            "Half of the menu hangs off the edge of the screen on my {device}, I cannot reach what is below.",
        ),
    ),
    Intent(
        "battery",
        heldout=(
            "The {product} is warm all the time and empty by noon.",
            "A full battery lasts {n} hours where the box says {many}.",
        ),
    ),
    Intent(
        "how-to-feature",
        heldout=(
            "How do I make the {product} start by itself at {n} in the morning? The timer menu does not keep what I enter.",
        ),
    ),
)

TRICKY = (
    Intent(
        "payment-page",
        train=(
            "The [checkout|payment] page [stays blank|loads forever|throws {error}] in {browser}, [my card was never even asked for|in other browsers too].",
            "Your invoice [module|app|tool] [crashes|freezes] when I [print|export] a bill [for my own customers|on {system}].",
            "The billing report in the dashboard [does not load|gives {error}|is blank].",
        ),
        heldout=(
            "Pressing Pay does nothing in {browser}: the wheel turns, the console says {error}, no money moves.",
        ),
    ),
    Intent(
        "charge-as-power",
        train=(
            "The {product} [will not charge|does not hold its charge|stops charging at {many} percent].",
            "[Charging|The charge] takes {n} hours [instead of one|since the update], and the plug gets hot.",
        ),
        heldout=("Charged it all night, by morning the {product} shows an empty battery.",),
    ),
    Intent(
        "package-as-software",
        train=(
            "Your [npm|Python|Debian] package [{version}|of {day}] [does not install|fails to build|breaks our pipeline].",
            "The update you shipped [on {day}|last night] [broke our export|deleted a menu|has a bug].",
            "[The tracking pixel|Parcel tracking in our shop plugin] [is not loading|throws {error}] since {version}.",
        ),
        heldout=(
            "What you delivered in release {version} has a regression: the order of the columns is wrong.",
        ),
    ),
    Intent(
        "login-page-broken",
        train=(
            "The login page [is blank|throws {error}|never loads] in {browser}, [for all of us|in every office], [password does not even come up|no form at all].",
            "Right after I log in [the app crashes|I get {error}|the screen turns white] on {system}.",
            "The account page [does not render|overlaps|is cut off] on my {device}.",
        ),
        heldout=("Signing in works, but then the program closes by itself on {system}.",),
    ),
    Intent(
        "label-printer",
        train=(
            "The [label printer|shipping label tool|scanner] [prints blank labels|is not found by {system}|jams in the middle of a batch].",
            "Our [delivery|parcel|address] export [to {app}|as CSV] [fails|comes out empty] since {version}.",
        ),
        heldout=("The scanner app reads a parcel's barcode as {error} and freezes.",),
    ),
)

ASIDES = (
    "the app that crashes",
    "error {error}",
    "the slow website",
    "the {product} that does not pair",
    "the sync problem",
    "the broken export",
    "the update to {version}",
    "the webhook",
)
