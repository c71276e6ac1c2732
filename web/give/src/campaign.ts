// A campaign as it stands: what it promised, what it offers, what was pledged, and by this wallet.

import { type Address, getAddress, type Hex, zeroAddress } from "viem";
import { CAMPAIGN, CAMPAIGNS, decodeLog, read, REGISTRY, topicsOf } from "./abi";
import { type Asset, symbolOf } from "./assets";
import type { Config } from "./config";
import { head, logsOf, type Reader } from "./rpc";
import { plain } from "./text";

export type State = "open" | "failed" | "succeeded" | "staged" | "rejected";

/** What was promised; never changes. */
export interface Terms {
  name: string;
  symbol: string;
  asset: Asset;
  /** Smallest unit of the asset, as every amount here. */
  goal: bigint;
  /** The first second that takes no pledge. */
  deadline: number;
  isAllOrNothing: boolean;
  /** Hundredths of a percent: of a resale, and what each milestone releases. */
  royalty: number;
  milestones: number[];
  tierCount: number;
}

export interface Tier {
  number: number;
  price: bigint;
  supply: bigint;
  left: bigint;
  /** The creator's own words; see artwork.ts. */
  artwork: string;
}

/** What can be chosen, and what the creator says more. */
export interface Offer {
  tiers: Tier[];
  page: string;
  /** The registry's word on the charity, at this moment. */
  isRevoked: boolean;
  report: Report | null;
}

export interface Report {
  /** The milestone, from 0. */
  stage: number;
  hash: Hex;
  uri: string;
}

export interface Stage {
  number: number;
  /** Seconds; 0: no report yet. */
  beganAt: number;
  reportedAt: number;
  approvals: bigint;
  objections: bigint;
}

export interface Backer {
  account: Address;
  contribution: bigint;
  refundable: bigint;
  tokens: bigint;
  hasVoted: boolean;
}

/** What changes, as of a block. */
export interface Standing {
  /** The block's time in seconds. */
  now: number;
  state: State;
  raised: bigint;
  released: bigint;
  claimed: bigint;
  refunded: bigint;
  /** The running milestone. */
  stage: Stage | null;
  mine: Backer | null;
}

export interface Campaign {
  kind: "campaign";
  id: number;
  address: Address;
  charityId: number;
  creator: Address;
  /** null: not read yet. */
  terms: Terms | null;
  offer: Offer | null;
  standing: Standing | null;
}

/** What a backer pledges to, once it is read. */
export type ReadCampaign = Campaign & { terms: Terms; standing: Standing };

export const isRead = (campaign: Campaign): campaign is ReadCampaign => campaign.terms !== null && campaign.standing !== null;

const STATES: State[] = ["open", "failed", "succeeded", "staged", "rejected"];
export const VOTE = 14 * 86_400;
export const PATIENCE = 180 * 86_400;
export const MAX_PLEDGES = 64n;
export const MAX_RAISED = 2n ** 128n - 1n;
const SHARE_BITS = 16n;
const REVOKED = 1n;

/** As the contract's `terms`, `status` and `tier` answer. */
export interface RawTerms {
  asset: Address;
  charity_id: bigint;
  deadline: bigint;
  is_all_or_nothing: boolean;
  royalty: bigint;
  tiers: bigint;
  milestones: bigint;
  shares: bigint;
}

export interface RawStatus {
  state: bigint;
  raised: bigint;
  released: bigint;
  claimed: bigint;
  refunded: bigint;
  stage: bigint;
  stage_began_at: bigint;
  reported_at: bigint;
  approvals: bigint;
  objections: bigint;
}

export interface RawTier {
  price: bigint;
  supply: bigint;
  uri: string;
}

/** Where a campaign is read from, and for which account. */
export interface Source {
  reader: Reader;
  config: Config;
  /** Those known already. */
  assets: readonly Asset[];
  account: Address | null;
}

const ask = <T>({ reader }: Pick<Source, "reader">, campaign: Campaign, name: string, args: unknown[] = []): Promise<T> =>
  read<T>(reader, campaign.address, CAMPAIGN, name, args);

/** Reads what a card shows: the terms once, the standing anew. `now`: the time of the latest block, where it is known. */
export async function readStanding(source: Source, campaign: Campaign, now?: number): Promise<void> {
  const { account } = source;
  const [terms, status, time, mine] = await Promise.all([
    campaign.terms ?? readTerms(source, campaign),
    ask<RawStatus>(source, campaign, "status"),
    now ?? head(source.reader).then(({ timestamp }) => timestamp),
    account === null ? null : readBacker(source, campaign, account),
  ]);
  const state = STATES[Number(status.state) - 1] ?? "open";
  const stage: Stage | null =
    state !== "staged"
      ? null
      : {
          number: Number(status.stage),
          beganAt: Number(status.stage_began_at),
          reportedAt: Number(status.reported_at),
          approvals: status.approvals,
          objections: status.objections,
        };
  campaign.terms = terms;
  const { raised, released, claimed, refunded } = status;
  campaign.standing = { now: time, state, raised, released, claimed, refunded, stage, mine };
}

/** Reads all of a campaign, the standing anew. */
export async function readWhole(source: Source, campaign: Campaign): Promise<void> {
  const { reader, config, account } = source;
  await readStanding(source, campaign);
  if (!isRead(campaign)) return;
  const { terms, standing } = campaign;
  const { stage, mine } = standing;
  const [page, charityStatus, tiers, report, hasVoted] = await Promise.all([
    ask<string>(source, campaign, "contractURI"),
    read<bigint>(reader, config.contracts.registry, REGISTRY, "status", [BigInt(campaign.charityId)]),
    Promise.all(Array.from({ length: terms.tierCount }, (_, number) => readTier(source, campaign, number))),
    stage === null || stage.reportedAt === 0 ? null : readReport(source, campaign, stage).catch(() => null),
    account === null || stage === null ? false : ask<boolean>(source, campaign, "has_voted", [account, BigInt(stage.number)]),
  ]);
  campaign.offer = { tiers, page: plain(page, 128), isRevoked: charityStatus === REVOKED, report };
  if (mine !== null) mine.hasVoted = hasVoted;
}

async function readTerms(source: Source, campaign: Campaign): Promise<Terms> {
  const [raw, goal, name, symbol] = await Promise.all([
    ask<RawTerms>(source, campaign, "terms"),
    ask<bigint>(source, campaign, "goal"),
    ask<string>(source, campaign, "name"),
    ask<string>(source, campaign, "symbol"),
  ]);
  return {
    name: plain(name, 64) || `Campaign no. ${campaign.id}`,
    symbol: plain(symbol, 16) || "NFT",
    asset: await assetOf(source, raw.asset),
    goal,
    deadline: Number(raw.deadline),
    isAllOrNothing: raw.is_all_or_nothing,
    royalty: Number(raw.royalty),
    milestones: Array.from({ length: Number(raw.milestones) }, (_, at) =>
      Number(BigInt.asUintN(Number(SHARE_BITS), raw.shares >> (SHARE_BITS * BigInt(at)))),
    ),
    tierCount: Number(raw.tiers),
  };
}

async function readTier(source: Source, campaign: Campaign, number: number): Promise<Tier> {
  const [tier, sold] = await Promise.all([
    ask<RawTier>(source, campaign, "tier", [BigInt(number)]),
    ask<bigint>(source, campaign, "sold", [BigInt(number)]),
  ]);
  return { number, price: tier.price, supply: tier.supply, left: tier.supply - sold, artwork: plain(tier.uri, 128) };
}

async function readBacker(source: Source, campaign: Campaign, account: Address): Promise<Backer> {
  const [contribution, refundable, tokens] = await Promise.all([
    ask<bigint>(source, campaign, "contribution", [account]),
    ask<bigint>(source, campaign, "refundable", [account]),
    ask<bigint>(source, campaign, "balanceOf", [account]),
  ]);
  return { account, contribution, refundable, tokens, hasVoted: false };
}

/** The asset of a campaign: one that gifts know already, or one that the factory alone has listed, once or still. */
async function assetOf({ reader, config, assets }: Source, raw: Address): Promise<Asset> {
  const address = getAddress(raw);
  const known = assets.find((asset) => asset.address === address);
  if (known !== undefined) return known;
  const nobodys = { address, forCharities: false, forFunds: false };
  if (address === zeroAddress) return { ...nobodys, ...config.coin };
  const { decimals } = await read<{ decimals: bigint }>(reader, config.contracts.campaigns, CAMPAIGNS, "asset_info", [address]);
  const symbol = config.symbols.get(address) ?? (await symbolOf(reader, address));
  return { ...nobodys, symbol, decimals: Number(decimals) };
}

/** Where the running milestone's report lies: the log of the block in which `reported_at` was set. */
async function readReport({ reader, config: { logPage: page } }: Source, campaign: Campaign, stage: Stage): Promise<Report | null> {
  const known = campaign.offer?.report;
  if (known?.stage === stage.number) return known;
  const last = (await head(reader)).number;
  const from = await blockAt(reader, stage.reportedAt, 0, last);
  // Several blocks of a fast chain have the same second.
  const to = await blockAt(reader, stage.reportedAt + 1, from, last);
  const logs = await logsOf(reader, { addresses: [campaign.address], topics: topicsOf(CAMPAIGN, ["Reported"]), from, to, page });
  for (const log of logs) {
    const fields = decodeLog(CAMPAIGN, log)?.fields;
    if (fields !== undefined && Number(fields["stage"]) === stage.number) {
      return { stage: stage.number, hash: fields["report"] as Hex, uri: plain(String(fields["uri"]), 128) };
    }
  }
  return null;
}

/** The first of some blocks that is not before a second; the last one where all are. */
async function blockAt(reader: Reader, seconds: number, first: number, last: number): Promise<number> {
  let [low, high] = [first, last];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await head(reader, middle)).timestamp < seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}

// --- what can be said of it ---

/** Whether pledges are taken, as far as the campaign itself goes. */
export const isOpen = ({ terms, standing }: ReadCampaign): boolean => standing.state === "open" && standing.now < terms.deadline;

/** When the running milestone can be settled, in seconds. */
export const stageEnd = (stage: Stage): number => (stage.reportedAt === 0 ? stage.beganAt + PATIENCE : stage.reportedAt + VOTE);

/** Percent of the goal, rounded down. */
export const percentOf = ({ terms, standing }: ReadCampaign): bigint => (standing.raised * 100n) / terms.goal;
