// What this page says to the contracts and reads from them, from the ABIs that the contracts' compiler wrote.

import { type Abi, type Address, type Hex, decodeEventLog, decodeFunctionResult, encodeFunctionData, parseAbi, toEventSelector } from "viem";
import campaignAbi from "../../../interfaces/Campaign.json";
import campaignsAbi from "../../../interfaces/CampaignFactory.json";
import registryAbi from "../../../interfaces/CharityRegistry.json";
import fundsAbi from "../../../interfaces/IndexFunds.json";
import givingAbi from "../../../interfaces/Giving.json";
import receiptsAbi from "../../../interfaces/ReceiptBook.json";
import type { Reader } from "./rpc";

export const REGISTRY = registryAbi as Abi;
export const FUNDS = fundsAbi as Abi;
export const GIVING = givingAbi as Abi;
export const RECEIPTS = receiptsAbi as Abi;
/** The factory, and each of its campaigns. */
export const CAMPAIGNS = campaignsAbi as Abi;
export const CAMPAIGN = campaignAbi as Abi;

export const TOKEN: Abi = parseAbi([
  "function symbol() view returns (string)",
  "function name() view returns (string)",
  "function version() view returns (string)",
  "function decimals() view returns (uint8)",
  "function balanceOf(address) view returns (uint256)",
  "function allowance(address,address) view returns (uint256)",
  "function approve(address,uint256)",
  "function nonces(address) view returns (uint256)",
  "function DOMAIN_SEPARATOR() view returns (bytes32)",
  "function PERMIT_TYPEHASH() view returns (bytes32)",
]);

export interface Log {
  address: Address;
  topics: Hex[];
  data: Hex;
  blockNumber: Hex;
  logIndex: Hex;
}

export type Fields = Record<string, unknown>;

export const encode = (abi: Abi, functionName: string, args: readonly unknown[] = []): Hex =>
  encodeFunctionData({ abi, functionName, args });

/** Calls a view and decodes its answer. */
export async function read<T>(reader: Reader, to: Address, abi: Abi, functionName: string, args: readonly unknown[] = []): Promise<T> {
  const data = await reader.request("eth_call", [{ to, data: encode(abi, functionName, args) }, "latest"]);
  return decodeFunctionResult({ abi, functionName, args, data: data as Hex }) as T;
}

/** First topics of events. */
export const topicsOf = (abi: Abi, names: readonly string[]): Hex[] =>
  names.map((name) => {
    const event = abi.find((item) => item.type === "event" && item.name === name);
    if (event?.type !== "event") throw new Error(`the ABI has no event ${name}`);
    return toEventSelector(event);
  });

/** A log's name and fields; null where the ABI does not know it. */
export function decodeLog(abi: Abi, log: Log): { name: string; fields: Fields } | null {
  try {
    const { eventName, args } = decodeEventLog({ abi, data: log.data, topics: log.topics as [Hex, ...Hex[]] });
    return { name: String(eventName), fields: (args ?? {}) as unknown as Fields };
  } catch {
    return null;
  }
}
