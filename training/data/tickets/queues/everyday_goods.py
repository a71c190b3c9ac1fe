"""More everyday wordings about money and goods, in the words most people use."""

# ruff: noqa: E501 - a template is one line

from training.data.tickets.phrasing import Intent

BILLING = (
    Intent(
        "overcharged",
        train=(
            "I [think|believe] I [was|have been] overcharged [on my last bill|for order {order}|by {amount}].",
            "The [total|amount] on my [bill|invoice|receipt] is [too high|wrong|more than I expected], [can you check|please explain].",
            "you charged me {amount} instead of {amount}",
            "[My bill this month is|This month I paid] [way higher|much more] than [usual|last month]. [What changed|Why is that]?",
        ),
        heldout=(
            "My {month} bill is {amount}, normally it is {amount}. Please check it.",
            "I was charged more than the price shown on your website.",
            "wrong amount taken from my card, should be {amount}",
        ),
    ),
    Intent(
        "money-back",
        train=(
            "I [want|would like|demand] my money back [for order {order}|for the {plan} plan|please].",
            "[Please refund|Can you refund|Refund] [order {order}|my last payment|the {amount} I paid].",
            "[What is|Where do I see] the status of my refund [for {order}|requested on {day}]?",
            "[How long|How many days] [does a refund take|until a refund is on my card]?",
        ),
        heldout=(
            "I would like a refund for my last payment.",
            "Has my refund for {order} been processed yet?",
            "I sent the {product} back and want my {amount} returned to my credit card.",
        ),
    ),
    Intent(
        "subscription",
        train=(
            "My subscription [renewed|was renewed] [automatically|without warning] and I [want a refund|did not want that].",
            "I want to [end|stop|pause] my [monthly|yearly] [payments|subscription|plan].",
            "[When|On which day] is my next [payment|bill|renewal] [due|going to be taken]?",
            "Can I [switch|change] from monthly to yearly [billing|payment]?",
        ),
        heldout=(
            "Please cancel my subscription and confirm that I will not be billed again.",
            "I am still being charged for a plan I cancelled.",
            "When does my {plan} plan renew and how much will it cost?",
        ),
    ),
    Intent(
        "paying",
        train=(
            "My payment [failed|did not go through|is still pending] [for order {order}|but the money is gone|this morning].",
            "I [paid|transferred] {amount} [on {day}|{n} days ago] and [my invoice still shows as unpaid|you say it has not arrived].",
            "[Which|What] payment methods do you [accept|offer]?",
            "I entered my card [and it says invalid|correctly but the payment is refused].",
        ),
        heldout=(
            "My credit card payment does not go through, what is wrong?",
            "I have already paid this invoice but got a payment reminder.",
            "How can I update my credit card details?",
        ),
    ),
    Intent(
        "receipt",
        train=(
            "I did not [get|receive] [an invoice|a receipt|a bill] for my [payment|order|subscription].",
            "Can [you|I] [change|have] the [company name|billing address|VAT number] on [an invoice|my invoices]?",
            "need invoice as pdf with vat for {month}",
        ),
        heldout=(
            "Could you please send me the receipt for my purchase of the {product}?",
            "The billing address on my invoice is wrong, can I get a new one?",
        ),
    ),
)

SHIPPING = (
    Intent(
        "order-status",
        train=(
            "[What is|Can I get] the [status|delivery status] of [my order|order {order}]?",
            "[Has|Did] my order [{order} ship|ship|been shipped] yet?",
            "I [still have not received|am still waiting for] [my order|the {product}|my package].",
            "order {order} still not here",
            "My [package|parcel|delivery] is [late|lost|overdue]. [Where is it|Please help me find it].",
        ),
        heldout=(
            "When will my order {order} arrive?",
            "I ordered {n} weeks ago and still have not received anything.",
            "My package seems to be lost. Can you track it?",
            "is my order shipped?",
        ),
    ),
    Intent(
        "tracking",
        train=(
            "My tracking [number|link|code] [does not work|is invalid|shows nothing] [on the {carrier} site|{tracking}].",
            "I [never got|did not receive] a tracking [number|link] for [order {order}|my {product}].",
            "{carrier} says [the parcel is being returned|the address is unknown|they lost it]. [What happens now|Please send it again].",
        ),
        heldout=(
            "The tracking information has not been updated for {n} days.",
            "Could you send me the tracking number for order {order}?",
        ),
    ),
    Intent(
        "arrived-wrong",
        train=(
            "My [package|order|delivery] arrived [damaged|broken|open|incomplete].",
            "I received [the wrong item|a used {product}|somebody else's order|only part of my order].",
            "[Something|A part|The charger] is missing from [my order|the {product} I received].",
            "The {product} [is smashed|was already broken when I unpacked it], [please replace it|I need a new one].",
        ),
        heldout=(
            "My {product} was broken when it arrived, I would like a replacement.",
            "You sent me the wrong colour. I ordered black and got white.",
            "One of the items in my order {order} is missing.",
        ),
    ),
    Intent(
        "delivery-wishes",
        train=(
            "Can [you|{carrier}] deliver [on {weekday}|in the evening|to a neighbour|to my work]?",
            "I need to [change|update] the shipping address [for my order|on {order}], I made a mistake.",
            "Can I still [upgrade|change] to [express|overnight] shipping [for {order}|for my order]?",
            "I [was not home|missed the driver], when [is the next attempt|will {carrier} come again]?",
        ),
        heldout=(
            "I entered the wrong delivery address, can you change it before it ships?",
            "How long does shipping to {country} take?",
            "I missed the delivery yesterday, can it be delivered again on {weekday}?",
        ),
    ),
    Intent(
        "sending-back",
        train=(
            "I want to [return|exchange|send back] [my order|the {product}|an item] [because it is too small|, how does that work|within {many} days].",
            "The return label [will not print|was not in the box|has the wrong address], [please send another|what now]?",
            "How long do I have to [return|send back] the {product}, and who pays [the postage|for shipping it]?",
        ),
        heldout=(
            "How do I return an item I bought last week?",
            "Please send me a return label for the {product}.",
        ),
    ),
)
