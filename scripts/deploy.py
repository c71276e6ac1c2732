"""ape run deploy --network NETWORK --account ACCOUNT: deploy everything, or go on where it stopped.

The network's file is found by the node's chain id. What will happen is shown first.
"""

from __future__ import annotations

from pathlib import Path

import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option
from rich.console import Console

from donablock.chain.amounts import format_amount
from donablock.chain.ape_session import connected_network, open_session, unlocked
from donablock.chain.deploy import Deployment
from donablock.chain.manifest import manifest_path, read_manifest
from donablock.chain.networks import Network
from donablock.chain.plan import Plan, market_of
from donablock.chain.publish import publish
from donablock.chain.verify import ensure
from donablock.errors import DonaBlockError

console = Console(soft_wrap=True, highlight=False)


def show(plan: Plan) -> None:
    """The plan, for people."""
    network = plan.network
    console.print(f"\n[bold]{network.name}[/] (chain {plan.chain_id}), by {plan.deployer}\n")
    for step in plan.steps:
        place, is_done = plan.placements[step.name], step.name in plan.done
        state = "deployed" if is_done else ("moved" if step.name in plan.moved else "")
        gas = "" if is_done else f"about {plan.gas[step.name]:,} gas"
        line = f"  {place.nonce:>4}  {place.address}  {step.name:<16}  {gas} {state}"
        console.print(line.rstrip())
    console.print("\n[bold]Assets[/]: the native coin, DOBO, GIVE and")
    for token in network.tokens:
        role = ", backs GIVE" if token.symbol == network.backing else ""
        console.print(
            f"  {token.symbol} {token.address}, {token.decimals} decimals{role} (checked; "
            f"{token.source})"
        )
    if network.test_token is not None:
        console.print(f"  {network.test_token.symbol}, a test token that is deployed here")
    show_commission(plan)
    delays = network.delays
    console.print(
        f"\n[bold]Delays[/] (seconds): timelock {delays.timelock:,}, change of payee "
        f"{delays.payee:,}, epoch notice {delays.epoch_notice:,}, commission's shares "
        f"{delays.shares:,}; vesting starts at unix time {network.vesting_start}"
    )
    console.print("\n[bold]Who can move which money[/]")
    for power in plan.powers:
        console.print(f"  {power.role}: {', '.join(power.holders)}\n      {power.can}")
    coin = network.native.symbol
    console.print(
        f"\n[bold]Cost[/]: {len(plan.missing)} transactions, about "
        f"{format_amount(plan.cost, 18, coin)} ({plan.total_gas:,} gas); "
        f"the account has {format_amount(plan.balance, 18, coin)}\n"
    )


def show_commission(plan: Plan) -> None:
    """Where commission goes, what the pool pays, and where DOBO is bought."""
    network, commission = plan.network, plan.network.commission
    shares = [
        (commission.burn_share, "burnt"),
        (commission.dividend_share, "dividends"),
        *(
            (one.share, plan.addresses.get(one.account, one.account))
            for one in commission.receivers
        ),
    ]
    console.print(
        "\n[bold]Commission[/]: "
        + ", ".join(f"{share // 100}.{share % 100:02} % {to}" for share, to in shares)
        + f"; dividends are paid from {network.dividends.min_weight:,} DOBO of weight on"
    )
    market, exchange = market_of(network, plan.addresses), network.exchange
    source = "deployed here" if exchange is None else f"checked; {exchange.router.source}"
    console.print(
        f"[bold]Exchange[/]: router {market.router}, factory {market.factory}, wrapped coin "
        f"{market.wrapped}, {market.fee} basis points ({source})"
    )


@click.command(cls=ConnectedProviderCommand)
@account_option()
@click.option(
    "--roles",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file with the roles, if they are not in the network file.",
)
@click.option(
    "--confirmations",
    type=click.IntRange(0, 100),
    help="Blocks to wait for at the end (default: the network file's).",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option(
    "--publish",
    "publisher",
    type=click.Choice(["sourcify", "etherscan"]),
    help="Publish the source there afterwards (etherscan needs ETHERSCAN_API_KEY).",
)
def cli(
    account: AccountAPI,
    roles: Path | None,
    confirmations: int | None,
    yes: bool,
    dry_run: bool,
    publisher: str | None,
) -> None:
    """Deploy all contracts, or go on where a deployment stopped."""
    try:
        _deploy(account, roles, confirmations, yes, dry_run, publisher)
    except DonaBlockError as error:
        raise click.ClickException(str(error)) from error


def _deploy(
    account: AccountAPI,
    roles: Path | None,
    confirmations: int | None,
    yes: bool,
    dry_run: bool,
    publisher: str | None,
) -> None:
    network = connected_network()
    if roles is not None:
        network = network.with_roles(roles)
    session = open_session(account, confirmations=confirmations, is_deployed=False)
    path = manifest_path(session.chain_id)
    if path.exists():
        network = _as_begun(network, roles, path)
    deployment = Deployment(session, network, path, say=console.print)
    plan = deployment.plan()
    show(plan)
    if dry_run:
        return
    if plan.missing and not yes:
        click.confirm("Deploy this?", abort=True)
    with unlocked(account):
        manifest = deployment.run(plan)
    report = ensure(session, manifest)
    console.print(f"Deployed and verified ({report.checks} checks). Written to {path}.")
    if publisher is not None:
        for line in publish(manifest, publisher):
            console.print(line)


def _as_begun(network: Network, roles: Path | None, path: Path) -> Network:
    """Roles that were given with --roles when it began need not be given again."""
    if roles is None and network.is_public:
        return network.model_copy(update={"roles": read_manifest(path).inputs.roles})
    return network
