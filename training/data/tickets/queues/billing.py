"""Money: charges, refunds, invoices, ways to pay, prices and the end of a paid subscription."""

# ruff: noqa: E501 - a template is one line

from training.data.tickets.phrasing import Intent

PLAIN = (
    Intent(
        "duplicate-charge",
        train=(
            "I was [charged|billed|debited] [twice|two times] for [my {plan} subscription|order {order}|the same order].",
            "[My card shows|My bank shows|There are] two payments of {amount} [on the same day|on {day}|for one order].",
            "double charge [on my card ending {last}|for {month}|of {amount}] [please fix|pls reverse one|why]",
            "You took {amount} [from my bank|from my card] and then [took it again|took the same amount again] [an hour later|the next day].",
            "[Why did|How come] {amount} leave my bank [twice|two times] when I [bought one thing|only ordered once]?",
        ),
        heldout=(
            "Looking at my statement I see {amount} from you [listed twice|appearing two times], one of them should not be there.",
            "paid once, [money gone twice|got debited 2x]",
        ),
    ),
    Intent(
        "unknown-charge",
        train=(
            "[There is|I found|I see] a [charge|payment|debit] of {amount} [I do not recognise|I never approved|I can't explain].",
            "What is this {amount} [charge|fee|debit] from [{day}|{month}]? I [did not buy anything|ordered nothing].",
            "[My bank statement lists|My credit card shows] {amount} [to your company|from you] and I [have no idea why|never signed up].",
            "who authorised {amount}?? i [didnt|never did]",
        ),
        heldout=(
            "Could someone explain what the {amount} on {day} [was for|stands for]? Nobody in our house [bought|ordered] anything.",
            "You seem to be taking {amount} from me [every month|each month] and I [cannot work out what for|never agreed to that].",
        ),
    ),
    Intent(
        "refund-missing",
        train=(
            "I [returned|sent back] the {product} [{n} weeks ago|on {day}] and [still have no refund|have not got my money back].",
            "[When|How soon] will I [get|receive] my refund [for order {order}|of {amount}]?",
            "You promised a refund of {amount} [by {weekday}|within {n} days], [nothing came|nothing has arrived on my card].",
            "refund still not here, order {order}, its been {n} weeks",
            "My refund was [{amount} instead of {amount}|too low|only partial], [please pay the rest|where is the rest]?",
        ),
        heldout=(
            "The warehouse confirmed on {day} that my return came in, yet the money [has not been credited|is still with you].",
            "[Still waiting for|Where is] the {amount} you owe me since {month}?",
        ),
    ),
    Intent(
        "invoice-copy",
        train=(
            "[Please send|Could you send|I need] [the invoice|a copy of the invoice|a VAT receipt] for [order {order}|{month}].",
            "Where can I [download|find] my [invoices|receipts] [for {month}|for {year}|for my tax return]?",
            "need receipt for {order} [asap|for my accountant|for expenses]",
            "Our accounting [department|team] [is missing|has not received] the [invoice|bill] for {month}.",
        ),
        heldout=(
            "I have to hand in my expenses and there was no [proof of payment|bill] in the mail you sent for {order}.",
            "Kindly email a statement of everything we paid [in {year}|since {month}].",
        ),
    ),
    Intent(
        "invoice-wrong",
        train=(
            "The invoice for {month} [has the wrong company name|has the wrong VAT number|shows the wrong address], [please correct it|can you reissue it]?",
            "[Invoice|Bill] {order} [says|states] {amount}, [but we agreed on {amount}|that is not the price I saw].",
            "Please [add|put] our [purchase order number|VAT ID|cost centre] on the invoice [for {month}|for order {order}].",
            "You [charged|calculated] VAT [although|even though] we are [a company in {country}|tax exempt|a charity].",
        ),
        heldout=(
            "The sum at the bottom of invoice {order} does not match the lines above, it should be {amount}.",
            "We were promised the net price, now tax of {amount} was put on top. [Reissue it please|Please amend].",
        ),
    ),
    Intent(
        "card-declined",
        train=(
            "My [card|credit card|payment] [was declined|keeps being declined|got rejected] [but my bank says all is fine|although there is money on it].",
            "[I tried|Tried] [three|{n}] cards and [every payment fails|none is accepted]. [How can I pay|What else can I do]?",
            "payment declined card {last} [why|help]",
            "The direct debit for {month} [bounced|was returned], [can you collect it again|how do I pay now]?",
        ),
        heldout=(
            "My bank refuses your {amount} debit [as suspicious|again and again]. [Can I transfer instead|Is there another way to settle it]?",
        ),
    ),
    Intent(
        "payment-method",
        train=(
            "[How do I|I want to|Please help me] [change|update|replace] the [card|credit card|bank details] [used for my subscription|you charge|on file].",
            "My card [expires|ran out] [next month|in {month}], where [can|do] I [enter|give you] the new one?",
            "Can I pay by [invoice|bank transfer|PayPal|direct debit|cheque] [instead of card|for the {plan} plan]?",
            "new bank account, pls take the money from there from {month}",
        ),
        heldout=(
            "I got a replacement card from my bank and would like future payments to go through that one.",
            "Do you take [crypto|American Express|Apple Pay|Klarna]?",
        ),
    ),
    Intent(
        "price-change",
        train=(
            "[Why did|How come] [my monthly payment|the price|my bill] [went|go|gone] [up|from {amount} to {amount}]?",
            "I [signed up for|was promised] {amount} a month and now [pay|am paying] {amount}.",
            "[The offer|The website|The ad] said {amount}, [you took {amount}|I paid {amount}]. [Please refund the difference|Explain].",
            "my {plan} plan got more expensive [without notice|nobody told me]",
        ),
        heldout=(
            "Last year this cost me {amount}, this year {amount}, and no one [asked me|wrote to me about it]. I want the old rate.",
        ),
    ),
    Intent(
        "cancel-subscription",
        train=(
            "[Please cancel|I want to cancel|Cancel] my [{plan} subscription|{plan} plan|membership] [before it renews|so that I am not charged again|as of {month}].",
            "[How do I|Where can I] [stop|turn off] the [automatic renewal|auto-renewal|yearly renewal]?",
            "cancel my sub [now|pls|dont charge me again]",
            "My [free trial|trial] [ends|is over] [on {day}|tomorrow] and I do not want to [pay|be charged].",
            "I cancelled in {month} and [you still charge me|was billed again for {month}].",
        ),
        heldout=(
            "We will not continue with the {plan} package next year, kindly do not renew it.",
            "I thought I had ended this in {month}, yet {amount} was taken [this morning|on {day}].",
        ),
    ),
    Intent(
        "discount",
        train=(
            "[My|The] [discount|promo|voucher] code [was not applied|did not come off the total|is not accepted] [for order {order}|and I paid full price].",
            "I [forgot|missed] to [enter|use] my [coupon|voucher] on {order}, [can you credit {amount}|can you still take it off]?",
            "student discount? [paid full price|how do i get it back on my last payment]",
            "[The gift card|My gift card] of {amount} [shows no balance|shows zero|was not deducted].",
        ),
        heldout=(
            "According to the newsletter new customers pay {many} percent less, but the total did not go down [at all|one cent].",
        ),
    ),
    Intent(
        "plan-cost",
        train=(
            "[What would|How much would] it cost to [move|switch|upgrade] [from {plan} to {plan}|to {plan}] [in the middle of the month|for {many} people]?",
            "If I downgrade to {plan}, [do I get money back|will you credit the rest of the month]?",
            "I was [upgraded|moved] to {plan} and [charged|billed] {amount} [without asking|although I did not order that].",
        ),
        heldout=(
            "Is the yearly price [paid at once|due up front], and do I get something back when I leave early?",
        ),
    ),
    Intent(
        "pay-later",
        train=(
            "[Can I|Could we] pay [invoice {order}|the {amount}] [in instalments|next month|after {day}]?",
            "I got a [reminder|dunning letter|late fee] for {amount} [although I paid on {day}|that I have already paid].",
        ),
        heldout=(
            "You sent a final notice about {amount}. The transfer went out on {day}, [please check|see attached proof].",
        ),
    ),
    Intent(
        "chargeback",
        heldout=(
            "I have asked my bank to [dispute|reverse] the {amount} [unless you sort this out|because nobody answered].",
            "Collection agency wrote to me over {amount}, I [never owed you that|settled this in {month}].",
        ),
    ),
    Intent(
        "deposit",
        heldout=("When is the {amount} deposit [released|paid back]? The hold is still on my card.",),
    ),
)

TRICKY = (
    Intent(
        "account-as-bank",
        train=(
            "My account was [charged|debited] {amount} [twice|by mistake], I mean my bank account.",
            "{amount} [has left|left] my account [and I want it back|without my consent].",
            "The money [never reached|is not on] my account, you said the refund was [sent|shipped out] on {day}.",
        ),
        heldout=("Why was my account debited again [on {day}|this {weekday}] for a parcel I already paid?",),
    ),
    Intent(
        "about-delivery-cost",
        train=(
            "You [charged|billed] me {amount} for [shipping|delivery] [although it was free|although I picked it up myself], [please refund that|I want it back].",
            "The parcel came back to you [weeks ago|on {day}], [now refund me|so where is my money]?",
            "Order {order} was cancelled before it shipped, yet [you kept the {amount}|I was still charged].",
        ),
        heldout=(
            "Express delivery was {amount} extra, it came late, so pay me the extra back. The parcel itself is here.",
        ),
    ),
    Intent(
        "about-software",
        train=(
            "The app [works fine|is great], but it [renewed|upgraded itself] for {amount} [and I did not agree|and I want that reversed].",
            "Because of [the outage|all the bugs] in {month} I [want a credit|want {amount} back|expect a discount on the next bill].",
        ),
        heldout=("Your software did what it should for a month; now please stop taking {amount} for it.",),
    ),
    Intent(
        "login-mentioned",
        train=(
            "I can log in without a problem, [what I do not understand is|my question is] the {amount} on my last bill.",
            "Under profile > payments my old card is still listed, [charge the new one please|remove it so it is not used].",
        ),
        heldout=(
            "I closed my profile in {month} and you go on charging {amount} every month. Give it back.",
        ),
    ),
)

ASIDES = (
    "the double charge",
    "the invoice for {month}",
    "the refund of {amount}",
    "the price of the {plan} plan",
    "my expired card",
    "the voucher that was not applied",
    "the VAT on my last bill",
    "the late fee",
)
