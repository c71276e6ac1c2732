"""/v1/chains: which chains there are, and how far each is read."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import Field

from donablock.chain.chains import Chain
from donablock.errors import NotFoundError
from donablock.monitors.events import ChainState, chain_states
from donablock.web.access import Reader
from donablock.web.parts import parts_of
from donablock.web.shapes import MOST_INTEGER, Shown, Time
from donablock.web.strict import Route

router = APIRouter(route_class=Route, tags=["chains"])


class ChainShown(Shown):
    chain_id: int
    name: str
    confirmations: int = Field(description="Blocks on top of an event's before it is confirmed")
    state: Literal["following", "backfilling", "halted", "not read"] = Field(
        description="`not read`: monitors of it can be made, and find nothing until somebody reads "
        "it; `halted`: a person has to decide how it goes on"
    )
    halted_because: str | None
    number: int | None = Field(description="The last block that was read")
    hash: str | None
    block_time: Time | None
    read_at: Time | None
    matched_number: int | None = Field(description="The last block that was matched")
    matched_at: Time | None
    waiting: int = Field(description="Messages about blocks that are not matched yet")


class ChainList(Shown):
    data: list[ChainShown]


def _shown(chain_id: int, chain: Chain | None, state: ChainState | None) -> ChainShown:
    if state is not None:
        return ChainShown.model_validate(state)
    assert chain is not None
    return ChainShown(
        chain_id=chain_id,
        name=chain.name,
        confirmations=chain.confirmations,
        state="not read",
        halted_because=None,
        number=None,
        hash=None,
        block_time=None,
        read_at=None,
        matched_number=None,
        matched_at=None,
        waiting=0,
    )


async def _all(request: Request) -> dict[int, ChainShown]:
    parts = parts_of(request)
    states = {state.chain_id: state for state in await chain_states(parts.database)}
    known = sorted(parts.chains.keys() | states.keys())
    return {one: _shown(one, parts.chains.get(one), states.get(one)) for one in known}


@router.get("/v1/chains", summary="List chains")
async def list_chains(request: Request, _caller: Reader) -> ChainList:
    """Every chain that monitors may name, by id, with how far it is read and matched."""
    return ChainList(data=list((await _all(request)).values()))


@router.get("/v1/chains/{chain_id}", summary="Get a chain")
async def get_chain(
    request: Request,
    _caller: Reader,
    chain_id: Annotated[int, Path(ge=1, le=MOST_INTEGER, examples=[11155111])],
) -> ChainShown:
    """One chain."""
    found = (await _all(request)).get(chain_id)
    if found is None:
        raise NotFoundError(f"there is no chain {chain_id}")
    return found
