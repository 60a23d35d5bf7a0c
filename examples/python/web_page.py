"""What web.py looks like: all of its HTML. What a person has written goes through esc()."""
from __future__ import annotations

import html
from datetime import datetime, timedelta

import usher
from usher import State

STYLE = """
:root { color-scheme: light dark; --ground: #f4f5f7; --card: #fff; --ink: #1c2330; --quiet: #5d6675; --line: #dfe3e9;
        --accent: #0b6bcb; --on-accent: #fff; --done: #1a7f4b; --warm: #a15c00; --warm-ground: #fff4df; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #10141a; --card: #191f28; --ink: #e8ecf2; --quiet: #98a3b3; --line: #2c3542;
          --accent: #5aa9f4; --on-accent: #08131f; --done: #4cc38a; --warm: #f0b254; --warm-ground: #2b2416; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
       font: 16px/1.5 system-ui, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 40rem; margin: 0 auto; padding: 2.5rem 1rem 3rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1.6rem 1.8rem 1.8rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .2rem 0 .3rem; }
p { margin: .4rem 0; }
.quiet, footer { color: var(--quiet); font-size: .9rem; }
footer { margin: 1.2rem .3rem 0; }
a { color: var(--accent); }
ol.steps { list-style: none; display: flex; gap: .4rem; padding: 0; margin: 0 0 1.5rem; }
ol.steps li { flex: 1; padding-top: .5rem; border-top: 4px solid var(--line); color: var(--quiet); font-size: .82rem; }
ol.steps li.done { border-color: var(--done); }
ol.steps li.now { border-color: var(--accent); color: var(--ink); font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .55rem 1.4rem; margin: 1.4rem 0 0; padding-top: 1.2rem;
     border-top: 1px solid var(--line); }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; white-space: pre-line; }
.late { color: var(--warm); font-weight: 600; }
blockquote { margin: 1rem 0; padding: .8rem 1rem; border-radius: 10px; background: var(--warm-ground);
             border-left: 4px solid var(--warm); overflow-wrap: anywhere; white-space: pre-line; }
form { margin-top: 1.4rem; }
label { display: block; margin: .9rem 0 .25rem; font-size: .9rem; color: var(--quiet); }
input, textarea, select { width: 100%; padding: .6rem .7rem; font: inherit; color: inherit; background: var(--ground);
                          border: 1px solid var(--line); border-radius: 8px; }
textarea { min-height: 5.5rem; resize: vertical; }
.buttons { display: flex; flex-wrap: wrap; gap: .6rem; margin-top: 1rem; }
button { padding: .55rem 1.1rem; font: inherit; font-weight: 600; border-radius: 8px; cursor: pointer;
         border: 1px solid var(--line); background: none; color: var(--ink); }
button.first { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .7rem; } ol.steps li { font-size: .72rem; } }
"""


def esc(text: object) -> str:
    return html.escape(str(text), quote=True)


def page(
    title: str,
    content: str,
    *,
    refresh: int = 0,
    foot: str = '<a href="/">Bring another request</a>',
) -> str:
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{again}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{esc(title)}</title><style>{STYLE}</style></head>"
        f'<body><main><div class="card">{content}</div><footer>{foot}</footer>'
        "</main></body></html>"
    )


def length(d: timedelta) -> str:
    """A duration in the two units that matter: "3 h 20 min"."""
    s = round(d.total_seconds())
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min"
    big, name, small, of = (86400, "d", 3600, "h") if s >= 86400 else (3600, "h", 60, "min")
    rest = s % big // small
    return f"{s // big} {name} {rest} {of}" if rest else f"{s // big} {name}"


def moment(at: datetime, now: datetime) -> str:
    words = f"in {length(at - now)}" if at >= now else f"{length(now - at)} ago"
    return f'<time datetime="{at.isoformat()}" title="{at:%d %b %Y %H:%M} UTC">{words}</time>'


def ordinal(n: int) -> str:
    return f"{n}{'th' if 10 < n % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


FRONT = """
<h1>What can we do for you?</h1>
<p class="quiet">You get an address at which you see at any time where your request is.</p>
<form method="post" action="/">
<label for="who">Your name</label><input id="who" name="who" required
 maxlength="100" autocomplete="name">
<label for="text">What is the trouble?</label><textarea id="text" name="text"
 required maxlength="1000"></textarea>
<label for="priority">How bad is it?</label><select id="priority" name="priority">
<option value="low">It can wait</option><option value="normal" selected>It is in my way</option>
<option value="high">I cannot work</option></select>
<div class="buttons"><button class="first">Send it</button></div></form>"""

STEPS = ("In line", "Somebody has it", "Solved", "Closed")
STEP = {  # all others: in line
    State.CLAIMED: 1,
    State.PAUSED: 1,
    State.OFFERED: 1,
    State.RESOLVED: 2,
    State.CLOSED: 3,
    State.WITHDRAWN: 3,
}


def steps(step: int) -> str:
    out = []
    for i, name in enumerate(STEPS):
        look = "done" if i < step or step == 3 else "now" if i == step else ""
        out.append(f'<li class="{look}">{name}</li>')
    return f'<ol class="steps">{"".join(out)}</ol>'


def headline(p: usher.Standing) -> str:
    if p.state is State.WAITING and p.ahead_in_queue is not None:
        place = f"{ordinal(p.ahead_in_queue + 1)} in line" if p.ahead_in_queue else "next"
        return f"<h1>You are {place}</h1>"
    if p.waits_for_you:
        return f"<h1>We wait for you</h1><blockquote>{esc(p.question)}</blockquote>"
    said = {
        State.CLAIMED: f"{p.holder} has it",
        State.OFFERED: f"{p.holder} is passing it on",
        State.PAUSED: "It is on hold",
        State.RESOLVED: "We think it is solved",
        State.CLOSED: "It is solved",
        State.WITHDRAWN: "You have withdrawn it",
        State.STUCK: "We are stuck with it, and somebody looks into that",
    }.get(p.state, "It has not begun yet")
    return f"<h1>{esc(said)}</h1>"


def facts(p: usher.Standing, wrote: str, now: datetime) -> str:
    rows = {}
    if p.last_word and not p.waits_for_you:
        rows["Last word"] = esc(p.last_word)
    if p.next_word is not None:
        when = moment(p.next_word, now)
        late = f'<span class="late">it was due {when}: we are late</span>'
        rows["Next word"] = f"{when} at the latest" if p.next_word >= now else late
    if p.holder and p.state is not State.CLAIMED:
        rows["Who has it"] = esc(p.holder)
    if p.chases:
        rows["You asked"] = "once" if p.chases == 1 else f"{p.chases} times"
    if p.state is State.WAITING and p.wait_p50 is not None and p.wait_p90 is not None:
        half, most = length(p.wait_p50), length(p.wait_p90)
        rows["People waited"] = f"half of the last {p.waits} up to {half}, nine of ten up to {most}"
    rows["You wrote"] = f'{esc(wrote)} <span class="quiet">{moment(p.enqueued, now)}</span>'
    return (
        "<dl>" + "".join(f"<dt>{name}</dt><dd>{row}</dd>" for name, row in rows.items()) + "</dl>"
    )


def button(say: str, name: str, first: bool = False) -> str:
    look = ' class="first"' if first else ""
    return f'<button{look} name="say" value="{say}">{name}</button>'


def form(p: usher.Standing) -> tuple[str, bool]:
    """What he may say now, and whether he may be typing."""
    question, buttons = "", ""
    if p.state is State.RESOLVED:
        question = "If it is not: what is still wrong?"
        buttons = button("solved", "It is solved", True) + button("not-solved", "It is not")
    elif p.state is State.CLOSED:
        question, buttons = "If it is not: what is wrong again?", button("not-solved", "It is not")
    elif p.waits_for_you:
        question, buttons = "Your answer", button("reply", "Send it", True)
    elif p.state is not State.WITHDRAWN:
        buttons = button("chase", "What is going on?", True) + button("never-mind", "Never mind")
    text = '<textarea id="text" name="text" maxlength="1000"></textarea>'
    asked = f'<label for="text">{question}</label>{text}' if question else ""
    made = f'<form method="post">{asked}<div class="buttons">{buttons}</div></form>'
    return made if buttons else "", bool(question)


def request_page(p: usher.Standing, wrote: str, now: datetime) -> str:
    """Where one request is, for the person who brought it."""
    what, typing = form(p)
    hello = f'<p class="quiet">Your request, {esc(p.requester)}</p>'
    content = steps(STEP.get(p.state, 0)) + hello + headline(p) + facts(p, wrote, now) + what
    return page("Your request", content, refresh=0 if typing else 10)
