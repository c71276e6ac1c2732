"""The testnets' deployments, for real but for the chain.

ape's command line, a keystore and the networks' own files, on anvil with the networks' ids.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from donablock.chain.keys import LocalSigner
from donablock.chain.networks import network_of
from donablock.chain.plan import OURS, ROUTER
from donablock.chain.session import Session
from tests.harness.conftest import ALIAS, PASSPHRASE, Rehearsal

pytestmark = [pytest.mark.ape, pytest.mark.anvil, pytest.mark.slow]

Rehearse = Callable[..., Rehearsal]


def done(manifest: dict[str, Any]) -> list[str]:
    return [name for name, e in manifest["contracts"].items() if e["status"] == "done"]


@pytest.mark.parametrize("chain_id", [11155111, 97])
def test_a_testnet_is_deployed_and_verified_through_ape(rehearse: Rehearse, chain_id: int) -> None:
    rehearsal = rehearse(chain_id)
    ape, network = rehearsal.ape, network_of(chain_id)
    code, output = ape.run(*rehearsal.deploy_arguments())
    assert code == 0, output

    # the plan was shown: every address, role, asset and delay
    manifest = ape.manifest(chain_id)
    assert list(manifest["contracts"]) == list(OURS)
    for name, entry in manifest["contracts"].items():
        assert f"{entry['address']}  {name}" in output
    for token in network.tokens:
        assert token.address in output and token.source in output
    exchange = network.exchange
    assert exchange is not None
    for place in (exchange.factory, exchange.router):
        assert place.address in output and place.source in output
    for role in ("registrar", "operator"):
        assert rehearsal.roles[role] in output
    assert "50.00 % burnt, 50.00 % dividends" in output
    assert "from 1,000,000 DOBO of weight on" in output
    assert f"timelock {network.delays.timelock:,}" in output

    assert manifest["status"] == "complete" and manifest["chain_id"] == chain_id
    assert manifest["deployer"] == ape.deployer
    # nothing of this machine, and no secret, is in it
    text = ape.manifest_file(chain_id).read_text()
    assert "site-packages" not in text and PASSPHRASE not in text
    assert rehearsal.node.w3.eth.get_transaction_count(to_checksum_address(ape.deployer)) == len(
        OURS
    )

    code, output = ape.run("verify", "--network", rehearsal.choice)
    assert code == 0, output
    assert "checks passed" in output and "wrong" not in output and "changed since" not in output

    # the same once more: nothing is sent; --roles need not be said again
    arguments = ("--network", rehearsal.choice, "--account", ALIAS, "--confirmations", "0")
    code, output = ape.run("deploy", *arguments)
    assert code == 0 and "0 transactions" in output, output
    assert rehearsal.node.w3.eth.get_transaction_count(to_checksum_address(ape.deployer)) == len(
        OURS
    )


def test_what_was_changed_is_caught_by_name(rehearse: Rehearse) -> None:
    rehearsal = rehearse(97)
    ape, node = rehearsal.ape, rehearsal.node
    code, output = ape.run(*rehearsal.deploy_arguments())
    assert code == 0, output
    verify = ("verify", "--network", rehearsal.choice)
    path = ape.manifest_file(97)
    right = path.read_text()

    manifest = json.loads(right)
    manifest["contracts"]["DonaGive"]["block"] += 1
    manifest["contracts"]["Vesting"]["transaction"] = manifest["contracts"]["Giving"]["transaction"]
    path.write_text(json.dumps(manifest))
    code, output = ape.run(*verify)
    assert code == 1
    assert "DonaGive: block" in output and "Vesting: address made by" in output
    path.write_text(right)

    # one byte of the code, one of an immutable
    giving = json.loads(right)["contracts"]["Giving"]["address"]
    funds = json.loads(right)["contracts"]["IndexFunds"]["address"]
    was = bytearray(node.w3.eth.get_code(giving))
    node.set_code(giving, bytes(was[:100] + bytes([was[100] ^ 1]) + was[101:]))
    was = bytearray(node.w3.eth.get_code(funds))
    node.set_code(funds, bytes(was[:-1] + bytes([was[-1] ^ 1])))
    code, output = ape.run(*verify)
    assert code == 1
    assert f"Giving: code at {giving}" in output
    assert "IndexFunds: immutable EPOCH_NOTICE" in output


def test_it_is_killed_in_the_middle_and_goes_on(rehearse: Rehearse) -> None:
    rehearsal = rehearse(97, block_time=1)
    ape = rehearsal.ape
    process = ape.start(*rehearsal.deploy_arguments())
    deadline = time.monotonic() + 200
    while not ape.manifest_file(97).exists() or len(done(ape.manifest(97))) < 3:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    begun = ape.manifest(97)
    assert begun["status"] == "deploying" and 3 <= len(done(begun)) < len(OURS)
    predicted = {name: entry["address"] for name, entry in begun["contracts"].items()}

    # what was on its way gets into a block, as on a real network
    time.sleep(1.5)
    code, output = ape.run(*rehearsal.deploy_arguments())
    assert code == 0, output
    finished = ape.manifest(97)
    assert {name: e["address"] for name, e in finished["contracts"].items()} == predicted
    sent = rehearsal.node.w3.eth.get_transaction_count(to_checksum_address(ape.deployer))
    assert sent == len(OURS), "nothing was sent twice"


def test_a_foreign_transaction_in_the_middle_moves_the_rest(rehearse: Rehearse) -> None:
    rehearsal = rehearse(97, block_time=1)
    ape, node = rehearsal.ape, rehearsal.node
    process = ape.start(*rehearsal.deploy_arguments())
    deadline = time.monotonic() + 200
    # past the last of those that the reserve names
    while not ape.manifest_file(97).exists() or len(done(ape.manifest(97))) < 8:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(1.5)
    begun = ape.manifest(97)
    node.request("anvil_impersonateAccount", ape.deployer)
    foreign = {"from": ape.deployer, "to": ape.deployer, "value": "0x1", "gas": hex(21_000)}
    sent = node.request("eth_sendTransaction", foreign)
    Session(node.w3, 97).wait(sent)

    code, output = ape.run(*rehearsal.deploy_arguments())
    assert code == 0, output
    assert "moved" in output
    finished = ape.manifest(97)
    for name in OURS[:7]:
        assert finished["contracts"][name]["address"] == begun["contracts"][name]["address"]
    for name in ("DonaGive", "ReceiptBook", "Giving", "IndexFunds"):
        assert finished["contracts"][name]["address"] != begun["contracts"][name]["address"]
    # the registry had been told addresses that no longer come true
    assert "CharityRegistry" in {gone["name"] for gone in finished["abandoned"]}
    assert "Deployed and verified" in output


def test_it_refuses_what_cannot_be_meant(rehearse: Rehearse) -> None:
    rehearsal = rehearse(97)
    ape, node = rehearsal.ape, rehearsal.node
    account = to_checksum_address(ape.deployer)

    def refused(*arguments: str) -> str:
        code, output = ape.run(*arguments)
        assert code != 0, output
        assert node.w3.eth.get_transaction_count(account) == 0, "something was sent"
        assert not ape.manifest_file(97).exists()
        assert "Traceback" not in output
        return " ".join(output.split())

    here = ("--network", rehearsal.choice, "--yes")
    # the node is on another chain than the network that was named
    output = refused("deploy", "--network", f"ethereum:sepolia:{node.url}", "--account", ALIAS)
    assert "'97'" in output and "'11155111'" in output
    # nobody has been named for the roles
    output = refused("deploy", *here, "--account", ALIAS)
    assert "bsc-testnet: roles not filled in" in output and "--roles FILE" in output
    # an account whose key everybody has
    output = refused("deploy", *here, "--account", "TEST::0", "--roles", str(rehearsal.roles_file))
    assert "test accounts" in output and "bsc-testnet is public" in output
    # a token that is not what the file says
    token = network_of(97).tokens[1]
    node.set_code(token.address, bytes.fromhex("601060005260206000f3"))
    output = refused(*rehearsal.deploy_arguments())
    assert f"{token.symbol} at {token.address}" in output and token.source in output


def test_it_refuses_an_exchange_that_is_not_what_the_file_says(rehearse: Rehearse) -> None:
    rehearsal = rehearse(97)
    ape, node = rehearsal.ape, rehearsal.node
    exchange = network_of(97).exchange
    assert exchange is not None
    # the router of another factory
    session = Session(node.w3, 97, LocalSigner.test_account(0))
    other = session.deploy(ROUTER, session.address, network_of(97).tokens[2].address)
    node.set_code(exchange.router.address, bytes(node.w3.eth.get_code(other.address)))
    code, output = ape.run(*rehearsal.deploy_arguments())
    assert code != 0 and "Traceback" not in output, output
    shown = " ".join(output.split())
    assert f"router of {exchange.name} at {exchange.router.address}" in shown
    assert f"in the file {exchange.factory.address}" in shown
    assert node.w3.eth.get_transaction_count(to_checksum_address(ape.deployer)) == 0
    assert not ape.manifest_file(97).exists()
