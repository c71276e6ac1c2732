"""donablock endpoint ...: where webhooks go, and what came of them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from donablock.cli.client import Api, segment
from donablock.cli.console import err, out, print_json
from donablock.errors import InputError

app = typer.Typer(help="Where webhooks go, and what came of them.", no_args_is_help=True)

_SHOWN = 60
"""Characters of an answer's body."""

Id = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Its id: ep_...")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def _path(id: str, *rest: str) -> str:
    return "/".join(("/v1/endpoints", segment(id), *rest))


@app.command()
def create(
    url: Annotated[str, typer.Argument(help="https://..., where messages are sent.")],
    description: Annotated[str, typer.Option(help="For yourselves.")] = "",
    header: Annotated[
        list[str] | None, typer.Option(help="'Authorization: Bearer ...'; may be given again.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Messages a second, at most.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Requests at once, at most.")] = None,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="One after the other, for each address.")
    ] = False,
) -> None:
    """Make an endpoint. Its id is printed, and the secret by which its receiver knows us."""
    made = Api.configured().ask(
        "POST",
        "/v1/endpoints",
        {
            "url": url,
            "description": description,
            "headers": dict(_header(text) for text in header or ()),
            "rate_per_second": rate,
            "concurrency": concurrency,
            "is_ordered": ordered,
        },
    )
    print(made["id"])
    print(made["signing"]["secret"])
    err.print("The second line is the secret for the receiver; it is shown this once.")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the endpoints."""
    found = list(Api.configured().pages("/v1/endpoints"))
    if as_json:
        print_json(found)
        return
    table = Table("id", "url", "state", "description", box=None)
    for one in found:
        table.add_row(one["id"], one["url"], _state(one), one["description"])
    out.print(table if found else "There is no endpoint yet: donablock endpoint create --help")


@app.command()
def show(id: Id) -> None:
    """Show all of an endpoint, but its secrets."""
    print_json(Api.configured().ask("GET", _path(id)))


@app.command()
def test(id: Id) -> None:
    """Send it a test message."""
    print(Api.configured().ask("POST", _path(id, "test"))["id"])
    err.print("It is sent; `donablock endpoint deliveries` says what came of it.")


@app.command()
def enable(id: Id) -> None:
    """Send to it again; what waited goes first."""
    Api.configured().ask("POST", _path(id, "enable"))


@app.command()
def disable(id: Id) -> None:
    """Send nothing to it; what comes waits."""
    Api.configured().ask("POST", _path(id, "disable"))


@app.command()
def delete(id: Id) -> None:
    """Delete it; what waits is given up."""
    Api.configured().ask("DELETE", _path(id))


@app.command()
def deliveries(
    id: Id,
    state: Annotated[
        str | None, typer.Option(help="Only: pending, leased, delivered or dead.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show its messages, the newest first."""
    found = list(Api.configured().pages(_path(id, "deliveries"), limit, state=state))
    if as_json:
        print_json(found)
        return
    table = Table("id", "type", "state", "attempts", "made", "arrived", "next", box=None)
    for one in found:
        times = (_time(one[name]) for name in ("created_at", "delivered_at", "next_at"))
        table.add_row(one["id"], one["type"], one["state"], str(one["attempts"]), *times)
    out.print(table if found else "Nothing was sent to it yet.")
    if any(one["state"] != "delivered" and one["attempts"] for one in found):
        err.print("Why something did not arrive: donablock endpoint attempts MESSAGE")


@app.command()
def attempts(
    id: Annotated[str, typer.Argument(metavar="MESSAGE", help="Its id: evt_... or test_...")],
    as_json: AsJson = False,
) -> None:
    """Show every try to deliver one message, and what came back."""
    path = f"/v1/deliveries/{segment(id)}/attempts"
    found = Api.configured().ask("GET", path)["data"]
    if as_json:
        print_json(found)
        return
    table = Table("try", "at", "took, ms", "answer", "body", box=None)
    for one in found:
        answer = one["error"] if one["status"] is None else str(one["status"])
        body = (one["response_body"] or "")[:_SHOWN]
        took = str(one["duration_ms"])
        table.add_row(str(one["number"]), _time(one["started_at"]), took, answer, body)
    out.print(table if found else "It was not tried yet.")


@app.command()
def replay(
    id: Id,
    state: Annotated[
        list[str] | None, typer.Option(help="dead or delivered; may be given again.")
    ] = None,
) -> None:
    """Send its messages again, under the same ids. Default: those that were given up."""
    body = {} if state is None else {"states": state}
    found = Api.configured().ask("POST", _path(id, "replay"), body)
    out.print(f"{found['count']} messages are sent again.")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise InputError("--header: write it as 'Name: value'")
    return name.strip(), value.strip()


def _time(text: str | None) -> str:
    return (text or "-")[:19].replace("T", " ")


def _state(endpoint: dict[str, object]) -> str:
    because = endpoint["disabled_because"]
    return f"disabled: {because}" if because else str(endpoint["state"])
