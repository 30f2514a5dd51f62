"""Names and values by someone who means harm to whoever reads them."""

import re

CLEAR, LINK, CLIPBOARD, BLINK = "\x1b[2J", "\x1b]8;;http://evil\x1b\\", "\x1b]52;c;cHduZWQ=\x07", "\x1b[31;5;7m"
HARMFUL = (
    f"{BLINK}blinks",
    f"{CLIPBOARD}clipboard",
    f"{LINK}link",
    "\x9b31;5;7mC1\x9d0;title\x9c",
    "back\x08\x08\x08\x07bell\x00nought\x7f",
    "\u202egnp.exe\u202c \u2066isolate\u200f",
    "zero\u200bwidth\u2060\ufeff\xad",
    "[red]markup[/] [/red] [link=http://evil]x[/link] :smile:",
    "[/]",
    "line\r\nbreak\u2028\u2029\x85\x0b\x0c",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "<img src=x onerror=\"window.harmed='img'\">",
    "</script><script>window.harmed='script'</script>",
    "\"'><svg onload=window.harmed='svg'>",
    "</style><style>*{display:none}</style>",
    "{{ 7*7 }}{% raw %}%{y}",
)
LONG = "long" + "x" * 99_996
ALLOWED = re.compile(r"\x1b\[(?:\?25[lh]|[0-9]{0,2}[AKJ]|(?:[0-9]{1,2}(?:;[0-9]{1,3}){0,4})?m)")
"""What rich writes: colours, the cursor shown and hidden, lines wiped out."""
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def acting(shown: str) -> list[str]:
    """What of a terminal's output acts on it, but for what rich writes."""
    payloads = [text for text in (CLEAR, LINK, CLIPBOARD, BLINK) if text in shown]
    return payloads + CONTROLS.findall(ALLOWED.sub("", shown))
