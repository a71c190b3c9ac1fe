"""More everyday wordings about things that fail, sign-in and the rest, in the words most people use."""

# ruff: noqa: E501 - a template is one line

from training.data.tickets.phrasing import Intent

TECHNICAL = (
    Intent(
        "not-working",
        train=(
            "[The app|The website|Your software|The {product}] [is not working|does not work|stopped working] [today|since {weekday}|any more|properly].",
            "The {product} [I bought|from you] [keeps turning off|restarts all the time|makes a strange noise|does not respond].",
            "[It|The app] worked [yesterday|last week], [today nothing happens|now I only get a black screen].",
            "app not working on {device} pls fix",
        ),
        heldout=(
            "The app does not work on my {device}.",
            "My {product} stopped working after a few weeks.",
            "The website is not loading, I tried {browser} too.",
        ),
    ),
    Intent(
        "crashing",
        train=(
            "[The app|The program|Your tool] [crashed|froze|hung] [{n} times today|while I was typing] and I lost [my work|everything].",
            "[It crashes|Crashes] whenever I [upload a photo|open the menu|switch tabs|start a call].",
            "How do I [stop|fix] the [crashes|freezing] on {system}?",
        ),
        heldout=(
            "The app crashes every time I try to upload a file.",
            "Since the latest update the app freezes on {system}.",
        ),
    ),
    Intent(
        "message",
        train=(
            "What does [error|error code|the message] {error} mean [on the {product}|in the app]?",
            "I get [an error|an error message|a timeout] [when I try to|every time I] [print|log data|connect|run a report].",
            "[Page not found|Connection refused|Unknown error|Internal server error], [what can I do|is it me or you]?",
        ),
        heldout=(
            "I keep getting error {error} when I open the app.",
            "Your website shows an internal server error.",
        ),
    ),
    Intent(
        "connecting",
        train=(
            "The {product} [keeps disconnecting|cannot find the network|is offline] [since I changed my router|in the app].",
            "How do I connect [the {product}|it] to [my {device}|the Wi-Fi|{app}]?",
            "Bluetooth [pairing|connection] with my {device} [fails|drops after {n} minutes].",
        ),
        heldout=(
            "I cannot connect the {product} to my Wi-Fi.",
            "My data is not syncing between my phone and the web version.",
        ),
    ),
    Intent(
        "broken-feature",
        train=(
            "The [search|export|print|upload|dark mode|calendar] [function|feature] [is broken|does nothing|no longer works].",
            "I cannot [export|print|open|save] [my report|the file|my data] [as PDF|in {browser}|any more].",
            "[Images|Videos|Attachments] [do not load|are not displayed|stay grey] [in the app|on my {device}].",
            "Your [API|integration with {app}|plugin] [is down|is broken|times out].",
        ),
        heldout=(
            "The export to Excel is not working any more.",
            "The integration with {app} stopped working on {weekday}.",
            "Videos will not play in {browser}.",
        ),
    ),
    Intent(
        "installing",
        train=(
            "I [need help|have trouble] [installing|setting up|configuring] [the app|my {product}|the software].",
            "The [download|installer|update] [does not start|is corrupt|fails] on my {device}.",
            "Is [the app|version {version}] compatible with {system}? [It refuses to install|It will not start].",
        ),
        heldout=(
            "I am having trouble setting up my new {product}.",
            "The update fails halfway with error {error}.",
        ),
    ),
)

ACCOUNT = (
    Intent(
        "cannot-log-in",
        train=(
            "I [can't|cannot|am not able to] [log in|log into my account|sign in|get into my account].",
            "[My login|My password|My username] [does not work|is not accepted|is rejected] [any more|since {weekday}].",
            "It [says|tells me] my [password|email] is [wrong|incorrect|not recognised], [but it is right|although I just changed it].",
            "cant log in, reset my password pls",
        ),
        heldout=(
            "I can't log into my account.",
            "I forgot my password, how do I reset it?",
            "login not working, {email}",
            "The password reset email never arrived.",
        ),
    ),
    Intent(
        "access",
        train=(
            "[Why|For what reason] [was|has] my account [been closed|suspended|blocked|deactivated]?",
            "[Please unlock|Can you unlock|Reactivate] my account [{email}|, I need it today].",
            "I [have a new phone|changed my number] and [cannot receive the login code|two-step verification fails].",
            "Somebody [tried to log|logged] into my account, [what should I do|please secure it].",
        ),
        heldout=(
            "My account has been locked, please unlock it.",
            "I think someone else has access to my account.",
            "I don't receive the verification code when I log in.",
        ),
    ),
    Intent(
        "details",
        train=(
            "I [want|need] to [change|update] my [email|email address|phone number|name|username] [in my account|please].",
            "[How|Where] can I [change|edit|update] my [account details|profile|personal details|login email]?",
            "[My|The] [surname|email address|company] in my account [is out of date|is misspelled], it should be [{person}|{email}].",
        ),
        heldout=(
            "How do I change the email address on my account?",
            "Please update my phone number in my profile.",
        ),
    ),
    Intent(
        "leaving",
        train=(
            "I [want|would like] to [close|delete|deactivate] my account [permanently|and everything in it].",
            "[Remove|Delete|Erase] [my personal data|all data about me|my profile] [please|from your systems].",
        ),
        heldout=("How can I delete my account?", "Please close my account and erase my personal data."),
    ),
    Intent(
        "signing-up",
        train=(
            "I [cannot|am unable to] [create an account|register|sign up], [it says the email is in use|no confirmation comes].",
            "[How do I|Can I] [invite|add|remove] [someone|a team member|another user] [to our account|in our workspace]?",
            "[Can I|Is it possible to] [have two accounts|share my account|change the owner of the account]?",
        ),
        heldout=(
            "I did not get the confirmation email after signing up.",
            "How do I add another user to our account?",
        ),
    ),
)

OTHER = (
    Intent(
        "general-question",
        train=(
            "[Do you have|Is there] a [catalogue|newsletter|gift wrapping service|physical shop|phone line] [in {city}|I could look at]?",
            "[Who|Which company] [makes|designs] your {product}s? [Just curious|A friend asked].",
            "[What is|Can you tell me] your [company address|opening times|history|motto]?",
            "How [old|big] is your company, and [where are you based|how many people work there]?",
        ),
        heldout=(
            "What are your opening hours?",
            "Where is your head office?",
            "Do you have a store in {city}?",
        ),
    ),
    Intent(
        "product-advice",
        train=(
            "[Can you recommend|I am looking for] a {product} [as a present|for my mother|for travelling].",
            "Does the {product} [come in other colours|have a warranty|work with kids|need much space]?",
            "[Will there be|Are you planning] a new [version of the {product}|{product}] [this year|in {month}]?",
        ),
        heldout=(
            "Which {product} would you recommend for a beginner?",
            "Do you sell the {product} in blue?",
            "Is the {product} still available?",
        ),
    ),
    Intent(
        "kind-words",
        train=(
            "[Great|Excellent|Fantastic] [service|support|shop], [keep it up|five stars|I will tell my friends].",
            "Thanks [for the quick answer|to {first}], [everything is fine now|that solved it].",
            "[Merry Christmas|Happy new year|Have a nice summer] to [the whole team|all of you]!",
        ),
        heldout=("Thank you for the great service!", "{first} was very helpful, thanks again."),
    ),
    Intent(
        "ideas",
        train=(
            "[You should|Please] [add|offer|build] [a {product} for children|a chat|more colours|an app for {app} users].",
            "[I miss|What I am missing is] [a loyalty programme|a blog|recipes] [on your site|from you].",
        ),
        heldout=(
            "It would be nice if you offered a loyalty programme.",
            "Feature request: please add a dark theme.",
        ),
    ),
    Intent(
        "business",
        train=(
            "[We|I] would like to [discuss|talk about] [a partnership|a collaboration|an investment|buying {many} {product}s for resale].",
            "Are you [hiring|looking for staff|offering apprenticeships] [at the moment|in {city}]?",
            "[Who is|Can you name] [the right contact|the person responsible] for [marketing|press|suppliers|donations]?",
        ),
        heldout=(
            "We are interested in a partnership with your company.",
            "Are there any job openings in {city}?",
            "Who can I contact about advertising?",
        ),
    ),
)
