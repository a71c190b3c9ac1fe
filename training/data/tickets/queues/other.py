"""What no other queue handles: jobs, press, offers, praise, questions before a purchase, misdirected mail."""

# ruff: noqa: E501 - a template is one line

from training.data.tickets.phrasing import Intent

PLAIN = (
    Intent(
        "job",
        train=(
            "[Do you have|Are there] [open positions|internships|jobs] [in {city}|for students|in marketing]?",
            "[I would like to apply|Please find attached my application] [for a job|as an engineer|for the opening in {city}].",
            "hiring? cv attached",
        ),
        heldout=(
            "I finished my degree in {month} and would love to work for you in {city}. Whom do I write to?",
        ),
    ),
    Intent(
        "partnership",
        train=(
            "[We are|I represent] a [company|start-up|agency] [from|in] {city} and [would like to partner|propose a cooperation] with you.",
            "Would you [sponsor|support] our [school event|football club|meetup] in {city}?",
            "[Do you have|Is there] a [reseller|affiliate|partner] programme?",
        ),
        heldout=(
            "Our shop in {city} would be glad to put your {product} in its window. Who looks after traders?",
        ),
    ),
    Intent(
        "press",
        train=(
            "I am a [journalist|blogger|reporter] [writing about|working on a piece on] {product}s, [can I interview someone|who handles press]?",
            "[May I|Can we] use your [logo|pictures] in [an article|a school presentation|our magazine]?",
        ),
        heldout=("For a radio feature on {day} we look for someone from your house to talk to.",),
    ),
    Intent(
        "praise",
        train=(
            "[Just wanted to say|I want to say] [thank you|thanks], the {product} is [wonderful|great|fantastic].",
            "{first} from your team [was so helpful|did a great job], [please pass on my thanks|give them a raise].",
            "love the {product}!! thx",
            "[No problem at all|Nothing to fix], I am simply [happy|delighted] with [the {product}|your service].",
        ),
        heldout=(
            "No action needed. After {n} years I felt somebody should tell you how good the {product} is.",
        ),
    ),
    Intent(
        "suggestion",
        train=(
            "[It would be great|I'd love it] if you [made|offered] the {product} in [green|a smaller size|wood].",
            "[Suggestion|An idea|Feature request]: [a dark version|an offline mode|a family edition] [would be nice|of the {product}].",
            "Have you [thought about|considered] [opening a shop in {city}|using less plastic|a podcast]?",
        ),
        heldout=("One wish for the future: let the {product} come in recycled material.",),
    ),
    Intent(
        "before-buying",
        train=(
            "[What are the dimensions|How heavy is|What material is] [of the {product}|the {product}|the {product} made of]? [I am thinking of buying it|Nothing on the product page].",
            "[Which|What] {product} [would you recommend|is best] for [a small flat|beginners|children]?",
            "What is the difference between {plan} and {plan}? [I have not decided yet|Just curious].",
            "Is the {product} [vegan|waterproof|suitable for {many} people|made in {country}]?",
        ),
        heldout=("Before I make up my mind: would the {product} suit a left-handed person?",),
    ),
    Intent(
        "hours",
        train=(
            "[When|What time] [are you open|does your shop in {city} open] on {weekday}?",
            "[Where is|Do you have] [your shop|a store|a showroom] in {city}?",
            "open on {weekday}?",
        ),
        heldout=("Will someone be at the shop in {city} over the holidays?",),
    ),
    Intent(
        "stock",
        train=(
            "When will the {product} be [back in stock|available again] [in black|in size {many}]?",
            "Is the {product} [discontinued|still made]?",
        ),
        heldout=("The {product} in blue has been sold out since {month}. Any plans to make more?",),
    ),
    Intent(
        "spam",
        train=(
            "[We can bring|Get] your website to [page one|the top] of Google, [guaranteed|from {amount} a month], [call us|reply now].",
            "Dear sir, I am {person}, [a lawyer|a banker] in {country}, and hold [{amount} million|a fund] for you.",
            "[Boost|Grow] your sales with our [list of {many} thousand leads|AI tool], [free demo|act now].",
        ),
        heldout=("Our agency writes {many} blog posts a month for firms like yours. May I send an offer?",),
    ),
    Intent(
        "misdirected",
        train=(
            "[Hi mum|Hey {first}], [running late|will be there at {n}], [save me some food|see you at the station].",
            "[Is this|Am I writing to] the [dentist|city council|library]? [I need an appointment|My bin was not emptied].",
            "[asdf|test|hello?|...|just testing this form]",
            "Sorry, [wrong address|I wrote to the wrong company], please [ignore this|delete this message].",
        ),
        heldout=(
            "Grandma, the train is at {n}, do not wait with dinner.",
            "just checking if anybody reads this",
        ),
    ),
    Intent(
        "study",
        train=(
            "I am a student [at the university of {city}|writing my thesis] and [have a short survey|need {many} participants] on [remote work|packaging].",
            "[Can our class|May we] visit your [office|factory] in {city}?",
        ),
        heldout=("My pupils would love to see how a {product} is made. Do you offer tours?",),
    ),
    Intent(
        "conduct",
        train=(
            "Your [advert|poster|TV spot] in {city} is [tasteless|offensive], [take it down|who approved it]?",
            "I have a question about your [sustainability report|position on {country}|supply chain].",
        ),
        heldout=("One of your people parked across my drive in {city} and laughed. I want an apology.",),
    ),
    Intent(
        "human",
        heldout=("Do you have a phone number? I prefer to speak to a person about something general.",),
    ),
    Intent(
        "charity",
        heldout=(
            "Our animal shelter in {city} collects for a new roof. Could you give something for the raffle?",
        ),
    ),
)

TRICKY = (
    Intent(
        "keywords-without-need",
        train=(
            "My [parcel|refund|invoice] [arrived|came] [on time|today], no complaints, I [only wanted to say thanks|just wanted to praise {first}].",
            "[Everything is solved|All good now], the [login|payment|delivery] works, you can close this, [thanks|have a nice day].",
            "Bill [from your team|in your office] was [charming|very kind] on the phone. [Please tell him|That is all].",
        ),
        heldout=("The charge was right after all, my mistake. Nothing to do, I wish you a good week.",),
    ),
    Intent(
        "sells-to-us",
        train=(
            "Our [billing software|payment service|invoicing tool] would [save you {many} percent|replace yours], [may we show it|can we call]?",
            "We are a [courier|logistics] firm in {city} and could [deliver|ship] your parcels [for less|to {country}]. [Interested|Shall we talk]?",
            "[We audit|I test] [login pages|apps|APIs] for a living and [offer our services|would like to work for you].",
        ),
        heldout=(
            "I am a freelance developer and would fix other people's crashing apps, maybe yours. Here is my rate.",
        ),
    ),
    Intent(
        "thinking-of-buying",
        train=(
            "Before I open an account or order anything: [is the {product} loud|does the {product} come in red|who designs your {product}s]?",
            "Not a customer yet, no order, no login. [Which {product} lasts longest|Is the {plan} meant for families]?",
        ),
        heldout=(
            "I have neither an order nor a login with you, I just wonder which {product} is the quietest.",
        ),
    ),
    Intent(
        "work-in-department",
        train=(
            "[Do you need|Are you looking for] people in [billing|the warehouse|technical support|shipping] in {city}? [I have experience|My CV is attached].",
            "For a school project: how does [delivery|invoicing|tech support] work at a firm like yours?",
        ),
        heldout=("I drove vans for {carrier} for {n} years, would your depot in {city} take me on?",),
    ),
)

ASIDES = (
    "the job in {city}",
    "how much I like the {product}",
    "the idea with the green {product}",
    "your opening hours",
    "the school visit",
    "the sponsoring of our club",
    "the colour of the {product}",
)
