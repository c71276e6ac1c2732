"""The document as one page for people, at /docs. Written here, since everything that shows OpenAPI
otherwise is loaded from somewhere else; without scripts, since nothing on it needs one."""

from __future__ import annotations

import html as escaping
import json
import re
from typing import Any

__all__ = ["html"]

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #777; --code: #8881; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 6rem; }
h1 { margin: 0 0 .5rem; } h2 { margin: 3rem 0 .5rem; border-bottom: 1px solid var(--line); }
h3 { margin: 1.5rem 0 .3rem; font-size: 1.05rem; }
code, pre { font: .875em/1.5 ui-monospace, monospace; background: var(--code); }
code { padding: .1em .3em; border-radius: 4px; overflow-wrap: anywhere; }
pre { padding: .7rem .9rem; border-radius: 6px; overflow-x: auto; }
pre code { padding: 0; background: none; }
details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; }
details[open] { padding-bottom: .7rem; }
summary { cursor: pointer; padding: .5rem .8rem; overflow-wrap: anywhere; }
details > :not(summary) { margin-left: .8rem; margin-right: .8rem; }
.verb { display: inline-block; min-width: 4.6em; font: 700 .8em ui-monospace, monospace; }
.quiet { color: var(--quiet); } table { border-collapse: collapse; width: 100%; }
details > table { width: calc(100% - 1.6rem); }
td { vertical-align: top; padding: .3rem .6rem .3rem 0; border-top: 1px solid var(--line); }
th { text-align: left; font-weight: normal; color: var(--quiet); }
nav a { display: inline-block; margin-right: .9rem; }
"""


def html(document: dict[str, Any]) -> str:
    """The whole page."""
    info = document["info"]
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        f"<title>{_text(info['title'])}</title><style>{_STYLE}</style></head><body><main>",
        f"<h1>{_text(info['title'])} <small class=quiet>{_text(info['version'])}</small></h1>",
        '<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>',
        "<nav>",
        *(f'<a href="#{tag["name"]}">{_text(tag["name"])}</a> ' for tag in document["tags"]),
        '<a href="#webhooks">webhooks</a> <a href="#schemas">schemas</a></nav>',
        _markdown(info["description"]),
    ]
    for tag in document["tags"]:
        parts.append(f'<h2 id="{tag["name"]}">{_text(tag["name"].capitalize())}</h2>')
        parts.append(_markdown(tag["description"]))
        for path, methods in document["paths"].items():
            for verb, operation in methods.items():
                if tag["name"] == operation["tags"][-1]:
                    parts.append(_operation(document, verb, path, operation))
    parts.append("<h2 id=webhooks>Webhooks</h2>")
    for name, methods in document["webhooks"].items():
        parts.append(_operation(document, "post", name, methods["post"]))
    parts.append("<h2 id=schemas>Schemas</h2>")
    for name, schema in document["components"]["schemas"].items():
        parts.append(f'<details id="schema-{name}"><summary><code>{name}</code></summary>')
        parts.append(_markdown(schema.get("description", "")) + _fields(schema) + "</details>")
    parts.append("</main></body></html>")
    return "".join(parts)


def _operation(document: dict[str, Any], verb: str, path: str, operation: dict[str, Any]) -> str:
    name = operation["operationId"]
    parts = [
        f'<details id="{name}"><summary><span class=verb>{verb.upper()}</span>',
        f"<code>{_text(path)}</code> <span class=quiet>{_text(operation['summary'])}</span>",
        f"</summary>{_markdown(operation['description'])}",
    ]
    parameters = operation.get("parameters", [])
    if parameters:
        parts.append("<h3>Parameters</h3><table><tr><th>name<th>type<th>meaning")
        for one in parameters:
            needed = "" if one.get("required") else " <span class=quiet>optional</span>"
            parts.append(
                f"<tr><td><code>{_text(one['name'])}</code> <span class=quiet>{one['in']}</span>"
                f"{needed}<td>{_kind(one['schema'])}<td>{_inline(one.get('description', ''))}"
            )
        parts.append("</table>")
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h3>Body</h3><p><code>{media_type}</code>: {_kind(content['schema'])}")
        for example in content.get("examples", {}).values():
            parts.append(f"<p class=quiet>{_text(example.get('summary', 'For example'))}")
            parts.append(f"<pre><code>{_text(json.dumps(example['value'], indent=2))}</code></pre>")
    parts.append("<h3>Answers</h3><table><tr><th>status<th>body<th>meaning")
    for status, answer in operation["responses"].items():
        if "$ref" in answer:
            named = answer["$ref"].rpartition("/")[2]
            answer = document["components"]["responses"][named]
            text = f"<span class=quiet>{_text(named)}</span>"
        else:
            text = _inline(answer["description"])
        kinds = [_kind(one["schema"]) for one in answer.get("content", {}).values()]
        parts.append(f"<tr><td><code>{status}</code><td>{' '.join(kinds)}<td>{text}")
    parts.append("</table></details>")
    return "".join(parts)


def _fields(schema: dict[str, Any]) -> str:
    rows = []
    for name, one in schema.get("properties", {}).items():
        needed = "" if name in schema.get("required", ()) else " <span class=quiet>optional</span>"
        rows.append(
            f"<tr><td><code>{_text(name)}</code>{needed}<td>{_kind(one)}<td>{_inline(_said(one))}"
        )
    head = "<tr><th>name<th>type<th>meaning" if rows else ""
    return f"<table>{head}{''.join(rows)}</table>"


def _said(schema: dict[str, Any]) -> str:
    """What a field is; of one that may be null it can stand with what it is else."""
    inner = [_said(one) for one in schema.get("anyOf", ())]
    return str(schema.get("description") or next(filter(None, inner), ""))


def _number(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:,}"


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words, with links to those that have a name."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{name}">{name}</a>'
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_kind(one) for one in schema[several])
    if "enum" in schema:
        return " | ".join(f"<code>{_text(str(one))}</code>" for one in schema["enum"])
    if "const" in schema:
        return f"<code>{_text(json.dumps(schema['const']))}</code>"
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    bounds = [
        f"{word} {_number(schema[key])}"
        for key, word in (
            ("minimum", "from"),
            ("maximum", "to"),
            ("minLength", "at least"),
            ("maxLength", "at most"),
        )
        if key in schema
    ]
    words = [_text(kind), *bounds]
    if "format" in schema:
        words.append(_text(schema["format"]))
    if "pattern" in schema:
        words.append(f"<code>{_text(schema['pattern'])}</code>")
    return " ".join(words)


# --- the little markdown of our own texts ---------------------------------------------------------


def _markdown(text: str) -> str:
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.splitlines()
        if block.startswith("#"):
            level = len(block) - len(block.lstrip("#"))
            blocks.append(f"<h{level}>{_inline(block.lstrip('# '))}</h{level}>")
        elif block.startswith("|"):
            rows = [line.split("|")[1:-1] for line in lines if not line.startswith("|--")]
            cells = ("".join(f"<td>{_inline(cell.strip())}" for cell in row) for row in rows)
            blocks.append("<table>" + "".join(f"<tr>{one}" for one in cells) + "</table>")
        elif re.match(r"1\. ", block):
            items = re.split(r"(?:^|\n)\d+\. ", block)[1:]
            blocks.append("<ol>" + "".join(f"<li>{_inline(one)}" for one in items) + "</ol>")
        else:
            blocks.append(f"<p>{_inline(block)}</p>")
    return "".join(blocks)


def _inline(text: str) -> str:
    safe = _text(text)
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)
    return re.sub(r"\[([^\]]+)\]\s*\((https://[^)\s]+)\)", r'<a href="\2">\1</a>', safe)


def _text(text: str) -> str:
    return escaping.escape(text, quote=True)
