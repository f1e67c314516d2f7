"""What simulated speakers can say: pools of sentences with slots, no logic.

A move is a tuple of pools; a turn says one sentence of each. Slots are filled with str.format:
`{persona}` `{emotion}` `{topic}` as asked for, `{Persona}` and so on at the start of a sentence, and what
circumstances.py has; `{your_other}` is `{other}` as the assistant says it. The three that are asked for stand only
where a noun, an adjective or a whole phrase all read well.
"""

from __future__ import annotations

Move = tuple[tuple[str, ...], ...]

OPENING: Move = (
    (
        "Hello, {persona} here.",
        "Hi there. {Persona} speaking.",
        "Good morning, this is a question from somebody you could file under “{persona}”.",
        "Hello! In short: {persona}, with a question.",
        "Hi, thanks for taking the time. {Persona} here.",
    ),
    (
        "It is about {topic}, and it has been on my mind {since}.",
        "I need some help with {topic}; I have been turning it over {since}.",
        "My subject is {topic}, and I have been stuck on it {since}.",
        "{Since} I have kept coming back to {topic}, without getting anywhere.",
        "Could we talk about {topic}? It has kept me busy {since}.",
    ),
    (
        "One word for how I feel about it: {emotion}.",
        "If you asked how I feel right now, the answer would be: {emotion}.",
        "My mood in one word? {Emotion}.",
        "You will notice the state I am in: {emotion}.",
        "Just so you know what you are dealing with: {emotion}, that is me today.",
    ),
)

PROBE: Move = (
    (
        "Thank you for saying it so openly; “{emotion}” tells me where to begin.",
        "Good that you ask, and good that you say how it feels.",
        "I am glad you wrote; a lot of people write to me about {topic} at just this point.",
        "Understood, and “{emotion}” is a fair thing to be here.",
        "Welcome. We can work on that together.",
    ),
    (
        "What would have to be true for you to call it settled?",
        "Which part of it do you want off your desk first?",
        "What have you tried so far, and what came of it?",
        "Is there a date that we have to keep in mind?",
        "Who else is affected by what you decide?",
        "What would happen if you did nothing for a week?",
    ),
)

DETAIL: Move = (
    (
        "It has to be done {deadline}, and what hangs on it is {stake}.",
        "I promised it {deadline}, and at stake is {stake}.",
        "{Other} told me that it was easy, which did not help, because it has to be done {deadline}.",
        "So far I have read a lot and done little, and it needs an answer {deadline}.",
        "The first attempt went wrong, quietly, and I only noticed when {other} asked about it.",
    ),
    (
        "What I cannot judge is where to start.",
        "I can follow instructions; I just do not want to follow the wrong ones.",
        "I would rather hear an honest “it depends” than a quick yes.",
        "What makes it hard is that every answer I find contradicts the one before.",
        "And I would like to understand it, not only to get through it.",
    ),
)

ADVICE: Move = (
    (
        "Then I would take it in two steps, as so often with {topic}.",
        "Let us keep it small.",
        "That is enough for me to suggest an order.",
        "Here is what usually works.",
        "With {topic}, the order matters more than the speed.",
    ),
    (
        "First, {step}; then {next_step}.",
        "Begin with this: {step}. Once that stands, {next_step}.",
        "Today I would {step}, and after that {next_step}.",
        "The first thing is to {step}. The second is to {next_step}.",
    ),
    (
        "You will know that it works by this: {measure}.",
        "What you should have at the end is {measure}.",
        "A good sign would be {measure}.",
        "Does that fit what you had in mind?",
    ),
)

FOLLOW_UP: Move = (
    (
        "That sounds doable.",
        "All right, I can picture that.",
        "I had it the other way round, so that helps already.",
        "Fine, the first half is clear.",
        "Good, I can do that this evening.",
    ),
    (
        "What if the first step shows that I was wrong from the start?",
        "How much time should I give the first part before I move on?",
        "Does the order change if {other} wants a say in it?",
        "And what do I do when the answer is “maybe”?",
        "How do I tell a real problem from a bad feeling?",
        "Is there anything that I should leave alone for now?",
    ),
)

CLARIFY: Move = (
    (
        "Good question.",
        "That happens, and it is no drama.",
        "I am glad you ask before and not after.",
        "It depends on one thing only.",
        "Let me be exact about that.",
    ),
    (
        "If it turns out otherwise, you have lost an hour and gained a reason; go on from what you then know.",
        "Give it one sitting; if there is no result by then, the question was too big, and we cut it in two.",
        "What can be undone, just try; what cannot be undone, show to somebody first.",
        "Take the smaller of the two options whenever you are in doubt: it leaves the other one open.",
        "A bad feeling becomes a problem when you can say what would have to happen; until then, note it and go on.",
    ),
)

CONFIRM: Move = (
    (
        "So, in my words: I {step}, and only then do I decide.",
        "Then I will do it in that order and not let {other} hurry me.",
        "That takes a weight off; I now know what comes first.",
        "I have written it down in three lines, which is two pages fewer than yesterday.",
        "Good. It is a plan, and a plan is more than I had an hour ago.",
    ),
    (
        "If I get stuck with {topic} again, I will come back to you.",
        "I did not expect to see this so clearly, not with {topic}.",
        "Thank you, honestly.",
        "I feel better about {topic} already.",
    ),
)

CLOSING: Move = (
    (
        "You are welcome.",
        "Gladly.",
        "Good, then you have what you need.",
        "That is a sound summary.",
        "I am happy to hear that.",
    ),
    (
        "Keep in view what you are after: {measure}.",
        "Write to me once the first step is done, and we will look at the next.",
        "If something looks odd on the way, stop there and ask; that is cheaper than going on.",
        "And if it is not done {deadline}, you still know more than you do now.",
        "Take it one step at a time, and good luck with {topic}.",
    ),
)

TWIST: Move = (
    (
        "Wait, there is something that I left out.",
        "Hm. I should have said this at the start.",
        "Before you go on: a detail that may matter.",
        "Now that you say it, there is a catch.",
        "I just looked it up again, and it is not as I told you.",
    ),
    (
        "The fact is, {surprise}.",
        "It turns out that {surprise}.",
        "The thing is that {surprise}.",
        "To put it plainly: {surprise}.",
    ),
    (
        "Does that change everything, or only the order?",
        "Can I still do it the way you said?",
        "I did not think it was important until you mentioned the second step.",
        "I was hoping that it would not matter.",
    ),
)

REASSESS: Move = (
    (
        "It does change my answer, so let me take back part of it.",
        "Thank you; with that, I would not do what I suggested a minute ago.",
        "That is the kind of detail that turns the order round.",
        "Good that it came up now and not at the end.",
    ),
    (
        "I see two ways: you can wait until that point is settled, which is safe and slow, or go on with the part that "
        "it does not touch, which is quicker and may cost you some of the work.",
        "One way is to tell everybody concerned now and plan again; the other is to finish the smallest useful part "
        "first and tell them with a result in hand.",
        "Either you treat it as fixed and build around it, or you find out today whether it can be moved at all.",
        "You could go on with a smaller aim, or keep the aim and move the date; the one thing I would avoid is to do "
        "neither.",
    ),
)

CONCERN: Move = (
    (
        "Neither of them is what I wanted to hear.",
        "I see both, and I like neither.",
        "The second one tempts me, I admit.",
        "That is where I get nervous.",
    ),
    (
        "If I choose wrongly, it costs me {stake}.",
        "What would {other} say if it came out later?",
        "How do I explain that to {other}?",
        "I am afraid that I lose {stake} either way.",
    ),
    (
        "Which one would you take in my place?",
        "So what do you recommend, and why?",
        "Please do not say that it is up to me.",
        "Tell me which, and give me the reason along with it.",
    ),
)

RECOMMEND: Move = (
    (
        "I would take the careful way.",
        "My recommendation is the first of the two.",
        "I lean towards the one that leaves you a way back.",
        "Then clearly: the way that you can still undo.",
    ),
    (
        "The reason is simple: being late is repaired by a message, being wrong is not.",
        "It protects {stake}, and all it takes from you is a little time.",
        "You learn what you need to know before you commit, and not afterwards.",
        "If the other way fails, you start again; if this one fails, you only start later.",
    ),
    (
        "Tell {your_other} today, in two sentences, what changed and what you will do about it.",
        "So {next_step}, and only then {step}.",
        "Concretely: {step} first, without promising anything to anybody yet.",
    ),
)

ACCEPT: Move = (
    (
        "I can live with that.",
        "Put like that, it is less of a defeat than I thought.",
        "All right. Not the answer I hoped for, but one that I can use.",
        "Then that is how I will do it.",
    ),
    (
        "I will write to {other} tonight, before I lose heart.",
        "At least I now have a reason that I can repeat.",
        "It still leaves me with something to show {deadline}.",
        "Strange how one sentence can change what I think about {topic}.",
    ),
)

INSIST: Move = (
    (
        "With respect, that is easy to say from where you sit.",
        "I hear a no, wrapped up nicely.",
        "And who pays for it if I do it your way?",
        "Somebody else would just do it, you know.",
    ),
    (
        "I have {stake} to lose and no time for principles.",
        "It has to be done {deadline}, not in an ideal world.",
        "{Other} got away with it, so why should I not?",
        "I came for help with {topic}, not for a lesson.",
    ),
)

STAND_FIRM: Move = (
    (
        "You have every reason to be short with me, and the answer stays the same.",
        "I am not judging you, and I am not going to pretend either.",
        "I would say the same to anybody, {your_other} included.",
        "You came for help, and you will get it, only not with that.",
    ),
    (
        "The limit is there because {reason}.",
        "Here is why: {reason}.",
        "I will not move on that, for one reason: {reason}.",
    ),
)

WORRY: Move = (
    (
        "And if I do nothing, and it goes wrong anyway?",
        "Then tell me what is left, because I do not see much.",
        "Fine. Say that I agree: what is left for me to do?",
        "I understand the reason; it just does not help me {deadline}.",
    ),
    (
        "I do not want to hurt anybody, I want this to be over.",
        "This is about {topic}; it is not supposed to be this hard.",
        "I have hardly slept {since}.",
        "I would rather hear the worst case now than find it out alone.",
    ),
)

ALTERNATIVE: Move = (
    (
        "There is something that can be done, and it can be done today.",
        "What is left is more than it looks like.",
        "Then let us use the room that you do have.",
        "Here is what I can offer instead.",
    ),
    (
        "You can {alternative}.",
        "The way that is open is to {alternative}.",
        "My suggestion: {alternative}.",
    ),
    (
        "If it gets worse in the meantime, do not wait for me: go to somebody who can look at it in person.",
        "It is not the quick way, but nobody can hold it against you.",
        "After that, {next_step}, and keep {your_other} informed.",
        "I will stay with you until the first step is done.",
    ),
)

PRESSURE: Move = (
    (
        "I have tried the proper way, and it leads nowhere.",
        "Let me be blunt.",
        "There must be a shorter way.",
        "I am past the point of nice advice.",
    ),
    ("{pressure}",),
    (
        "Nobody would ever know.",
        "I have {stake} riding on it.",
        "I would take the blame for it.",
        "It is only about {topic}, not about life and death.",
        "You would do me a real favour.",
    ),
)

BOUNDARY: Move = (
    ("{boundary}",),
    (
        "I can see why you ask, with {stake} at risk.",
        "I know that this is not what you wanted from me.",
        "I say it early so that you can still plan around it.",
        "That does not mean that I leave you alone with it.",
    ),
)
