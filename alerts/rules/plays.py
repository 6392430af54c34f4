"""Next steps that several rules share, since the trouble behind them is the same."""

from typing import Final

from alerts.playbooks import Play

# First value was never reached.
FIRST_VALUE_PLAYS: Final = (
    Play(
        id="first_value_session",
        name="Reach it together",
        do="Book 45 minutes and do the first valuable action with them, on their own data, before it ends.",
    ),
    Play(
        id="missing_piece",
        name="Find the missing piece",
        do="Data, access, time or a decision? Name what is missing, who has it, and the day it comes.",
    ),
    Play(
        id="shrink_the_step",
        name="Make the step smaller",
        do="Choose the smallest use that helps one team next week, and leave everything else for later.",
    ),
    Play(
        id="template",
        name="Set it up for them",
        do="Set up a template account with their names in it, so that they begin with something that works.",
        who="solution engineer",
    ),
    Play(
        id="sponsor_reminder",
        name="Ask the sponsor for time",
        do="Tell the sponsor the date that was planned and the day it is now, and ask for the people it takes.",
    ),
)

# More is paid for than used.
SEAT_PLAYS: Final = (
    Play(
        id="seat_review",
        name="Go through the seats",
        do="Send the sponsor the seats that nobody uses, and agree on a name for each or on a date to decide.",
    ),
    Play(
        id="invite_wave",
        name="Invite the next team",
        do="Pick the next team with the champion, and hold one onboarding session for all of them.",
    ),
    Play(
        id="remove_hurdles",
        name="Look for hurdles",
        do="Ask three people who have a seat and do not use it what keeps them away.",
    ),
    Play(
        id="share_wins",
        name="Tell their own success",
        do="Write up what the active team gains in five sentences, for the sponsor to send around.",
    ),
    Play(
        id="honest_talk",
        name="Talk about the size",
        do="Raise it before the renewal does; fewer seats at a fair price keep more than a surprise.",
        who="account executive",
    ),
)

# People stopped coming.
REGAIN_USE_PLAYS: Final = (
    Play(
        id="who_left",
        name="List who left",
        do="Send the champion the names that stopped within the month, and ask what changed for that team.",
    ),
    Play(
        id="restart_team",
        name="Restart the team",
        do="Book one 30-minute session for those who stopped, on the one task that they used it for.",
    ),
    Play(
        id="check_rollout",
        name="Check for a silent switch",
        do="Ask whether a reorganisation, a budget or another tool is behind it; the answer decides the next step.",
    ),
    Play(
        id="sponsor_use_case",
        name="Renew the use case",
        do="Agree with the sponsor on the one team that must use it by next month, and plan back from there.",
    ),
    Play(
        id="train_the_trainer",
        name="Train a trainer",
        do="Give one person there the material and the time to bring the others back, and praise them for it.",
    ),
)

# A further step, or a feature, was left out.
NEXT_STEP_PLAYS: Final = (
    Play(
        id="show_next_step",
        name="Show the next step",
        do="Show the next milestone on their own data in 20 minutes, and what others gained by it.",
    ),
    Play(
        id="ask_why",
        name="Ask why it stops here",
        do="Not needed, not known, or not working? Each has another answer; note which.",
    ),
    Play(
        id="pair_users",
        name="Pair two users",
        do="Let the most active user show the next step to one colleague, with you beside them.",
    ),
    Play(
        id="guide",
        name="Send a short guide",
        do="Send one page or two minutes of video about the next milestone, and ask how it went after a week.",
    ),
    Play(
        id="drop_it",
        name="Leave it out",
        do="If it does not fit their work, agree on another milestone that does, and note it in the plan.",
    ),
)
