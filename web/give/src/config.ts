// config.json beside the page: which chain, which contracts, which node to read from. Written from the
// manifest of a deployment (donablock/giving/page_config.py).

import { type Address, getAddress, isAddress } from "viem";
import { Fault } from "./errors";
import { plain } from "./text";

export interface Config {
  chainId: number;
  network: string;
  coin: { symbol: string; decimals: number };
  /** Nodes to read from, tried in turn; none: the wallet's own node. */
  rpcUrls: string[];
  /** Where a transaction can be looked up, without a slash at the end; null: nowhere. */
  explorer: string | null;
  confirmations: number;
  /** The block to read logs from, and how many blocks to ask for at once. */
  fromBlock: number;
  logPage: number;
  contracts: { registry: Address; giving: Address; funds: Address; receipts: Address; campaigns: Address };
  /** Symbols that were checked at deployment, which count more than what a token calls itself. */
  symbols: Map<Address, string>;
  /** Folder of metadata documents by hash, beside the page or elsewhere; null: none. */
  metadata: string | null;
  /** Turns ipfs://x into <gateway>x; null: such documents and pictures are not read. */
  ipfsGateway: string | null;
}

export async function loadConfig(): Promise<Config> {
  let raw: unknown;
  try {
    const answer = await fetch("config.json", { cache: "no-cache" });
    if (!answer.ok) throw new Error(String(answer.status));
    raw = await answer.json();
  } catch {
    throw new Fault("This page has no readable config.json beside it. Whoever runs the page writes one from its deployment.");
  }
  try {
    return checked(raw);
  } catch (error) {
    throw new Fault(`The config.json beside this page is wrong: ${(error as Error).message}.`);
  }
}

function checked(raw: unknown): Config {
  const top = record(raw, "the whole");
  const coin = record(top["coin"], "coin");
  const contracts = record(top["contracts"], "contracts");
  const symbols = new Map<Address, string>();
  for (const item of list(top["assets"] ?? [], "assets")) {
    const asset = record(item, "assets");
    symbols.set(address(asset["address"], "assets.address"), text(asset["symbol"], "assets.symbol"));
  }
  return {
    chainId: whole(top["chain_id"], "chain_id"),
    network: text(top["network"], "network"),
    coin: { symbol: text(coin["symbol"], "coin.symbol"), decimals: 18 },
    rpcUrls: list(top["rpc_urls"] ?? [], "rpc_urls").map((url) => httpUrl(url, "rpc_urls")),
    explorer: top["explorer"] == null ? null : httpUrl(top["explorer"], "explorer").replace(/\/+$/, ""),
    confirmations: whole(top["confirmations"] ?? 1, "confirmations"),
    fromBlock: whole(top["from_block"] ?? 0, "from_block"),
    logPage: whole(top["log_page"] ?? 10_000, "log_page"),
    contracts: {
      registry: address(contracts["registry"], "contracts.registry"),
      giving: address(contracts["giving"], "contracts.giving"),
      funds: address(contracts["funds"], "contracts.funds"),
      receipts: address(contracts["receipts"], "contracts.receipts"),
      campaigns: address(contracts["campaigns"], "contracts.campaigns"),
    },
    symbols,
    metadata: top["metadata"] == null ? null : text(top["metadata"], "metadata"),
    ipfsGateway: top["ipfs_gateway"] == null ? null : httpUrl(top["ipfs_gateway"], "ipfs_gateway"),
  };
}

function record(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${where} is not an object`);
  return value as Record<string, unknown>;
}

function list(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${where} is not a list`);
  return value;
}

function text(value: unknown, where: string): string {
  if (typeof value !== "string" || value === "") throw new Error(`${where} is not a text`);
  return plain(value, 80);
}

function whole(value: unknown, where: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new Error(`${where} is not a whole number`);
  return value;
}

function address(value: unknown, where: string): Address {
  if (typeof value !== "string" || !isAddress(value)) throw new Error(`${where} is not an address`);
  return getAddress(value);
}

function httpUrl(value: unknown, where: string): string {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) throw new Error(`${where} is not an http(s) address`);
  return value as string;
}
