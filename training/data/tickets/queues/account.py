"""Who somebody is to us: signing in, passwords, profiles, members and rights, personal data."""

# ruff: noqa: E501 - a template is one line

from training.data.tickets.phrasing import Intent

PLAIN = (
    Intent(
        "password",
        train=(
            "I [forgot|lost|cannot remember] my password and the [reset mail|reset link|recovery email] [never arrives|does not come|has expired].",
            "[How do I|Where can I|Please help me] [reset|change] my password?",
            "cant login, [pw reset not working|forgot pw|help]",
            "The link to [set|choose] a new password [is invalid|says expired|was already used].",
        ),
        heldout=(
            "Asked {n} times for a new password, looked in spam too, there is no mail from you.",
            "My old secret word no longer lets me in and I have no way to choose another.",
        ),
    ),
    Intent(
        "locked",
        train=(
            "My account [is locked|has been blocked|was suspended|got disabled] [after {n} attempts|since {day}|for no reason].",
            "[I cannot|I can't|I am unable to] [log in|sign in|access my account] [any more|since {weekday}|with {email}].",
            "locked out!! {email}",
            "It says [user unknown|account not found|wrong credentials] [although I have been a member since {year}|when I sign in as {email}].",
        ),
        heldout=(
            "You shut me out after too many attempts, please let me back in. I am {email}.",
            "My membership was deactivated on {day} and no one [told me why|gave a reason].",
        ),
    ),
    Intent(
        "change-email",
        train=(
            "[Please change|I want to change|How do I change] [my email address|the email of my account] [to {email}|from {email} to {email}].",
            "I no longer have [access to|use] {email}, [move my account to {email}|how can I sign in now]?",
            "new email: {email} pls update",
        ),
        heldout=(
            "I am leaving the company, so {email} stops existing on {day}; my profile should carry {email} from then on.",
        ),
    ),
    Intent(
        "two-factor",
        train=(
            "I [lost|changed|broke] my phone and [cannot get the code|have no access to the authenticator|the two-factor code is gone].",
            "The [verification|security|SMS] code [never arrives|is always wrong|comes too late] [when I sign in|at login].",
            "[How do I|I want to] [turn off|turn on|reset] two-factor [authentication|login]?",
            "2fa code not coming, {email}",
        ),
        heldout=("The six digits you ask for go to a number I gave up in {year}.",),
    ),
    Intent(
        "delete",
        train=(
            "[Please delete|I want to delete|Close] my account [and all my data|for good|{email}].",
            "[How do I|Where can I] [delete|close|remove] my [account|profile]?",
            "delete my account now, {email}",
        ),
        heldout=("I no longer wish to be registered with you. Remove everything you hold about {email}.",),
    ),
    Intent(
        "personal-data",
        train=(
            "Under [GDPR|data protection law|Article 15] I [ask for|request] a copy of [my data|everything you store about me].",
            "[What|Which] personal data do you [keep|store] about me, and [who sees it|for how long]?",
        ),
        heldout=("By law you owe me a list of what you know about {email}. I expect it within {many} days.",),
    ),
    Intent(
        "profile",
        train=(
            "[I got married|I changed my name], [please change my name to {person}|how do I update my name].",
            "[Please update|I need to change] [my phone number|my date of birth|the company name] in my [profile|account].",
            "My [name|date of birth|profile picture] is wrong [in my profile|when I sign in], [I cannot edit it|how can it be changed]?",
            "[How do I|Where do I] change the [language|time zone] of my [profile|account settings]?",
        ),
        heldout=(
            "It greets me as {first}, that is my husband. Whose name is that page under, and can it be mine?",
        ),
    ),
    Intent(
        "members",
        train=(
            "[Please add|How do I add|I want to add] [{n} colleagues|a new user|{person}] to our [team|workspace|organisation].",
            "{person} [left the company|has left], [remove the access|please take over the admin rights for me].",
            "I need [admin rights|permission|editor access] for [the {plan} workspace|our team], [who can give them|our admin is gone].",
            "invite for {email} [expired|never came]",
        ),
        heldout=(
            "Our only administrator {person} quit last {weekday}, nobody is left who can let people in.",
        ),
    ),
    Intent(
        "hacked",
        train=(
            "[I think my account was hacked|Someone is using my account|Somebody changed my password], [there is a login from {city}|please lock it].",
            "I got a mail about a [new login|sign-in] from {city}, [that was not me|I have never been there].",
            "someone got into my account!!",
        ),
        heldout=("A stranger in {country} is signed in as me. Throw them out please.",),
    ),
    Intent(
        "merge",
        train=(
            "I have two accounts, {email} and {email}, [please merge them|can you join them].",
            "[By mistake I|I accidentally] [registered|signed up] twice, [which one stays|please remove one].",
        ),
        heldout=("My wife and I each made a login, we would like a single one with the history of both.",),
    ),
    Intent(
        "verify",
        train=(
            "The [confirmation|activation|verification] [mail|email|link] [never came|does not arrive|has expired], [I cannot finish signing up|so my account stays inactive].",
            "I [want to register|am trying to sign up] but it says {email} [is already taken|already exists].",
            "You ask for [a photo of my passport|proof of identity], [is that needed|how do I send it safely]?",
        ),
        heldout=("Registration ends with 'check your inbox', the inbox stays empty.",),
    ),
    Intent(
        "preferences",
        train=(
            "[How do I|I want to] [turn off|change] the [emails|newsletters] [in my account settings|I am subscribed to with {email}].",
            "Please [take {email} off|remove {email} from] your mailing list.",
        ),
        heldout=("You write to me every other day. Which box in my profile do I untick?",),
    ),
    Intent(
        "sso",
        heldout=(
            "We moved to single sign-on, now {many} people have an identity of their own besides the company one.",
        ),
    ),
    Intent(
        "ownership",
        heldout=("I sold the business. How do I hand the workspace and everyone in it over to {person}?",),
    ),
)

TRICKY = (
    Intent(
        "login-blocks-order",
        train=(
            "I cannot sign in to [see where my parcel is|track order {order}|download my invoice], it says [wrong password|user unknown]. [How do I get back in|Please reset it].",
            "To pay my bill I must log in, but [my account is locked|the reset link never comes]. [Please unlock it|Let me in].",
            "I'd like to return something, but first: [I can't get into my account|I forgot my password and the mail does not come].",
        ),
        heldout=(
            "There is a bill waiting that I would gladly pay, if only you would let me in: my password is not accepted.",
        ),
    ),
    Intent(
        "delivery-of-mail",
        train=(
            "The [delivery|arrival] of your password reset mail [takes hours|never happens], [the link is dead by then|{email}].",
            "Your sign-up code was [delivered|sent] to [the wrong address|{email}], mine is {email}.",
        ),
        heldout=("The message with the sign-in code is late every time; by delivery the code has run out.",),
    ),
    Intent(
        "address-in-profile",
        train=(
            "My [address|home address] in my profile is [old|out of date], there is no order under way, [just update it|how do I edit it]?",
            "Please change the [contact person|company name] of our account, the invoices and parcels are fine.",
        ),
        heldout=("We moved last {month}. Nothing is on its way, I just want the new street in my profile.",),
    ),
    Intent(
        "app-works-but-rights",
        train=(
            "The app runs fine, it [says|tells me] I [have no permission|am not a member of this workspace]. [Who grants that|Please add me].",
            "No error, no crash: I [am simply signed in as somebody else|see another person's name in my profile].",
        ),
        heldout=(
            "Everything loads, yet the menu for admins is hidden from me since {person} left. I need that role.",
        ),
    ),
    Intent(
        "remove-card-data",
        train=(
            "I have no open payments. [Erase|Delete] my profile with [all cards and orders in it|everything in it].",
            "Nothing to pay, nothing to deliver: [close my login|just remove me as a user], {email}.",
        ),
        heldout=("My plan has run out and is paid. Now please wipe my profile as well.",),
    ),
)

ASIDES = (
    "my old password",
    "the second user on our team",
    "the email address in my profile",
    "the locked login",
    "the two-factor code",
    "the name in my profile",
    "the invitation for {first}",
    "the account I no longer use",
)
