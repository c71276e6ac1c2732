"""ape run verify --network NETWORK: is what is on chain what the manifest says?

Recompiles every contract, compares code, creation transactions, immutables, what the contracts say
of each other, and every role. Needs no account. Exit code 1 if anything is wrong.
"""

from __future__ import annotations

import click
from ape.cli import ConnectedProviderCommand
from rich.console import Console

from donablock.chain.ape_session import open_session
from donablock.chain.manifest import load_manifest
from donablock.chain.publish import publish
from donablock.chain.verify import verify
from donablock.errors import DonaBlockError

console = Console(soft_wrap=True, highlight=False)


@click.command(cls=ConnectedProviderCommand)
@click.option(
    "--publish",
    "publisher",
    type=click.Choice(["sourcify", "etherscan"]),
    help="Publish the source there, if all is right (etherscan needs ETHERSCAN_API_KEY).",
)
def cli(publisher: str | None) -> None:
    """Compare what is on chain with the manifest."""
    try:
        session = open_session(is_deployed=False)
        manifest = load_manifest(session.chain_id)
        report = verify(session, manifest, say=lambda name: console.print(f"  {name}"))
        for note in report.notes:
            console.print(f"[yellow]changed since[/] {note}")
        for finding in report.findings:
            console.print(f"[red]wrong[/] {finding}")
        if not report.is_clean:
            raise click.ClickException(
                f"{len(report.findings)} finding(s) on chain {manifest.chain_id}; "
                f"{report.checks} checks passed"
            )
        console.print(
            f"{manifest.network} (chain {manifest.chain_id}): {report.checks} checks passed, "
            f"source of commit {manifest.source_commit[:12] or 'unknown'}"
            f"{'' if manifest.source_is_clean else ' with changes'}"
        )
        if publisher is not None:
            for line in publish(manifest, publisher):
                console.print(line)
    except DonaBlockError as error:
        raise click.ClickException(str(error)) from error
