"""Whether a network file's tokens and exchange are on the chain what the file says. Asked before
anything is deployed, and by the check of a deployment."""

from __future__ import annotations

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from web3 import Web3

from donablock.chain.networks import BASIS, Network
from donablock.chain.session import ask
from donablock.errors import ChainError, NetworkFileError, WrongChainError


def check_tokens(w3: Web3, network: Network) -> None:
    """Code, symbol and decimals of each token are what the file says, or NetworkFileError."""
    if w3.eth.chain_id not in network.chain_ids:
        raise WrongChainError(network.chain_id, w3.eth.chain_id)
    for token in network.tokens:
        where = f"{network.name}: {token.symbol} at {token.address} (source: {token.source})"
        if not w3.eth.get_code(to_checksum_address(token.address)):
            raise NetworkFileError(f"{where}: there is no contract; correct the file or the node")
        symbol = _symbol(_read_view(w3, token.address, "symbol()", where), where)
        decimals = int.from_bytes(_read_view(w3, token.address, "decimals()", where)[:32], "big")
        for what, found, said in (
            ("symbol", symbol, token.symbol),
            ("decimals", decimals, token.decimals),
        ):
            if found != said:
                raise NetworkFileError(
                    f"{where}: its {what} on chain is {found!r}, in the file {said!r}; find out "
                    "which is right before you go on"
                )


def check_exchange(w3: Web3, network: Network) -> None:
    """The router's factory, wrapped coin and fee are what the file says, or NetworkFileError.

    A fee that is too high in the file is refused, and one that is too low is not: a purchase may be
    as large as the fee makes a sandwich around it lose, so too low a fee only makes it smaller.
    """
    if w3.eth.chain_id not in network.chain_ids:
        raise WrongChainError(network.chain_id, w3.eth.chain_id)
    exchange = network.exchange
    if exchange is None:
        return
    (wrapped,) = (token for token in network.tokens if token.symbol == exchange.wrapped)
    factory, router = exchange.factory, exchange.router
    for what, place in (("factory", factory), ("router", router)):
        if not w3.eth.get_code(to_checksum_address(place.address)):
            raise NetworkFileError(
                f"{network.name}: {what} of {exchange.name} at {place.address} (source: "
                f"{place.source}): there is no contract; correct the file or the node"
            )
    where = f"{network.name}: router of {exchange.name} at {router.address} ({router.source})"
    for signature, what, said in (
        ("factory()", "factory", factory.address),
        ("WETH()", "wrapped coin", wrapped.address),
    ):
        found = to_checksum_address(_read_view(w3, router.address, signature, where)[12:32])
        if found != said:
            raise NetworkFileError(
                f"{where}: its {what} on chain is {found}, in the file {said}; find out which is "
                "right before you go on"
            )
    fee = _fee_of(w3, router.address, where)
    if fee < exchange.fee:
        raise NetworkFileError(
            f"{where}: it takes {fee} basis points, and the file says {exchange.fee} "
            f"({exchange.fee_source}); find out which is right before you go on"
        )


def _fee_of(w3: Web3, router: str, where: str) -> int:
    """What a router takes off, in basis points: rounded down from what it quotes for a trade that
    is too small to move the price."""
    amount, reserve = BASIS**2, BASIS**8
    signature = "getAmountOut(uint256,uint256,uint256)"
    quoted = _read_view(w3, router, signature, where, amount, reserve, reserve)
    return (amount - int.from_bytes(quoted[:32], "big")) // BASIS


def _read_view(w3: Web3, address: str, signature: str, where: str, *arguments: str | int) -> bytes:
    kinds = signature.partition("(")[2].rstrip(")").split(",") if arguments else []
    data = Web3.keccak(text=signature)[:4] + encode(kinds, arguments)
    to = to_checksum_address(address)
    try:
        found = bytes(ask(lambda: w3.eth.call({"to": to, "data": data})))
    except ChainError as error:
        raise NetworkFileError(f"{where}: {signature} fails: {error}") from error
    if len(found) < 32:
        raise NetworkFileError(f"{where}: {signature} gives nothing; this is another contract")
    return found


def _symbol(answer: bytes, where: str) -> str:
    try:
        if len(answer) == 32:  # old tokens: a bytes32
            return answer.rstrip(b"\0").decode()
        length = int.from_bytes(answer[32:64], "big")
        return answer[64 : 64 + length].decode()
    except UnicodeDecodeError as error:
        raise NetworkFileError(f"{where}: its symbol is not text") from error
