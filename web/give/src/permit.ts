// EIP-2612: letting a contract take an exact amount by signature instead of by a transaction.

import { type Address, domainSeparator, type Hex, isHex, keccak256, parseAbi, toHex, type TypedDataDomain } from "viem";
import { read, TOKEN } from "./abi";
import { Fault } from "./errors";
import type { Provider, Reader } from "./rpc";

export interface Domain {
  fields: { name: string; type: string }[];
  values: TypedDataDomain;
}

export interface Signature {
  deadline: bigint;
  v: number;
  r: Hex;
  s: Hex;
}

const TYPES = [
  { name: "owner", type: "address" },
  { name: "spender", type: "address" },
  { name: "value", type: "uint256" },
  { name: "nonce", type: "uint256" },
  { name: "deadline", type: "uint256" },
];
const TYPE_HASH = keccak256(toHex("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"));

const EIP_5267 = parseAbi([
  "function eip712Domain() view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)",
]);

/**
 * The token's EIP-712 domain where it takes EIP-2612 permits from this account, else null.
 * Sure, not likely: the domain is rebuilt here and must hash to what the token says it is.
 */
export async function permitDomain(reader: Reader, token: Address, owner: Address, chainId: number): Promise<Domain | null> {
  const ask = <T>(name: string, args: unknown[] = []): Promise<T | null> => read<T>(reader, token, TOKEN, name, args).catch(() => null);
  const [separator, nonce, typeHash, code] = await Promise.all([
    ask<Hex>("DOMAIN_SEPARATOR"),
    ask<bigint>("nonces", [owner]),
    ask<Hex>("PERMIT_TYPEHASH"),
    reader.request("eth_getCode", [owner, "latest"]) as Promise<Hex>,
  ]);
  if (separator === null || nonce === null) return null;
  // DAI's permit has other words and another type hash.
  if (typeHash !== null && typeHash !== TYPE_HASH) return null;
  // A contract cannot sign for ecrecover; an account with a delegation (EIP-7702) can.
  if (code !== "0x" && !code.startsWith("0xef0100")) return null;
  for (const { name, version } of await names(reader, token, ask)) {
    for (const domain of [domainOf(name, version, chainId, token), domainOf(name, null, chainId, token)]) {
      if (separator === domainSeparator({ domain: domain.values })) return domain;
    }
  }
  return null;
}

async function names(
  reader: Reader,
  token: Address,
  ask: <T>(name: string) => Promise<T | null>,
): Promise<{ name: string; version: string }[]> {
  const said = await read<readonly unknown[]>(reader, token, EIP_5267, "eip712Domain").catch(() => null);
  if (said !== null) return [{ name: String(said[1]), version: String(said[2]) }];
  const [name, version] = await Promise.all([ask<string>("name"), ask<string>("version")]);
  if (name === null) return [];
  return [...(version === null ? [] : [version]), "1", "2"].map((each) => ({ name, version: each }));
}

function domainOf(name: string, version: string | null, chainId: number, verifyingContract: Address): Domain {
  const rest = [
    { name: "chainId", type: "uint256" },
    { name: "verifyingContract", type: "address" },
  ];
  if (version === null) {
    return { fields: [{ name: "name", type: "string" }, ...rest], values: { name, chainId, verifyingContract } };
  }
  return {
    fields: [{ name: "name", type: "string" }, { name: "version", type: "string" }, ...rest],
    values: { name, version, chainId, verifyingContract },
  };
}

export interface Permission {
  owner: Address;
  spender: Address;
  value: bigint;
  nonce: bigint;
  deadline: bigint;
}

/** Has the wallet sign a permit. */
export async function signPermit(provider: Provider, domain: Domain, permission: Permission): Promise<Signature> {
  const { owner, deadline } = permission;
  const typedData = {
    types: { EIP712Domain: domain.fields, Permit: TYPES },
    primaryType: "Permit",
    domain: domain.values,
    message: permission,
  };
  const text = JSON.stringify(typedData, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
  const signature = await provider.request({ method: "eth_signTypedData_v4", params: [owner, text] });
  if (!isHex(signature) || signature.length !== 132) {
    throw new Fault("Your wallet's signature has a form that tokens do not understand.", "permit");
  }
  const v = Number.parseInt(signature.slice(130), 16);
  return {
    deadline,
    v: v < 27 ? v + 27 : v,
    r: signature.slice(0, 66) as Hex,
    s: `0x${signature.slice(66, 130)}`,
  };
}
