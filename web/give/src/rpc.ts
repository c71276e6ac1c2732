// JSON-RPC, through a node of the config or through the wallet.

import { type Address, type Hex, numberToHex } from "viem";
import type { Log } from "./abi";
import { Fault, RpcError } from "./errors";

/** EIP-1193. */
export interface Provider {
  request(call: { method: string; params?: unknown }): Promise<unknown>;
  on?(event: string, listener: (value: unknown) => void): void;
  removeListener?(event: string, listener: (value: unknown) => void): void;
}

export interface Reader {
  request(method: string, params?: readonly unknown[]): Promise<unknown>;
}

const TIMEOUT = 20_000;

/** Reads from the first of several nodes that answers. */
export class HttpReader implements Reader {
  #at = 0;
  #id = 0;

  constructor(readonly urls: readonly string[]) {}

  async request(method: string, params: readonly unknown[] = []): Promise<unknown> {
    let last: unknown = null;
    for (let tried = 0; tried < this.urls.length; tried += 1) {
      try {
        return await this.#ask(this.urls[this.#at] as string, method, params);
      } catch (error) {
        // An answer is an answer, also when it is a refusal; only a silent node is left for the next.
        if (error instanceof RpcError) throw error;
        last = error;
        this.#at = (this.#at + 1) % this.urls.length;
      }
    }
    throw new Fault(`The network's node does not answer (${(last as Error).message}). Check your connection and try again.`);
  }

  async #ask(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
    this.#id += 1;
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: this.#id, method, params }),
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const body = (await answer.json()) as { result?: unknown; error?: { code: number; message: string; data?: unknown } };
    if (body.error) throw new RpcError(body.error.code, body.error.message, body.error.data);
    if (!("result" in body)) throw new Error(`status ${answer.status}`);
    return body.result;
  }
}

/** Reads through a wallet. */
export class WalletReader implements Reader {
  constructor(readonly provider: Provider) {}

  request(method: string, params: readonly unknown[] = []): Promise<unknown> {
    return this.provider.request({ method, params });
  }
}

export const chainIdOf = async (reader: Reader): Promise<number> => Number(await reader.request("eth_chainId"));

export interface Head {
  number: number;
  /** Seconds. */
  timestamp: number;
}

/** The latest block, or the one of a number. */
export async function head(reader: Reader, number: number | null = null): Promise<Head> {
  const block = (await reader.request("eth_getBlockByNumber", [number === null ? "latest" : numberToHex(number), false])) as { number: Hex; timestamp: Hex };
  return { number: Number(block.number), timestamp: Number(block.timestamp) };
}

export interface LogQuery {
  addresses: readonly Address[];
  /** Any of these as first topic. */
  topics: readonly Hex[];
  from: number;
  to: number;
  page: number;
}

const SMALLEST_PAGE = 16;

/** Logs in pages of blocks; a page that a node finds too large is asked for in halves. */
export async function logsOf(reader: Reader, query: LogQuery, onProgress: (share: number) => void = () => {}): Promise<Log[]> {
  const found: Log[] = [];
  let page = query.page;
  let from = query.from;
  while (from <= query.to) {
    const to = Math.min(from + page - 1, query.to);
    let part: Log[];
    try {
      part = (await reader.request("eth_getLogs", [
        {
          address: query.addresses,
          topics: [query.topics],
          fromBlock: numberToHex(from),
          toBlock: numberToHex(to),
        },
      ])) as Log[];
    } catch (error) {
      if (error instanceof Fault || page <= SMALLEST_PAGE || to === from) throw error;
      page = Math.max(SMALLEST_PAGE, Math.floor((to - from + 1) / 2));
      continue;
    }
    found.push(...part);
    from = to + 1;
    onProgress((from - query.from) / (query.to - query.from + 1));
  }
  return found;
}
