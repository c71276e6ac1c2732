// The three ways a gift goes: to a charity, into an index fund, or as a pledge to a campaign. Each knows its
// contract, what has to be true beforehand, the call, and the log that proves it.

import { type Abi, type Address, getAddress, type Hex } from "viem";
import { CAMPAIGN, CAMPAIGNS, encode, type Fields, FUNDS, GIVING, read, REGISTRY } from "./abi";
import { formatAmount } from "./amounts";
import { type Asset, isCoin } from "./assets";
import { MAX_PLEDGES, MAX_RAISED, type RawStatus, type RawTerms, type RawTier } from "./campaign";
import type { Config } from "./config";
import { explain, Fault, inWords } from "./errors";
import type { Intent, Recipient } from "./gift";
import type { Signature } from "./permit";
import { head, type Reader } from "./rpc";

export interface Route {
  abi: Abi;
  /** The contract that is called. */
  contract: Address;
  /** The log that proves the gift. */
  event: string;
  /**
   * What a gift whose permission is not there yet will take, the whole transaction without its permit: measured on
   * anvil (prague) with the receiver's first token, rounded up; later ones take less. tests/browser holds it against
   * what is used.
   */
  tokenGas: bigint;
  /** Says what is in the way; else where the money goes: the charity's address, or the contract where it waits. */
  check(): Promise<Address>;
  call(signature: Signature | null): Hex;
  /** Whether the log says what was intended, word for word. */
  saysSo(fields: Fields, payee: Address): boolean;
}

type To<K extends Recipient["kind"]> = Extract<Recipient, { kind: K }>;

export function routeOf(reader: Reader, config: Config, intent: Intent): Route {
  const { recipient } = intent;
  if (recipient.kind === "charity") return toCharity(reader, config, intent, recipient);
  if (recipient.kind === "fund") return toFund(reader, config, intent, recipient);
  return toCampaign(reader, config, intent, recipient);
}

function toCharity(reader: Reader, { contracts }: Config, intent: Intent, { id }: To<"charity">): Route {
  const { asset, amount, tip, memo, wantsReceipt, donor } = intent;
  return {
    abi: GIVING,
    contract: contracts.giving,
    event: "Donated",
    tokenGas: 71_000n,
    check: async () => {
      const payee = await payeeOf(reader, contracts.registry, BigInt(id));
      if (isSame(payee, donor)) throw new Fault(inWords("giving: donor is the payee"));
      await checkListed(reader, contracts.giving, GIVING, "giving", asset);
      return payee;
    },
    call: (signature) => encode(GIVING, callName("donate", asset, signature), [BigInt(id), ...what(asset, amount), memo, tip, wantsReceipt, ...permit(signature)]),
    saysSo: (fields, payee) => says(fields, { donor, asset: asset.address, amount, memo, charity_id: BigInt(id), payee }),
  };
}

function toFund(reader: Reader, { contracts }: Config, intent: Intent, { id, epoch }: To<"fund">): Route {
  const { asset, amount, memo, wantsReceipt, donor } = intent;
  const { funds } = contracts;
  return {
    abi: FUNDS,
    contract: funds,
    event: "FundDonated",
    tokenGas: 97_500n,
    check: async () => {
      const [running, stoppedUntil, { timestamp }] = await Promise.all([
        read<bigint>(reader, funds, FUNDS, "running_epoch", [BigInt(id)]),
        read<bigint>(reader, funds, FUNDS, "stopped_until"),
        head(reader),
      ]);
      if (running === 0n) throw new Fault(inWords("funds: fund has no epoch"));
      if (running !== BigInt(epoch)) throw new Fault(inWords("funds: epoch is not running"));
      if (BigInt(timestamp) < stoppedUntil) throw new Fault(inWords("funds: entries are stopped"));
      await checkListed(reader, funds, FUNDS, "funds", asset);
      return funds;
    },
    call: (signature) =>
      encode(FUNDS, callName("donate", asset, signature), [BigInt(id), BigInt(epoch), ...what(asset, amount), memo, wantsReceipt, ...permit(signature)]),
    saysSo: (fields) => says(fields, { donor, asset: asset.address, amount, memo, fund_id: BigInt(id), epoch: BigInt(epoch) }),
  };
}

function toCampaign(reader: Reader, { contracts }: Config, intent: Intent, { address, tier }: To<"campaign">): Route {
  const { asset, amount, memo, donor } = intent;
  const ofAsset = isCoin(asset) ? [] : [amount];
  return {
    abi: CAMPAIGN,
    contract: address,
    event: "Pledged",
    tokenGas: 137_500n,
    check: async () => {
      await checkPledge(reader, contracts, intent, { address, tier });
      return address;
    },
    call: (signature) => encode(CAMPAIGN, callName("pledge", asset, signature), [BigInt(tier), ...ofAsset, memo, ...permit(signature)]),
    saysSo: (fields) => says(fields, { backer: donor, memo, tier: BigInt(tier), amount }),
  };
}

/** The contract's own conditions, in its order: a pledge by permit is signed before a node can try it. */
async function checkPledge(
  reader: Reader,
  { campaigns, registry }: Config["contracts"],
  { asset, amount, donor }: Intent,
  { address, tier }: { address: Address; tier: number },
): Promise<void> {
  const ask = <T>(name: string, args: unknown[] = []): Promise<T> => read<T>(reader, address, CAMPAIGN, name, args);
  // Anybody can put a contract somewhere that says it is a campaign.
  const number = await read<bigint>(reader, campaigns, CAMPAIGNS, "number_of", [address]);
  if (number === 0n) throw new Fault("This is no campaign of this factory. Send it nothing.");
  const [status, terms, tokens, { timestamp }] = await Promise.all([
    ask<RawStatus>("status"),
    ask<RawTerms>("terms"),
    ask<bigint>("balanceOf", [donor]),
    head(reader),
  ]);
  if (status.state !== 1n) throw new Fault(inWords("campaign: not open"));
  if (BigInt(timestamp) >= terms.deadline) throw new Fault(inWords("campaign: deadline has passed"));
  await read(reader, campaigns, CAMPAIGNS, "check_pledge", [asset.address]).catch(refuse);
  const payee = await payeeOf(reader, registry, terms.charity_id);
  if (isSame(payee, donor)) throw new Fault(inWords("campaign: backer is the payee"));
  if (BigInt(tier) >= terms.tiers) throw new Fault(inWords("campaign: unknown tier"));
  const [chosen, sold] = await Promise.all([ask<RawTier>("tier", [BigInt(tier)]), ask<bigint>("sold", [BigInt(tier)])]);
  if (amount < chosen.price) {
    throw new Fault(`This NFT takes ${formatAmount(chosen.price, asset.decimals)} ${asset.symbol} or more. Pledge more, or choose another one.`);
  }
  if (sold >= chosen.supply) throw new Fault(inWords("campaign: tier is sold out"));
  if (amount > MAX_RAISED - status.raised) throw new Fault(inWords("campaign: too much"));
  if (tokens >= MAX_PLEDGES) throw new Fault(inWords("campaign: too many pledges by one backer"));
}

const payeeOf = async (reader: Reader, registry: Address, charityId: bigint): Promise<Address> =>
  getAddress(await read<Address>(reader, registry, REGISTRY, "payee_for_gift", [charityId]).catch(refuse));

async function checkListed(reader: Reader, contract: Address, abi: Abi, name: "giving" | "funds", asset: Asset): Promise<void> {
  if (isCoin(asset)) return;
  const info = await read<{ is_listed: boolean }>(reader, contract, abi, "asset_info", [asset.address]);
  if (!info.is_listed) throw new Fault(inWords(`${name}: asset is not listed`));
}

function refuse(error: unknown): never {
  throw explain(error);
}

const callName = (verb: "donate" | "pledge", asset: Asset, signature: Signature | null): string =>
  `${verb}_${isCoin(asset) ? "native" : signature === null ? "token" : "token_with_permit"}`;

const what = (asset: Asset, amount: bigint): unknown[] => (isCoin(asset) ? [] : [asset.address, amount]);

const permit = (signature: Signature | null): unknown[] =>
  signature === null ? [] : [signature.deadline, signature.v, signature.r, signature.s];

const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

const says = (fields: Fields, wanted: Record<string, string | bigint>): boolean =>
  Object.entries(wanted).every(([name, value]) => isSame(String(fields[name]), String(value)));
