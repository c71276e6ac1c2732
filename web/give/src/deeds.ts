// What can be done with a campaign beside pledging: deciding it, paying back, paying out, voting. Anybody may do
// most of it, and none of it can send money anywhere but where the contract owes it.

import { type Address, getAddress, hexToBigInt, isAddress } from "viem";
import { CAMPAIGN, decodeLog, encode, type Fields, read } from "./abi";
import { formatAmount } from "./amounts";
import { isOpen, type ReadCampaign, stageEnd } from "./campaign";
import { explain, Fault, inWords } from "./errors";
import { mined, type Place, send, tried, withMargin } from "./sending";

export interface Deed {
  id: "finalise" | "refund" | "refund-other" | "approve" | "object" | "settle" | "claim";
  label: string;
  /** What comes of it. */
  words: string;
  /** Takes a backer's address from a field beside it. */
  asksBacker: boolean;
  call: string;
  args: unknown[];
}

const FAILED = 2n;
const STAGED = 4n;

/** A campaign's amount with its symbol. */
export const money = ({ terms: { asset } }: ReadCampaign, amount: bigint): string => `${formatAmount(amount, asset.decimals)} ${asset.symbol}`;

/** What can be done now, as far as the page knows; the node is asked again before anything is sent. */
export function deedsOf(campaign: ReadCampaign): Deed[] {
  const { terms, standing, offer } = campaign;
  const { state, stage, mine, now } = standing;
  const found: Deed[] = [];
  const add = (id: Deed["id"], label: string, words: string, call: string, ...args: unknown[]): void => {
    found.push({ id, label, words, asksBacker: id === "refund-other", call, args });
  };
  if (state === "open" && (!isOpen(campaign) || offer?.isRevoked === true)) {
    const isWon = offer?.isRevoked !== true && standing.raised > 0n && (!terms.isAllOrNothing || standing.raised >= terms.goal);
    const words = isWon
      ? "It has raised what it needs. Deciding it lets the charity have the money."
      : "It has not succeeded. Deciding it lets everybody be paid back.";
    add("finalise", "Decide the campaign", words, "finalise");
  }
  if (state === "failed" || state === "rejected") {
    if (mine !== null && mine.refundable > 0n) {
      add("refund", `Take ${money(campaign, mine.refundable)} back`, "It goes to your address, whoever asks for it.", "refund_for", mine.account);
    }
    const left = standing.raised - standing.refunded - (state === "rejected" ? standing.released : 0n);
    if (left > 0n) {
      add("refund-other", "Pay back", "The money goes to that backer alone. You pay the network fee.", "refund_for");
    }
  }
  if (stage !== null && now >= stageEnd(stage)) {
    const isReleased = stage.reportedAt !== 0 && stage.objections <= stage.approvals;
    const words = isReleased ? "Its share will be released to the charity." : "It is rejected, and what is not released is paid back.";
    add("settle", "Settle the milestone", words, "settle");
  }
  if (stage !== null && stage.reportedAt !== 0 && now < stageEnd(stage) && mine !== null && mine.contribution > 0n && !mine.hasVoted) {
    const weight = money(campaign, mine.contribution);
    add("approve", "Approve", `Your vote counts ${weight}, once.`, "vote", true);
    add("object", "Object", "Read the report first, and compare its hash. Silence approves.", "vote", false);
  }
  if (standing.released > standing.claimed) {
    const sum = money(campaign, standing.released - standing.claimed);
    add("claim", `Pay ${sum} to the charity`, "It goes to the address in the registry, whoever asks for it.", "claim");
  }
  return found;
}

/** Does it, by the account; what the campaign's log says of it, in words. */
export async function act(place: Place, campaign: ReadCampaign, deed: Deed, account: Address, backer: string, onSent: () => void): Promise<string> {
  const args = deed.asksBacker ? [await checkedBacker(place, campaign, backer)] : deed.args;
  const sending = { from: account, to: campaign.address, data: encode(CAMPAIGN, deed.call, args), value: 0n };
  let gas: bigint;
  try {
    gas = await tried(place, sending);
  } catch (error) {
    throw explain(error);
  }
  const hash = await send(place, { ...sending, gas: withMargin(gas) });
  onSent();
  const receipt = await mined(place.reader, hash);
  if (hexToBigInt(receipt.status) !== 1n) {
    throw new Fault(`The network refused the transaction ${hash}. Nothing has changed; somebody may have been faster.`);
  }
  for (const log of receipt.logs) {
    if (log.address.toLowerCase() !== campaign.address.toLowerCase()) continue;
    const found = decodeLog(CAMPAIGN, log);
    const said = found === null ? null : inLogWords(campaign, found.name, found.fields);
    if (said !== null) return said;
  }
  throw new Fault(`The transaction ${hash} went through, but the campaign logged nothing of it. Please have it looked at.`);
}

async function checkedBacker({ reader }: Place, campaign: ReadCampaign, text: string): Promise<Address> {
  const clean = text.trim();
  if (!isAddress(clean)) throw new Fault("This is no address. Copy the backer's whole address: 0x and 40 digits.");
  const backer = getAddress(clean);
  const contribution = await read<bigint>(reader, campaign.address, CAMPAIGN, "contribution", [backer]);
  if (contribution === 0n) throw new Fault(inWords("campaign: nothing to refund"));
  return backer;
}

function inLogWords(campaign: ReadCampaign, name: string, fields: Fields): string | null {
  const sum = (field: string): string => money(campaign, fields[field] as bigint);
  switch (name) {
    case "Finalised":
      if (fields["outcome"] === FAILED) return "Decided: the campaign has failed, and everybody can be paid back now.";
      return fields["outcome"] === STAGED
        ? "Decided: the campaign has succeeded, and its milestones begin."
        : "Decided: the campaign has succeeded, and the charity can have the money now.";
    case "Refunded":
      return `${sum("amount")} went back to ${String(fields["receiver"])}.`;
    case "Voted":
      return `Your vote counts, with ${sum("weight")}.`;
    case "Settled":
      return fields["is_released"] === true
        ? `Settled: ${sum("amount")} is released to the charity.`
        : "Settled: the milestone is rejected. What is not released can be paid back now.";
    case "Claimed":
      return `${sum("amount")} went to the charity at ${String(fields["receiver"])}.`;
    default:
      return null;
  }
}
