// One transaction through the wallet: on the right chain, tried on the node first, and followed into its block.

import { type Address, type Hex, isHex, numberToHex } from "viem";
import type { Log } from "./abi";
import type { Config } from "./config";
import { explain, Fault } from "./errors";
import { chainIdOf, type Provider, type Reader } from "./rpc";
import { walletChain } from "./wallets";

export interface Place {
  reader: Reader;
  provider: Provider;
  config: Config;
}

// Room for what changes between the estimate and the block, and for the 63/64 rule of calls.
const GAS_MARGIN = 125n;
const POLL = 1000;
const PATIENCE = 600_000;

const sleep = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

/** The page's node and the wallet must both be on the page's chain, now. */
export async function sameChain({ reader, provider, config }: Place): Promise<void> {
  if ((await walletChain(provider)) !== config.chainId) {
    throw new Fault(`Your wallet is on another network. Switch it to ${config.network} first.`, "chain");
  }
  if ((await chainIdOf(reader)) !== config.chainId) {
    throw new Fault("The node that this page reads from is on another network. Whoever runs the page must mend its config.json.");
  }
}

/** Runs a call on the node without sending it. Returns its gas; throws what the node answered. */
export async function tried({ reader }: Pick<Place, "reader">, { from, to, data, value }: Omit<Sending, "gas">): Promise<bigint> {
  const call = { from, to, data, value: numberToHex(value) };
  await reader.request("eth_call", [call, "latest"]);
  return BigInt((await reader.request("eth_estimateGas", [call])) as string);
}

export const withMargin = (gas: bigint): bigint => (gas * GAS_MARGIN) / 100n;

export interface Sending {
  from: Address;
  to: Address;
  data: Hex;
  value: bigint;
  /** null: the wallet's own estimate. */
  gas: bigint | null;
}

/** Hands it to the wallet; returns its hash. */
export async function send(place: Place, { from, to, data, value, gas }: Sending): Promise<Hex> {
  await sameChain(place);
  const transaction = {
    from,
    to,
    data,
    value: numberToHex(value),
    chainId: numberToHex(place.config.chainId),
    ...(gas === null ? {} : { gas: numberToHex(gas) }),
  };
  try {
    const hash = await place.provider.request({ method: "eth_sendTransaction", params: [transaction] });
    if (!isHex(hash) || hash.length !== 66) throw new Fault("Your wallet gave no transaction hash. Look there before you try again.");
    return hash;
  } catch (error) {
    throw explain(error);
  }
}

export interface TransactionReceipt {
  status: Hex;
  blockNumber: Hex;
  gasUsed: Hex;
  effectiveGasPrice: Hex;
  logs: Log[];
}

/** Waits until it is in a block. */
export async function mined(reader: Reader, hash: Hex): Promise<TransactionReceipt> {
  for (let waited = 0; waited < PATIENCE; waited += POLL) {
    // A node that fails to answer once has not lost the transaction.
    const receipt = await reader.request("eth_getTransactionReceipt", [hash]).catch(() => null);
    if (receipt !== null && receipt !== undefined) return receipt as TransactionReceipt;
    await sleep(waited === 0 ? POLL / 4 : POLL);
  }
  throw new Fault(
    `The transaction ${hash} is not in a block yet. It may still get there, so do not give again before you have looked it up.`,
  );
}

