"""The role that puts the outbox into Kafka."""

from __future__ import annotations

from donablock.errors import InputError
from donablock.roles.context import Context
from donablock.store.opening import opened_relay


async def run(context: Context) -> None:
    """Until it is cancelled. Raises InputError where no Kafka is named."""
    async with opened_relay(context.database, context.settings) as relay:
        if relay is None:
            raise InputError("the relay has nowhere to put anything: name brokers, DONABLOCK_KAFKA")
        await context.database.lead("relay", relay.run)
