// Who can be given to: charities, funds and campaigns, put together from the logs of their contracts.

import { type Abi, type Address, getAddress, type Hex } from "viem";
import { CAMPAIGNS, decodeLog, type Fields, FUNDS, type Log, REGISTRY, topicsOf } from "./abi";
import { keep, recall } from "./cache";
import type { Campaign } from "./campaign";
import type { Config } from "./config";
import { head, logsOf, type Reader } from "./rpc";
import { goalsOf } from "./sdgs";
import { plain } from "./text";

export type Status = "open" | "suspended" | "expired" | "revoked";

export interface Charity {
  kind: "charity";
  id: number;
  payee: Address;
  legalId: Hex;
  goals: number[];
  /** Seconds. */
  expiry: number;
  suspendedUntil: number;
  isRevoked: boolean;
  metadataHash: Hex;
  uri: string;
  /** From the metadata document, once it is read and its hash is right. */
  name: string | null;
  about: string | null;
  country: string | null;
  /** A document was looked for. */
  isRead: boolean;
}

export interface Member {
  charityId: number;
  weight: number;
  isDropped: boolean;
}

export interface Epoch {
  number: number;
  /** Seconds. */
  startsAt: number;
  members: Member[];
}

export interface Fund {
  kind: "fund";
  id: number;
  name: string;
  running: Epoch | null;
  next: Epoch | null;
}

export interface Directory {
  charities: Map<number, Charity>;
  funds: Map<number, Fund>;
  campaigns: Map<number, Campaign>;
  /** The time of the block up to which the logs were read, in seconds. */
  now: number;
}

const REGISTRY_EVENTS = [
  "Verified",
  "Renewed",
  "Suspended",
  "Reinstated",
  "Revoked",
  "MetadataChanged",
  "SdgsChanged",
  "PayeeChanged",
];
const FUND_EVENTS = ["FundCreated", "EpochAnnounced", "EpochCancelled", "Dropped"];
const CAMPAIGN_EVENTS = ["CampaignCreated"];

// A member is packed in 32 bits: charity 18, weight 14; eight of them in a word.
const MEMBER_BITS = 32n;
const MEMBERS_IN_WORD = 8;
const CHARITY_BITS = 18n;

export async function loadDirectory(reader: Reader, config: Config, onProgress: (share: number) => void): Promise<Directory> {
  const { number: to, timestamp: now } = await head(reader);
  const { registry, funds, campaigns } = config.contracts;
  const kept = await recall(reader, config);
  const added = await logsOf(
    reader,
    {
      addresses: [registry, funds, campaigns],
      topics: [...topicsOf(REGISTRY, REGISTRY_EVENTS), ...topicsOf(FUNDS, FUND_EVENTS), ...topicsOf(CAMPAIGNS, CAMPAIGN_EVENTS)],
      from: kept === null ? config.fromBlock : kept.to + 1,
      to,
      page: config.logPage,
    },
    onProgress,
  );
  const logs = [...(kept?.logs ?? []), ...added];
  await keep(reader, config, logs, to);
  return directoryOf(logs, config.contracts, now);
}

export function directoryOf(logs: readonly Log[], { registry, funds, campaigns }: Config["contracts"], now: number): Directory {
  const found = { charities: new Map<number, Charity>(), funds: new Map<number, FundSoFar>(), campaigns: new Map<number, Campaign>() };
  const readers = new Map<string, [Abi, (name: string, fields: Fields) => void]>([
    [registry.toLowerCase(), [REGISTRY, (name, fields) => applyToCharities(found.charities, name, fields)]],
    [funds.toLowerCase(), [FUNDS, (name, fields) => applyToFunds(found.funds, name, fields)]],
    [campaigns.toLowerCase(), [CAMPAIGNS, (_, fields) => addCampaign(found.campaigns, fields)]],
  ]);
  for (const log of logs) {
    const [abi, apply] = readers.get(log.address.toLowerCase()) ?? [];
    const event = abi === undefined ? null : decodeLog(abi, log);
    if (event !== null) apply?.(event.name, event.fields);
  }
  return { ...found, funds: new Map([...found.funds].map(([id, fund]) => [id, settled(fund, now)])), now };
}

/** Whether a charity may receive a gift; the same rule as the registry's `status`. */
export function statusOf(charity: Charity, now: number): Status {
  if (charity.isRevoked) return "revoked";
  if (now < charity.suspendedUntil) return "suspended";
  return now < charity.expiry ? "open" : "expired";
}

export function nameOf(item: Charity | Fund | Campaign): string {
  if (item.kind === "fund") return item.name;
  if (item.kind === "campaign") return item.terms?.name ?? `Campaign no. ${item.id}`;
  return item.name ?? `Charity no. ${item.id}`;
}

interface FundSoFar {
  id: number;
  name: string;
  epochs: Map<number, Epoch>;
}

function applyToCharities(charities: Map<number, Charity>, name: string, fields: Fields): void {
  const id = Number(fields["charity_id"]);
  if (name === "Verified") {
    charities.set(id, {
      kind: "charity",
      id,
      payee: fields["payee"] as Address,
      legalId: fields["legal_id"] as Hex,
      goals: goalsOf(fields["sdgs"] as bigint),
      expiry: Number(fields["expiry"]),
      suspendedUntil: 0,
      isRevoked: false,
      metadataHash: fields["metadata_hash"] as Hex,
      uri: String(fields["uri"]),
      name: null,
      about: null,
      country: null,
      isRead: false,
    });
    return;
  }
  const charity = charities.get(id);
  if (charity === undefined) return;
  switch (name) {
    case "Renewed":
      charity.expiry = Number(fields["expiry"]);
      break;
    case "Suspended":
      charity.suspendedUntil = Number(fields["suspended_until"]);
      break;
    case "Reinstated":
      charity.suspendedUntil = 0;
      break;
    case "Revoked":
      charity.isRevoked = true;
      break;
    case "MetadataChanged":
      charity.metadataHash = fields["metadata_hash"] as Hex;
      charity.uri = String(fields["uri"]);
      break;
    case "SdgsChanged":
      charity.goals = goalsOf(fields["sdgs"] as bigint);
      break;
    case "PayeeChanged":
      charity.payee = fields["new_payee"] as Address;
      break;
  }
}

function applyToFunds(funds: Map<number, FundSoFar>, name: string, fields: Fields): void {
  const id = Number(fields["fund_id"]);
  if (name === "FundCreated") {
    funds.set(id, { id, name: plain(String(fields["name"]), 64) || `Fund no. ${id}`, epochs: new Map() });
    return;
  }
  const epochs = funds.get(id)?.epochs;
  const number = Number(fields["epoch"]);
  if (name === "EpochAnnounced") {
    epochs?.set(number, {
      number,
      startsAt: Number(fields["starts_at"]),
      members: unpack(fields["members"] as readonly bigint[], Number(fields["member_count"])),
    });
  } else if (name === "EpochCancelled") {
    epochs?.delete(number);
  } else if (name === "Dropped") {
    for (const member of epochs?.get(number)?.members ?? []) {
      if (member.charityId === Number(fields["charity_id"])) member.isDropped = true;
    }
  }
}

function addCampaign(campaigns: Map<number, Campaign>, fields: Fields): void {
  const id = Number(fields["number"]);
  campaigns.set(id, {
    kind: "campaign",
    id,
    address: getAddress(fields["campaign"] as Address),
    charityId: Number(fields["charity_id"]),
    creator: getAddress(fields["creator"] as Address),
    terms: null,
    offer: null,
    standing: null,
  });
}

function unpack(words: readonly bigint[], size: number): Member[] {
  return Array.from({ length: size }, (_, at) => {
    const word = words[Math.floor(at / MEMBERS_IN_WORD)] ?? 0n;
    const packed = BigInt.asUintN(Number(MEMBER_BITS), word >> (MEMBER_BITS * BigInt(at % MEMBERS_IN_WORD)));
    return {
      charityId: Number(BigInt.asUintN(Number(CHARITY_BITS), packed)),
      weight: Number(packed >> CHARITY_BITS),
      isDropped: false,
    };
  });
}

function settled(fund: FundSoFar, now: number): Fund {
  const epochs = [...fund.epochs.values()].sort((one, other) => one.number - other.number);
  const isOpen = (epoch: Epoch | undefined): epoch is Epoch => epoch !== undefined && epoch.members.some((member) => !member.isDropped);
  const running = epochs.findLast((epoch) => epoch.startsAt <= now);
  return {
    kind: "fund",
    id: fund.id,
    name: fund.name,
    running: isOpen(running) ? running : null,
    next: epochs.findLast((epoch) => epoch.startsAt > now) ?? null,
  };
}
