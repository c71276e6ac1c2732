// What can be given: the network's coin and the tokens that the contracts have listed.

import { type Address, getAddress, zeroAddress } from "viem";
import { FUNDS, GIVING, read, TOKEN } from "./abi";
import type { Config } from "./config";
import type { Reader } from "./rpc";
import { plain } from "./text";

export interface Asset {
  /** The zero address is the network's coin. */
  address: Address;
  symbol: string;
  decimals: number;
  /** Taken for charities, and for funds. */
  forCharities: boolean;
  forFunds: boolean;
}

interface AssetInfo {
  is_listed: boolean;
  decimals: bigint;
}

export const isCoin = (asset: Asset): boolean => asset.address === zeroAddress;

export async function loadAssets(reader: Reader, config: Config): Promise<Asset[]> {
  const { giving, funds } = config.contracts;
  const [forCharities, forFunds] = await Promise.all([listed(reader, giving, "giving"), listed(reader, funds, "funds")]);
  const addresses = [...new Set([...forCharities.keys(), ...forFunds.keys()])];
  const tokens = await Promise.all(
    addresses.map(async (address): Promise<Asset> => {
      const decimals = forCharities.get(address) ?? forFunds.get(address) ?? 0;
      const symbol = config.symbols.get(address) ?? (await symbolOf(reader, address));
      return { address, symbol, decimals, forCharities: forCharities.has(address), forFunds: forFunds.has(address) };
    }),
  );
  return [{ address: zeroAddress, ...config.coin, forCharities: true, forFunds: true }, ...tokens];
}

/** Token -> decimals, as the contract fixed them at listing. */
async function listed(reader: Reader, contract: Address, kind: "giving" | "funds"): Promise<Map<Address, number>> {
  const abi = kind === "giving" ? GIVING : FUNDS;
  const known = await read<readonly Address[]>(reader, contract, abi, "known_assets");
  const found = new Map<Address, number>();
  await Promise.all(
    known.map(async (asset) => {
      const info = await read<AssetInfo>(reader, contract, abi, "asset_info", [asset]);
      if (info.is_listed) found.set(getAddress(asset), Number(info.decimals));
    }),
  );
  // In the order of listing, whichever answer came first.
  return new Map([...found].sort(([one], [other]) => known.indexOf(one) - known.indexOf(other)));
}

export async function symbolOf(reader: Reader, token: Address): Promise<string> {
  const symbol = await read<string>(reader, token, TOKEN, "symbol").catch(() => "");
  return plain(symbol, 12) || `${token.slice(0, 8)}\u2026`;
}

export async function balanceOf(reader: Reader, asset: Asset, account: Address): Promise<bigint> {
  if (isCoin(asset)) return BigInt((await reader.request("eth_getBalance", [account, "latest"])) as string);
  return read<bigint>(reader, asset.address, TOKEN, "balanceOf", [account]);
}
