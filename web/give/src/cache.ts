// Logs that were read before and cannot change any more, so that a second visit reads only what is new.
// Nothing about the donor is kept: these are the public logs of the registry, the funds and the factory of campaigns.

import { numberToHex } from "viem";
import type { Log } from "./abi";
import type { Config } from "./config";
import type { Reader } from "./rpc";

/** Blocks that may still be replaced, with room: what is younger is always read anew. */
const UNSETTLED = 128;

interface Kept {
  /** The logs reach from the config's first block to this one. */
  to: number;
  /** Its hash: another chain, or a chain begun anew, is recognised by it. */
  hash: string;
  logs: Log[];
}

const keyOf = ({ chainId, contracts, fromBlock }: Config): string =>
  `donablock-logs-2:${chainId}:${contracts.registry}:${contracts.funds}:${contracts.campaigns}:${fromBlock}`;

async function hashOf(reader: Reader, block: number): Promise<string | null> {
  const found = (await reader.request("eth_getBlockByNumber", [numberToHex(block), false])) as { hash: string } | null;
  return found?.hash ?? null;
}

/** What was kept, or null where nothing was, or where it is of another chain. */
export async function recall(reader: Reader, config: Config): Promise<Kept | null> {
  try {
    const kept = JSON.parse(localStorage.getItem(keyOf(config)) ?? "null") as Kept | null;
    return kept !== null && (await hashOf(reader, kept.to)) === kept.hash ? kept : null;
  } catch {
    // A full or forbidden store, or a node that does not know the block: the logs are read anew.
    return null;
  }
}

export async function keep(reader: Reader, config: Config, logs: readonly Log[], head: number): Promise<void> {
  const to = head - UNSETTLED;
  if (to < config.fromBlock) return;
  const hash = await hashOf(reader, to).catch(() => null);
  if (hash === null) return;
  const settled = logs.filter((log) => Number(log.blockNumber) <= to);
  const slim = settled.map(({ address, topics, data, blockNumber, logIndex }) => ({ address, topics, data, blockNumber, logIndex }));
  try {
    localStorage.setItem(keyOf(config), JSON.stringify({ to, hash, logs: slim } satisfies Kept));
  } catch {
    // No room: the next visit reads everything again.
  }
}
