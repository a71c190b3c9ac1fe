"""Goods on their way: tracking, lateness, damage, wrong or missing items, addresses, returns, customs."""

# ruff: noqa: E501 - a template is one line

from training.data.tickets.phrasing import Intent

PLAIN = (
    Intent(
        "where-is-it",
        train=(
            "[Where is|Any news on|What happened to] my [order|parcel|package] [{order}|from {day}]?",
            "[My parcel|My package|The tracking] has not [moved|changed|been updated] since [{weekday}|{day}].",
            "wheres my stuff, ordered [{n} weeks ago|on {day}]",
            "Tracking [number {tracking}|for {order}] [says|still says] [label created|in transit|waiting for carrier] [for {n} days|since {weekday}].",
            "I ordered a {product} on {day} and [have not received anything|it is not here yet].",
        ),
        heldout=(
            "Can you find out [which depot|where] my {product} is? {carrier} [cannot tell me|has no record of it].",
            "no {product} so far. {order}. [when|hello??]",
        ),
    ),
    Intent(
        "late",
        train=(
            "My delivery was [promised|due|announced] for {weekday} and [did not come|is late|still is not here].",
            "[I need|We need] the {product} [by {day}|before {weekday}], will it [arrive|get here] in time?",
            "I paid for [express|next day|priority] delivery and [{n} days later|a week later] [still nothing|it has not come].",
            "order {order} is [{n}|{many}] days late",
        ),
        heldout=(
            "The estimate moved again, first {weekday}, then {weekday}, now {day}. Is it [ever going to get here|even on the road]?",
        ),
    ),
    Intent(
        "damaged",
        train=(
            "The {product} [arrived|came|was delivered] [broken|cracked|with a dent|scratched], [the box was crushed|the packaging was torn].",
            "[Box|Parcel] was [soaking wet|ripped open|smashed] when [{carrier}|the driver] handed it over, [the {product} is damaged|glass everywhere].",
            "got my {product} today, [broken|in pieces], need replacement sent",
            "Please send [a new {product}|a replacement], [mine was damaged in transit|the one in order {order} broke on the way].",
        ),
        heldout=(
            "Whoever packed the {product} used no padding, so of course it [did not survive the trip|reached me in two parts].",
            "The corner of the carton was caved in and the {product} has a crack right there. Photos attached.",
        ),
    ),
    Intent(
        "wrong-item",
        train=(
            "I [ordered|bought] a {product} and [got|received|you sent] a {product} [instead|by mistake].",
            "[Wrong|The wrong] [colour|size|model] [in the box|was delivered], order {order}. [Please swap it|Can you send the right one]?",
            "this is not what i ordered ({order})",
            "You sent me [someone else's parcel|a parcel for a {person}].",
        ),
        heldout=(
            "Opened the carton expecting a {product}, found a {product}. [What now|How do we exchange these]?",
        ),
    ),
    Intent(
        "missing-item",
        train=(
            "[One item|The {product}] [was missing|is missing] from [my parcel|the box|order {order}].",
            "I ordered {n} and [only one|fewer] [came|arrived|was in the box].",
            "The [cable|manual|second box|lid] for the {product} [was not in the package|did not come with it].",
            "box was empty!! order {order}",
        ),
        heldout=("The slip lists {n} things, I counted one less. The {product} is not there.",),
    ),
    Intent(
        "change-address",
        train=(
            "[Can you|Please|I need to] [change|correct] the delivery address [of order {order}|before it ships|to {city}].",
            "I [moved|am moving] to {city}, my parcel [{order}|from {day}] [is going to the old address|must go there].",
            "I typed the wrong [house number|street|postcode] [for order {order}|when ordering the {product}], [can it be redirected|please send it to the right one].",
            "pls deliver {order} to my [neighbour|office|work] instead",
        ),
        heldout=("I will be away when {carrier} comes, can the {product} go to my sister in {city}?",),
    ),
    Intent(
        "not-received",
        train=(
            "[Tracking|{carrier}] says [delivered|handed over|left at the door] but [I got nothing|there is nothing here|nobody was home].",
            "[The driver|The courier|{carrier}] [left|claims to have left] my parcel [with a neighbour|in the garden|at reception], [nobody has it|it is gone].",
            "marked delivered, not delivered. {tracking}",
            "I think my package was stolen [from the porch|in front of my door] [on {weekday}|today].",
        ),
        heldout=("There is a signature for {order} that is not mine. [Who took it|Who got my {product}]?",),
    ),
    Intent(
        "return",
        train=(
            "[How do I|How can I|I want to] [return|send back] the {product}? [I need a label|Where do I send it|It does not fit].",
            "[Please send|I need] a return [label|slip] for [order {order}|the {product}].",
            "Can {carrier} [pick up|collect] the [return|{product} I want to send back]?",
            "wrong size, want to exchange for a bigger one, how",
        ),
        heldout=(
            "The {product} is not for me. What is the procedure to get it back to your warehouse?",
            "Does it matter which post office I drop the box for {order} at, and must it be in the original carton?",
        ),
    ),
    Intent(
        "customs",
        train=(
            "My parcel is [stuck|held] [at|in] customs [in {country}|for {n} days], [which papers are missing|what do they need]?",
            "Customs [asks|is asking] for [a declaration|documents|the value of the goods] for {order}.",
        ),
        heldout=(
            "The border office in {country} will not release the {product} until you send them a form.",
        ),
    ),
    Intent(
        "where-to",
        train=(
            "[Do you ship|Do you deliver|Can you send] to {country}? [How long does it take|And how fast]?",
            "[How long|How many days] does [delivery|shipping] to {city} [take|usually take]?",
            "[Can I|Could I] pick [the {product}|my order] up [at a shop|at a parcel locker|myself] [instead|in {city}]?",
        ),
        heldout=("Is {country} covered by your couriers, or must a friend in {country} forward it?",),
    ),
    Intent(
        "stop-shipment",
        train=(
            "Please [stop|hold] [the shipment|order {order}], [I will be away|nobody is home] until {day}.",
            "Can you [combine|put] orders {order} and {order} in one [parcel|delivery]?",
        ),
        heldout=("Could both of my purchases travel in one carton? Seems wasteful otherwise.",),
    ),
    Intent(
        "courier",
        train=(
            "Your [driver|courier] [threw|dropped] the box [over the fence|on the stairs] [and drove off|without ringing].",
            "{carrier} [never rings|does not even try], I [get a card|must fetch it] every time.",
        ),
        heldout=("The van stood outside, nobody rang, then I get a note that I was [not in|absent].",),
    ),
    Intent(
        "appointment",
        heldout=(
            "The {product} is heavy, on which day does the truck come and do they carry it to the {n}th floor?",
            "I would like {weekday} afternoon for the drop-off, the morning slot does not work.",
        ),
    ),
    Intent(
        "backorder",
        heldout=(
            "Half of {order} came, the note says the remainder follows. When does it leave your warehouse?",
        ),
    ),
)

TRICKY = (
    Intent(
        "paid-but-where",
        train=(
            "I paid {amount} [on {day}|{n} weeks ago], my card was charged, and [the {product} has not come|nothing was ever sent].",
            "The invoice was in the mail, the {product} was not. [When does it come|Is it on its way]?",
            "Payment went through, bill is fine, but where is my [parcel|package|{product}]?",
        ),
        heldout=("You were quick to take {amount}; be as quick in getting the {product} to {city}.",),
    ),
    Intent(
        "account-mentioned",
        train=(
            "In my account order {order} shows as [dispatched|shipped] since {day}, but [nothing has come|no tracking].",
            "I already changed the address in my profile, [but the parcel {order} still goes to the old one|please redirect {order} too].",
        ),
        heldout=(
            "I can log in and see it says out for delivery, every day since {weekday}. It is not out for delivery.",
        ),
    ),
    Intent(
        "device-mentioned",
        train=(
            "The {product} I was waiting for works, [but you sent two|but the second one is missing from the box].",
            "It is a [router|tablet|webcam] and the screen was already cracked when I opened the parcel.",
            "The tracking page loads, [it just shows no movement|it says returned to sender]. [Why|What happened]?",
        ),
        heldout=(
            "Nothing wrong with the app, it tells me correctly that my {product} has been sitting in {city} for {n} days.",
        ),
    ),
    Intent(
        "return-money-mentioned",
        train=(
            "I do not want the money back, I want the {product} [delivered|sent again].",
            "No refund please, [just send the missing {product}|just a replacement for the broken {product}].",
        ),
        heldout=("Keep the {amount}, but get a whole {product} to me this time.",),
    ),
)

ASIDES = (
    "the late parcel",
    "the {product} that came damaged",
    "the return label",
    "the delivery address",
    "the courier who did not ring",
    "the missing {product}",
    "my question about customs",
    "tracking {tracking}",
)
