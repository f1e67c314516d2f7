"""What a simulated conversation is set in: drawn once for each, so that its turns agree with each other."""

from __future__ import annotations

CIRCUMSTANCES: dict[str, tuple[str, ...]] = {
    "since": (
        "since Monday",
        "for two weeks now",
        "since the weekend",
        "for about a month",
        "since yesterday morning",
        "since the spring",
        "for longer than I like to admit",
        "since the last holidays",
    ),
    "other": (
        "my sister",
        "a colleague",
        "my neighbour",
        "an old friend",
        "somebody at work",
        "my brother-in-law",
        "the person who did this before me",
        "my flatmate",
    ),
    "deadline": (
        "by Friday",
        "before the end of the month",
        "within two days",
        "by noon tomorrow",
        "before the weekend",
        "in three weeks",
        "before the holidays",
        "by the tenth",
    ),
    "stake": (
        "money that can be spent only once",
        "the trust of people who matter",
        "a plan that others depend on",
        "the work of half a year",
        "a good name that took years",
        "the goodwill of several people",
        "a chance that will not come back",
        "a friendship older than all this",
    ),
    "surprise": (
        "I am not the only one who decides",
        "the option I liked best is no longer open",
        "half of it has already been paid",
        "the papers are in another person's name",
        "it has to work without me being there",
        "the date was moved forward by a week",
        "I already said yes to something else",
        "the budget was cut by a third this morning",
    ),
    "step": (
        "write down what is there today and what should be there at the end",
        "put the open questions on one list and mark those that cannot wait",
        "check what was agreed in writing",
        "try it once on a small scale, where a mistake costs nothing",
        "ask whoever decides for the exact terms, in one sentence",
        "settle what to do if nothing changed at all",
        "put a number on it, even a rough one",
        "separate what is certain from what is only assumed",
    ),
    "next_step": (
        "compare two ways of doing it, not five",
        "talk to the person it affects most",
        "set a day on which you decide, whatever you know by then",
        "do the part that cannot be undone last",
        "keep a short note of what changes and when",
        "ask for a second opinion on the one point that worries you",
        "leave a margin for the thing that nobody planned",
        "look at it again after one night's sleep",
    ),
    "measure": (
        "one thing fewer to worry about each evening",
        "an answer that you can explain in two sentences",
        "a result that still looks right a week later",
        "a short list with every line ticked off",
        "nobody asking you about it twice",
        "an open question fewer than yesterday",
    ),
}
"""Slots of phrases.py with what may fill them; both speakers must be able to say it, except `since` and `other`."""

LIMITS: tuple[dict[str, str], ...] = (
    {
        "pressure": "Could we simply leave the awkward part out and hope that nobody asks?",
        "boundary": "I will not help to leave that out.",
        "reason": "somebody is going to rely on it, and would decide on something that is not true",
        "alternative": "say it openly in one line, and put beside it what you have done about it",
    },
    {
        "pressure": "Can I skip the safety check, just this once?",
        "boundary": "That check is the one step that I will not help to skip.",
        "reason": "if it goes wrong, somebody gets hurt, and no saved hour is worth that",
        "alternative": "do the check first, in its shortest form, and have somebody qualified look at the rest",
    },
    {
        "pressure": "Could you find out what the other side has written, without asking them?",
        "boundary": "I cannot look into somebody else's affairs.",
        "reason": "they have the same right to be left alone that you have",
        "alternative": "ask them yourself, with a question that they can answer in one line",
    },
    {
        "pressure": "What I need is a guarantee, in writing, that this will work out.",
        "boundary": "A guarantee is something that I cannot give.",
        "reason": "too much of it is decided by people who are neither you nor me",
        "alternative": "agree with yourself, before you begin, on the point at which you stop",
    },
    {
        "pressure": "Make it happen today, whatever it takes.",
        "boundary": "Today is not possible, and I would rather say so now.",
        "reason": "some of the steps wait for other people, and pushing does not make those people faster",
        "alternative": "settle today the part that is in your own hands, and ask for a date for the rest",
    },
    {
        "pressure": "Just tell me what to sign, and I will sign it.",
        "boundary": "I will not tell you to sign what neither of us has read.",
        "reason": "a signature cannot be taken back, and I am no substitute for somebody who is liable for the advice",
        "alternative": "ask for a copy and two days, and have somebody qualified read it in that time",
    },
)
"""What an edge case runs into; one is drawn for a conversation."""
